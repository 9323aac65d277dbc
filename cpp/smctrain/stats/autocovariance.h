// Sums of lagged products: what every estimate from dependent rows is made of.
//
//   sum(l)   sum over t of e_t e_{t-l}, for a series e that is already centred, l = 0..lags
//
// Lag by lag for few lags, by FFT of twice the length for many: O(n min(lags, log n)).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace smctrain::stats {

// lags below the length of `centred`.
std::vector<double> lagged_products(std::span<const double> centred, int64_t lags);

struct Centred {
  double mean;
  std::vector<double> values;  // less the mean
};

// `values` must not be empty.
Centred centre(std::span<const double> values);

}  // namespace smctrain::stats
