#include "smctrain/models/quantile_tracking.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "smctrain/base/error.h"

using namespace smctrain;
using namespace smctrain::models;

namespace {

MatrixView<const double> view(const std::vector<double>& values, int64_t cols) {
  return {values.data(), static_cast<int64_t>(values.size()) / cols, cols, cols};
}

}  // namespace

TEST_CASE("quantile tracking: the shift moves by the rule once an outcome is known") {
  const std::vector<double> prediction{0, 0, 0, 0};
  const std::vector<double> y{1, -1, 1, 1};
  const std::vector<double> levels{0.75};
  const std::vector<double> start{0.0};
  const auto tracked = track_quantiles(view(prediction, 1), y, levels, start, 1.0, 1);
  // above: + 0.75; at or below: - 0.25
  CHECK(tracked.values == std::vector<double>{0, 0.75, 0.5, 1.25});
  CHECK(tracked.shift == std::vector<double>{1.0});
  const auto late = track_quantiles(view(prediction, 1), y, levels, start, 1.0, 3);
  CHECK(late.values == std::vector<double>{0, 0, 0, 0.75});
}

TEST_CASE("quantile tracking: a later outcome never changes an earlier prediction") {
  std::vector<double> y(200, 0.0);
  for (size_t t = 0; t < y.size(); ++t) y[t] = std::sin(static_cast<double>(t * t));
  const std::vector<double> prediction(400, 0.1);
  const std::vector<double> levels{0.2, 0.8};
  const std::vector<double> start{0.0, 0.0};
  const auto before = track_quantiles(view(prediction, 2), y, levels, start, 0.05, 5);
  y[100] = 50.0;
  const auto after = track_quantiles(view(prediction, 2), y, levels, start, 0.05, 5);
  CHECK(std::equal(before.values.begin(), before.values.begin() + 105 * 2, after.values.begin()));
  CHECK(before.values != after.values);
}

TEST_CASE("quantile tracking: coverage holds through a break that no model saw and levels never cross") {
  // Errors of the prediction jump in width and place half way.
  const size_t n = 4000;
  std::vector<double> y(n);
  for (size_t t = 0; t < n; ++t) {
    const double u = std::fmod(static_cast<double>(t) * 0.6180339887498949, 1.0) - 0.5;
    y[t] = t < n / 2 ? u : 2.0 + 3.0 * u;
  }
  const std::vector<double> prediction(n * 3, 0.0);
  const std::vector<double> levels{0.1, 0.5, 0.9};
  const std::vector<double> start{-0.4, 0.0, 0.4};
  const double rate = 0.05;
  const auto tracked = track_quantiles(view(prediction, 3), y, levels, start, rate, 1);
  for (size_t k = 0; k < 3; ++k) {
    double below = 0.0;
    for (size_t t = 0; t < n; ++t) below += y[t] <= tracked.values[t * 3 + k] ? 1.0 : 0.0;
    // Errors lie within 3.5 of the prediction.
    CHECK(std::abs(below / static_cast<double>(n) - levels[k]) <
          (3.5 + rate * 2) / (rate * static_cast<double>(n)));
  }
  for (size_t t = 0; t < n; ++t) CHECK_UNARY(tracked.values[t * 3] <= tracked.values[t * 3 + 2]);
}

TEST_CASE("quantile tracking: what contradicts itself is refused") {
  const std::vector<double> prediction(4, 0.0);
  const std::vector<double> y(2, 0.0);
  const std::vector<double> levels{0.2, 0.8};
  const std::vector<double> start{0.0, 0.0};
  const std::vector<double> falling{0.8, 0.2};
  const std::vector<double> lost{0.0, std::nan("")};
  CHECK_THROWS_AS(track_quantiles(view(prediction, 2), y, falling, start, 0.1, 1), Error);
  CHECK_THROWS_AS(track_quantiles(view(prediction, 2), y, levels, lost, 0.1, 1), Error);
  CHECK_THROWS_AS(track_quantiles(view(prediction, 2), lost, levels, start, 0.1, 1), Error);
  CHECK_THROWS_AS(track_quantiles(view(prediction, 2), y, levels, start, 0.0, 1), Error);
  CHECK_THROWS_AS(track_quantiles(view(prediction, 2), y, levels, start, 0.1, 0), Error);
  CHECK_THROWS_AS(track_quantiles(view(prediction, 1), y, levels, start, 0.1, 1), Error);
}
