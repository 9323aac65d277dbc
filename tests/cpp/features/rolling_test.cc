// Rolling kernels against slow, obvious references over the window at hand.
#include "smctrain/features/technical/rolling.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "smctrain/features/technical/fuzzy.h"

using namespace smctrain::features;

namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// A walk far from zero with ties, and a few missing values.
std::vector<double> inputs(int n, bool with_missing) {
  std::mt19937 random(7);
  std::vector<double> values;
  double level = 1000.0;
  for (int i = 0; i < n; ++i) {
    level += (static_cast<int>(random() % 5) - 2) * 0.25;
    values.push_back(with_missing && random() % 50 == 0 ? kMissing : level);
  }
  return values;
}

struct Reference {
  bool usable;
  std::vector<double> window;
  double mean = 0.0;
  double squares = 0.0;
};

Reference reference(const std::vector<double>& values, int t, int width) {
  Reference result{t + 1 >= width, {}};
  if (!result.usable) return result;
  result.window.assign(values.begin() + t + 1 - width, values.begin() + t + 1);
  for (const double value : result.window) result.usable = result.usable && std::isfinite(value);
  if (!result.usable) return result;
  for (const double value : result.window) result.mean += value / width;
  for (const double value : result.window) result.squares += (value - result.mean) * (value - result.mean);
  return result;
}

}  // namespace

TEST_CASE("sums and variances equal their definition and heal after missing values") {
  for (const bool with_missing : {false, true}) {
    const auto values = inputs(3000, with_missing);
    RollingSum sum(20);
    RollingVariance variance(20);
    for (int t = 0; t < 3000; ++t) {
      const double total = sum.push(values[static_cast<size_t>(t)]);
      variance.push(values[static_cast<size_t>(t)]);
      const auto expected = reference(values, t, 20);
      REQUIRE(std::isfinite(total) == expected.usable);
      REQUIRE(std::isfinite(variance.variance(1)) == expected.usable);
      if (!expected.usable) continue;
      CHECK(total / 20 == doctest::Approx(expected.mean).epsilon(1e-13));
      CHECK(variance.mean() == doctest::Approx(expected.mean).epsilon(1e-13));
      CHECK(std::abs(variance.variance(1) - expected.squares / 19) <= 1e-10 * (1.0 + expected.squares));
    }
  }
}

TEST_CASE("a window of equal values has variance exactly zero after any history") {
  RollingVariance variance(10);
  RollingSum sum(10);
  for (int i = 0; i < 37; ++i) {
    variance.push(1e6 * std::sin(i) + 0.1);
    sum.push(1e6 * std::sin(i) + 0.1);
  }
  double total = 0.0;
  for (int i = 0; i < 10; ++i) {
    variance.push(0.0);
    total = sum.push(0.0);
  }
  CHECK(variance.variance(0) == 0.0);
  CHECK(std::isnan(variance.z()));
  CHECK(total == 0.0);
}

TEST_CASE("extremes and their ages follow the newest tie") {
  const auto values = inputs(2000, true);
  RollingMax high(15);
  RollingMin low(15);
  for (int t = 0; t < 2000; ++t) {
    const double top = high.push(values[static_cast<size_t>(t)]);
    const double bottom = low.push(values[static_cast<size_t>(t)]);
    const auto expected = reference(values, t, 15);
    REQUIRE(high.usable() == expected.usable);
    REQUIRE(std::isfinite(top) == expected.usable);
    if (!expected.usable) continue;
    CHECK(top == *std::max_element(expected.window.begin(), expected.window.end()));
    CHECK(bottom == *std::min_element(expected.window.begin(), expected.window.end()));
    const auto newest =
        std::max_element(expected.window.rbegin(), expected.window.rend());  // first from the newest side
    CHECK(high.age() == newest - expected.window.rbegin());
    const auto newest_low = std::min_element(expected.window.rbegin(), expected.window.rend());
    CHECK(low.age() == newest_low - expected.window.rbegin());
  }
}

TEST_CASE("statistics of a small window have their textbook values") {
  Window window(5);
  for (const double value : {9.0, 1.0, 2.0, 4.0, 4.0, 4.0}) window.push(value);  // holds 1 2 4 4 4
  std::vector<double> scratch;
  CHECK(rolling_mean(window) == doctest::Approx(3.0));
  CHECK(rolling_slope(window) == doctest::Approx(0.8));
  CHECK(rolling_rank(window) == doctest::Approx((2 + 0.5 * 2) / 4.0));
  CHECK(rolling_quantile(window, 0.5, scratch) == 4.0);
  CHECK(rolling_quantile(window, 0.1, scratch) == doctest::Approx(1.4));
  CHECK(rolling_autocorrelation(window, 1) == doctest::Approx((2.0 - 1.0 + 1.0 + 1.0) / 8.0));
  // m2 = 8/5, m3 = (-8 - 1 + 3)/5
  CHECK(rolling_skew(window) == doctest::Approx(std::sqrt(20.0) / 3.0 * (-1.2) / std::pow(1.6, 1.5)));
  window.push(kMissing);
  CHECK(std::isnan(rolling_mean(window)));
}

TEST_CASE("fuzzy memberships give the vectors of the design") {
  const std::vector<std::pair<double, double>> strengths{{0, .5},    {.6, .5}, {.8, .738095238}, {1.5, 1.5},
                                                         {2.2, 2.1}, {5, 3},   {20, 3}};
  for (const auto& [x, expected] : strengths)
    CHECK(trend_strength(x) == doctest::Approx(expected).epsilon(1e-8));
  for (double x = 1.0; x <= 2.0; x += 0.0101) CHECK(trend_strength(x) == 1.5);  // purely moderate: exact
}
