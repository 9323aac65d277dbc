// Running statistics against the slow kernels over the same window, and the weights of fractional
// differences.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "smctrain/features/derived/fractional.h"
#include "smctrain/features/derived/running.h"
#include "smctrain/features/derived/sorted_window.h"

using namespace smctrain::features;

namespace {

// A walk with ties, missing values, a bad print and flat stretches.
std::vector<double> inputs(int n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<double> values;
  double level = 1000.0;
  for (int i = 0; i < n; ++i) {
    const bool is_flat = i % 500 > 400;
    if (!is_flat) level += (static_cast<int>(random() % 5) - 2) * 0.25;
    values.push_back(random() % 90 == 0 && !is_flat ? kNaN : level);
  }
  values[static_cast<size_t>(n / 2)] = 1e9;
  values[static_cast<size_t>(n / 3)] = std::numeric_limits<double>::infinity();
  return values;
}

bool close(double left, double right, double tolerance = 1e-10) {
  if (std::isnan(left) || std::isnan(right)) return std::isnan(left) && std::isnan(right);
  return std::abs(left - right) <= tolerance * std::max(1.0, std::abs(right));
}

double slow_deviation(const Window& window) {
  if (!window.usable()) return kNaN;
  const double mean = rolling_mean(window);
  double squares = 0.0;
  for (int i = 0; i < window.width(); ++i) squares += (window.oldest(i) - mean) * (window.oldest(i) - mean);
  return std::sqrt(squares / (window.width() - 1));
}

}  // namespace

TEST_CASE("running moments equal the slow kernels also after a bad print") {
  for (const int width : {2, 3, 7, 20, 101}) {
    const auto values = inputs(4000, 5);
    Window window(width);
    RunningMoments moments(width);
    for (const double value : values) {
      window.push(value);
      moments.push(value);
      REQUIRE(close(moments.mean(), rolling_mean(window)));
      const bool has_print = window.usable() && std::abs(slow_deviation(window)) > 1e6;
      const double scale = has_print ? 1e-6 : 1e-9;
      REQUIRE(close(moments.deviation(), slow_deviation(window), scale));
      REQUIRE(close(moments.slope(), rolling_slope(window), scale));
      if (width > 2) {
        INFO("width ", width, " skew ", moments.skew(), " slow ", rolling_skew(window));
        REQUIRE(close(moments.skew(), rolling_skew(window), 1e-7));
      }
    }
  }
}

TEST_CASE("running autocorrelation equals the slow kernel") {
  for (const int width : {5, 20, 50}) {
    for (const int lag : {1, 2, width - 2}) {
      const auto values = inputs(3000, 6);
      Window window(width);
      RunningAutocorrelation running(width, lag);
      for (const double value : values) {
        window.push(value);
        running.push(value);
        REQUIRE(close(running.value(), rolling_autocorrelation(window, lag), 1e-8));
      }
    }
  }
}

TEST_CASE("a sorted window gives quantiles and ranks as sorting does") {
  for (const int width : {2, 3, 20, 333}) {
    const auto values = inputs(3000, 7);
    Window window(width);
    SortedWindow sorted(width);
    std::vector<double> scratch;
    for (size_t t = 0; t < values.size(); ++t) {
      if (t == 1500) {
        window.reset();
        sorted.reset();
      }
      window.push(values[t]);
      sorted.push(values[t]);
      for (const double share : {0.1, 0.5, 0.9})
        REQUIRE(close(sorted.quantile(share), rolling_quantile(window, share, scratch), 0.0));
      REQUIRE(close(sorted.rank(), rolling_rank(window), 0.0));
    }
  }
}

TEST_CASE("weights of the fractional difference of order 0.4") {
  const auto weights = fractional_weights(0.4);
  const std::vector<double> expected{1.0, -0.4, -0.12, -0.064, -0.0416, -0.029952};
  for (size_t k = 0; k < expected.size(); ++k)
    CHECK(weights[k] == doctest::Approx(expected[k]).epsilon(1e-14));
  CHECK(weights.size() == 282);
  CHECK(std::abs(weights.back()) >= kFractionalTolerance);
  CHECK(fractional_weights(1.0) == std::vector<double>{1.0, -1.0});
  size_t longest = 0;
  for (int h = 1; h <= 100; ++h) longest = std::max(longest, fractional_weights(h / 100.0).size());
  CHECK(longest <= 530);
}

TEST_CASE("a fractional difference is its weights on an impulse and missing while a value is") {
  const auto weights = fractional_weights(0.4);
  FractionalDifference difference(0.4);
  const int w = static_cast<int>(weights.size());
  for (int t = 0; t < w + 50; ++t) {
    const double value = difference.push(0.0);
    CHECK((t + 1 < w ? std::isnan(value) : value == 0.0));
  }
  for (int k = 0; k < w + 5; ++k)
    CHECK(difference.push(k == 0 ? 1.0 : 0.0) == (k < w ? weights[static_cast<size_t>(k)] : 0.0));
  for (int k = 0; k <= w; ++k) CHECK(std::isnan(difference.push(k == 0 ? kNaN : 1.0)) == (k < w));
}
