// Uncertainty of a share and of a mean.
//
//   Wilson       interval of a share; n may be an effective size, so it need not be whole
//   Newey-West   HAC standard error of a mean: V = g_0 + 2 sum_{l=1..L} (1 - l/(L+1)) g_l, se = sqrt(V/n)
#pragma once

#include <cstdint>
#include <span>

namespace smctrain::stats {

struct Interval {
  double low;
  double high;
};

Interval wilson_interval(double successes, double n, double level);

struct HacMean {
  double mean;
  double variance;  // long-run variance V
  double standard_error;
  double t;
};

HacMean hac_mean(std::span<const double> values, int64_t lags);

}  // namespace smctrain::stats
