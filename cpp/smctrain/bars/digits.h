// Price grid of a symbol: so that equal prices compare equal (files hold cells such as 1.1255600000000001).
//
//   digits   smallest d <= 8 with |x*10^d - round(x*10^d)| < 1e-4 for every price, and none rounded to zero
//   that is
//            not; -1 when none fits.
//   snapped  round(x*10^d) / 10^d
//
// Cost: O(n) per d, and a d that does not fit is left at its first misfit. Non-finite prices are passed over.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace smctrain {

inline constexpr int kMaxDigits = 8;
inline constexpr double kGridTolerance = 1e-4;

bool fits_digits(std::span<const double> prices, int digits);

// Over all columns (open, high, low, close of every timeframe of the symbol).
int find_digits(std::span<const std::span<const double>> columns);

struct Snapped {
  std::vector<double> prices;
  int64_t n_off = 0;       // prices that were not on the grid before
  int64_t first_off = -1;  // index of the first of them
};

Snapped snap_prices(std::span<const double> prices, int digits);

}  // namespace smctrain
