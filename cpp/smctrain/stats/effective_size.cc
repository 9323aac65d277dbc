#include "smctrain/stats/effective_size.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/stats/autocovariance.h"

namespace smctrain::stats {

EffectiveSize effective_size(std::span<const double> correct, int64_t horizon) {
  const auto n = static_cast<int64_t>(correct.size());
  if (horizon < 1) raise("InputError", "horizon must be at least 1 row, but is ", horizon, ".");
  if (n == 0) raise("InputError", "correct must hold at least one row, but is empty.");
  const auto rows = static_cast<double>(n);
  const double least = rows / (2.0 * static_cast<double>(horizon));
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const bool constant =
      std::all_of(correct.begin(), correct.end(), [&](double c) { return c == correct[0]; });
  if (constant || horizon >= n / 2) return {least, nan, nan};

  const auto products = lagged_products(centre(correct).values, horizon);
  double raw = 1.0;
  double weights = 1.0;
  for (int64_t lag = 1; lag <= horizon; ++lag) {
    const double w = 1.0 - static_cast<double>(lag) / rows;
    raw += 2.0 * w * products[static_cast<size_t>(lag)] / products[0];
    weights += 2.0 * w;
  }
  const double deff = raw / (1.0 - weights / rows);
  if (deff <= 1.0) return {rows, deff, raw};
  return {std::clamp(rows / deff, least, rows), deff, raw};
}

}  // namespace smctrain::stats
