#include "smctrain/stats/e_process.h"

#include <doctest/doctest.h>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"

using namespace smctrain;
using namespace smctrain::stats;

TEST_CASE("EProcess.TheStreamGoesOnWithTheSameBitsAfterARestore") {
  const int64_t n = 300;
  Philox random(1, "e_process_test");
  std::vector<int32_t> y(n);
  std::vector<int32_t> codes(2 * n);
  for (auto& code : y) code = static_cast<int32_t>(random.below(3));
  for (auto& code : codes) code = static_cast<int32_t>(random.below(4)) - 1;
  const std::vector<double> shares = {0.2, 0.3, 0.5};
  const EProcessSettings settings{7, 0.5, shares};
  const auto path = e_process(y, {codes.data(), 2, n, n}, 3, settings);

  EProcessStream stream(2, settings);
  for (int64_t t = 0; t < n; ++t) {
    const auto i = static_cast<size_t>(t);
    if (t % 50 == 20) {
      EProcessStream other(2, settings);
      other.restore(stream.state());
      CHECK(other.value() == stream.value());
      stream = other;
    }
    const std::vector<int32_t> row = {codes[i], codes[static_cast<size_t>(n) + i]};
    CHECK(stream.push(y[i], row) == path[i + 1]);
  }
  CHECK(stream.rows() == n);
}

TEST_CASE("EProcess.AStateOfOtherSettingsIsRefused") {
  const EProcessSettings settings{7, 0.5, {}};
  EProcessStream stream(2, settings);
  CHECK_THROWS_AS(EProcessStream(3, settings).restore(stream.state()), Error);
  auto state = stream.state();
  state.wealth[0] = -1.0;
  CHECK_THROWS_AS(stream.restore(state), Error);
  CHECK_THROWS_AS(stream.push(1'000'000'000, std::vector<int32_t>{0, 0}), Error);
}
