#include "smctrain/labels/first_touch.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "smctrain/base/rng.h"

using namespace smctrain;

namespace {

int64_t slow(const std::vector<double>& open, const std::vector<double>& high, const std::vector<double>& low,
             double below, double above, int64_t first, int64_t last) {
  for (int64_t j = first; j <= last; ++j) {
    for (const auto* prices : {&open, &high, &low}) {
      const double price = (*prices)[static_cast<size_t>(j)];
      const bool matters = prices == &open || (prices == &high ? !(price < above) : !(price > below));
      if (matters && !(price > below && price < above)) return j;
    }
  }
  return last + 1;
}

}  // namespace

TEST_CASE("every instruction set finds the first touch of every path") {
  Philox random(3, "first touch");
  constexpr int64_t kBars = 203;
  std::vector<double> open(kBars), high(kBars), low(kBars);
  for (size_t i = 0; i < kBars; ++i) {
    open[i] = std::round(random.normal() * 8.0);
    high[i] = open[i] + std::round(std::abs(random.normal()) * 8.0);
    low[i] = open[i] - std::round(std::abs(random.normal()) * 8.0);
    if (i % 41 == 7) high[i] = std::numeric_limits<double>::quiet_NaN();
    if (i % 53 == 9) open[i] = std::numeric_limits<double>::quiet_NaN();
  }
  std::vector<double> below, above;
  std::vector<int64_t> first, last, expected;
  for (int64_t from = 0; from < kBars; ++from) {
    for (const int64_t length : {1, 2, 7, 8, 9, 16, 40}) {
      if (from + length > kBars) continue;
      for (const double distance : {3.0, 12.0, 40.0}) {
        below.push_back(-distance);
        above.push_back(distance);
        first.push_back(from);
        last.push_back(from + length - 1);
        expected.push_back(slow(open, high, low, -distance, distance, from, from + length - 1));
      }
    }
  }
  const labels::Paths paths{static_cast<int64_t>(first.size()), below.data(), above.data(), first.data(),
                            last.data()};
  REQUIRE(!labels::first_touch_levels().empty());
  for (const auto& level : labels::first_touch_levels()) {
    CAPTURE(level.name);
    std::vector<int64_t> touched(first.size(), -1);
    level.function(open.data(), high.data(), low.data(), kBars, paths, touched.data());
    CHECK(touched == expected);
  }
}
