// Uncertainty of a share and of a mean.
//
//   Wilson       interval of a share; n may be an effective size, so it need not be whole
//   Student      where that size was itself estimated, from autocorrelations of the first h lags, the normal
//   quantile
//                is too small: the estimate is about as good as a variance from n/(2h) independent values
//                (equivalent degrees of freedom of a truncated lag window at frequency 0: Priestley, Spectral
//                Analysis and Time Series, 1981, section 6.2.4 and table 6.2), so the quantile is that of
//                Student's t
//   Newey-West   HAC standard error of a mean: V = g_0 + 2 sum_{l=1..L} (1 - l/(L+1)) g_l, se = sqrt(V/n)
#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace smctrain::stats {

struct Interval {
  double low;
  double high;
};

// `degrees_of_freedom` of the estimate of n; infinite where n is known.
Interval wilson_interval(double successes, double n, double level,
                         double degrees_of_freedom = std::numeric_limits<double>::infinity());

// Quantile of Student's t: by bisection of its tail (DLMF 8.17), from 1,000 degrees of freedom on by
// expansion around the normal one. About 1e-12 relative; infinite where it is beyond 1e100, as for a few
// hundredths of a degree of freedom.
double student_quantile(double p, double degrees_of_freedom);

struct HacMean {
  double mean;
  double variance;  // long-run variance V
  double standard_error;
  double t;
};

HacMean hac_mean(std::span<const double> values, int64_t lags);

}  // namespace smctrain::stats
