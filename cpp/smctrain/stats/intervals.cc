#include "smctrain/stats/intervals.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/stats/autocovariance.h"
#include "smctrain/stats/beta.h"
#include "smctrain/stats/normal.h"

namespace smctrain::stats {

namespace {

constexpr double kWidest = 1e100;       // beyond it a quantile only says that nothing is known
constexpr double kNearlyNormal = 1000;  // degrees of freedom from which the expansion is exact to rounding

// Abramowitz & Stegun 26.7.5, around the normal quantile.
double nearly_normal_quantile(double z, double degrees_of_freedom) {
  const double z2 = z * z;
  const double v = 1.0 / degrees_of_freedom;
  const double g1 = (z2 + 1.0) / 4.0;
  const double g2 = ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
  const double g3 = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
  const double g4 = ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0;
  return z * (1.0 + v * (g1 + v * (g2 + v * (g3 + v * g4))));
}

}  // namespace

double student_quantile(double p, double degrees_of_freedom) {
  if (degrees_of_freedom >= kNearlyNormal) {
    return nearly_normal_quantile(normal_quantile(p), degrees_of_freedom);
  }
  if (p < 0.5) return -student_quantile(1.0 - p, degrees_of_freedom);
  const double tail = 1.0 - p;
  const auto above = [&](double t) {  // P(T > t) = I_{v / (v + t^2)}(v/2, 1/2) / 2
    const double x = degrees_of_freedom / (degrees_of_freedom + t * t);
    return 0.5 * incomplete_beta(0.5 * degrees_of_freedom, 0.5, x);
  };
  // Bracketed from below: Student's tails are the heavier ones.
  double low = normal_quantile(p);
  double high = std::max(2.0 * low, 1.0);
  while (above(high) > tail) {
    low = high;
    high *= 2.0;
    if (high > kWidest) return std::numeric_limits<double>::infinity();
  }
  while (high - low > 1e-14 * high) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    (above(middle) > tail ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

Interval wilson_interval(double successes, double n, double level, double degrees_of_freedom) {
  if (!(n > 0.0)) raise("InputError", "n must be positive, but is ", n, ".");
  if (!(successes >= 0.0 && successes <= n)) {
    raise("InputError", "successes must lie between 0 and n = ", n, ", but is ", successes, ".");
  }
  if (!(level > 0.0 && level < 1.0))
    raise("InputError", "level must lie between 0 and 1, but is ", level, ".");
  if (!(degrees_of_freedom > 0.0))
    raise("InputError", "degrees_of_freedom must be positive, but is ", degrees_of_freedom, ".");
  const double p = successes / n;
  const double z = student_quantile(0.5 + 0.5 * level, degrees_of_freedom);
  const double z2 = z * z;
  if (!std::isfinite(z)) return {0.0, 1.0};
  const double centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
  const double half = z * std::sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n)) / (1.0 + z2 / n);
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

HacMean hac_mean(std::span<const double> values, int64_t lags) {
  const auto n = static_cast<int64_t>(values.size());
  if (n < 2) raise("TooFewRows", "a standard error needs at least 2 values, but got ", n, ".");
  if (lags < 0) raise("InputError", "lags must not be negative, but is ", lags, ".");
  // With as many lags as values the estimate shrinks towards the square of their sum, which is 0.
  if (lags >= n) raise("InputError", "lags must be below the ", n, " values, but is ", lags, ".");
  const auto count = static_cast<double>(n);
  const auto [mean, error] = centre(values);
  const auto products = lagged_products(error, lags);
  double variance = 0.0;
  for (int64_t lag = 0; lag <= lags; ++lag) {
    const double weight =
        lag == 0 ? 1.0 : 2.0 * (1.0 - static_cast<double>(lag) / static_cast<double>(lags + 1));
    variance += weight * products[static_cast<size_t>(lag)] / count;
  }
  variance = std::max(variance, 0.0);  // of rounding
  const double se = std::sqrt(variance / count);
  return {mean, variance, se, mean / se};
}

}  // namespace smctrain::stats
