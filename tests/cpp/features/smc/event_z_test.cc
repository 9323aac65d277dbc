#include "smctrain/features/smc/event_z.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "smctrain/base/rng.h"

using smctrain::features::smc::EventZ;

namespace {

double slow_z(const std::vector<double>& events, size_t at) {
  const size_t n = at < 100 ? at : 100;
  if (n < 20) return std::nan("");
  double mean = 0.0;
  for (size_t i = at - n; i < at; ++i) mean += events[i] / static_cast<double>(n);
  double squares = 0.0;
  for (size_t i = at - n; i < at; ++i) squares += (events[i] - mean) * (events[i] - mean);
  return (events[at] - mean) / std::sqrt(squares / static_cast<double>(n - 1));
}

}  // namespace

TEST_CASE("EventZ.ComparesAnEventWithTheHundredBeforeIt") {
  smctrain::Philox stream(3, uint64_t{9});
  EventZ z;
  std::vector<double> events;
  for (size_t i = 0; i < 700; ++i) {
    // One enormous event must not blur those that come after it has left the window.
    events.push_back(i == 0 || i == 250 ? 1e6 : 1.0 + stream.uniform());
    const double found = z.push(events.back());
    INFO("event " << i);
    if (i < 20) {
      CHECK(std::isnan(found));
    } else {
      CHECK(found == doctest::Approx(slow_z(events, i)).epsilon(1e-8));
    }
  }
}

TEST_CASE("EventZ.EqualEventsHaveNoSpread") {
  EventZ z;
  for (int i = 0; i < 150; ++i) z.push(0.1 + 0.01 * i);
  for (int i = 0; i < 100; ++i) z.push(0.3);
  CHECK(std::isnan(z.push(0.3)));
  CHECK(std::isnan(z.push(0.7)));
  CHECK(!std::isnan(z.push(0.3)));
}

TEST_CASE("EventZ.AMissingValueIsNoEvent") {
  EventZ with;
  EventZ without;
  for (int i = 0; i < 60; ++i) {
    const double value = 1.0 + 0.37 * (i % 7);
    if (i % 5 == 0) CHECK(std::isnan(with.push(std::nan(""))));
    const double a = with.push(value);
    const double b = without.push(value);
    CHECK((std::isnan(a) ? std::isnan(b) : a == b));
  }
  with.reset();
  CHECK(std::isnan(with.push(1.0)));
}
