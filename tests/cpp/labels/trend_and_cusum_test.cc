#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "smctrain/labels/cusum.h"
#include "smctrain/labels/trend_scanning.h"

using namespace smctrain::labels;  // NOLINT(google-build-using-namespace)

TEST_CASE("the t values of the trend scanning example") {
  const std::vector<double> closes{100, 101, 102.5, 101.5, 103, 104, 103.5};
  const auto t = trend_t_values(closes);
  const std::vector<double> expected{8.660254, 1.575677, 2.931420, 4.767313, 4.948891};
  REQUIRE(t.size() == expected.size());
  for (size_t i = 0; i < t.size(); ++i) CHECK(std::abs(t[i] - expected[i]) < 5e-7);
}

TEST_CASE("an exact line counts a million and flat closes nothing") {
  CHECK(trend_t_values(std::vector<double>{5, 4, 3, 2}) == std::vector<double>{-1e6, -1e6});
  CHECK(trend_t_values(std::vector<double>{5, 5, 5}) == std::vector<double>{0.0});
}

TEST_CASE("the events of the CUSUM example") {
  const std::vector<double> steps{.4, .5, .3, -.2, -.9, -.4, .1, 1.3};
  Cusum cusum;
  std::vector<std::pair<int, int>> events;
  for (size_t t = 0; t < steps.size(); ++t) {
    const int side = cusum.push(steps[t], 1.0);
    if (side != 0) events.emplace_back(static_cast<int>(t), side);
  }
  CHECK(events == std::vector<std::pair<int, int>>{{2, 1}, {4, -1}, {7, 1}});
}
