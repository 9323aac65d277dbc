#include "smctrain/stats/intervals.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/stats/normal.h"

namespace smctrain::stats {

double student_quantile(double p, double degrees_of_freedom) {
  const double z = normal_quantile(p);
  if (!std::isfinite(degrees_of_freedom)) return z;
  const double z2 = z * z;
  const double v = 1.0 / degrees_of_freedom;
  const double g1 = (z2 + 1.0) / 4.0;
  const double g2 = ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
  const double g3 = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
  const double g4 = ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0;
  return z * (1.0 + v * (g1 + v * (g2 + v * (g3 + v * g4))));
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
  const double centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
  const double half = z * std::sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n)) / (1.0 + z2 / n);
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

HacMean hac_mean(std::span<const double> values, int64_t lags) {
  const auto n = static_cast<int64_t>(values.size());
  if (n < 2) raise("TooFewRows", "a standard error needs at least 2 values, but got ", n, ".");
  if (lags < 0) raise("InputError", "lags must not be negative, but is ", lags, ".");
  const auto count = static_cast<double>(n);
  double mean = 0.0;
  for (const double value : values) mean += value;
  mean /= count;
  std::vector<double> error(values.begin(), values.end());
  for (double& e : error) e -= mean;
  double variance = 0.0;
  for (int64_t lag = 0; lag <= std::min(lags, n - 1); ++lag) {
    double product = 0.0;
    for (int64_t t = lag; t < n; ++t)
      product += error[static_cast<size_t>(t)] * error[static_cast<size_t>(t - lag)];
    const double weight =
        lag == 0 ? 1.0 : 2.0 * (1.0 - static_cast<double>(lag) / static_cast<double>(lags + 1));
    variance += weight * product / count;
  }
  const double se = std::sqrt(variance / count);
  return {mean, variance, se, mean / se};
}

}  // namespace smctrain::stats
