// Standard normal distribution: cdf and quantile, both accurate to about 1e-15.
//
// Quantile: Acklam's rational approximation, then two Halley steps on the exact cdf.
#pragma once

namespace smctrain::stats {

double normal_cdf(double z);
// p in (0, 1).
double normal_quantile(double p);

}  // namespace smctrain::stats
