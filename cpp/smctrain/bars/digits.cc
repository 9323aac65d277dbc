#include "smctrain/bars/digits.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace smctrain {
namespace {

constexpr std::array<double, kMaxDigits + 1> kPowers = {1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};

bool on_grid(double scaled) { return std::abs(scaled - std::nearbyint(scaled)) < kGridTolerance; }

}  // namespace

bool fits_digits(std::span<const double> prices, int digits) {
  const double power = kPowers[static_cast<size_t>(digits)];
  return std::all_of(prices.begin(), prices.end(), [power](double price) {
    // A grid on which a price vanishes is too coarse for it.
    const bool vanishes = price != 0.0 && std::nearbyint(price * power) == 0.0;
    return !std::isfinite(price) || (on_grid(price * power) && !vanishes);
  });
}

int find_digits(std::span<const std::span<const double>> columns) {
  for (int digits = 0; digits <= kMaxDigits; ++digits) {
    if (std::all_of(columns.begin(), columns.end(),
                    [digits](std::span<const double> column) { return fits_digits(column, digits); })) {
      return digits;
    }
  }
  return -1;
}

Snapped snap_prices(std::span<const double> prices, int digits) {
  const double power = kPowers[static_cast<size_t>(digits)];
  Snapped out;
  out.prices.resize(prices.size());
  for (size_t i = 0; i < prices.size(); ++i) {
    const double scaled = prices[i] * power;
    if (!std::isfinite(scaled)) {
      out.prices[i] = prices[i];
      continue;
    }
    if (!on_grid(scaled) && out.n_off++ == 0) out.first_off = static_cast<int64_t>(i);
    out.prices[i] = std::nearbyint(scaled) / power;
  }
  return out;
}

}  // namespace smctrain
