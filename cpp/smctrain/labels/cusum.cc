#include "smctrain/labels/cusum.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "smctrain/base/error.h"

namespace smctrain::labels {

int8_t Cusum::push(double step, double threshold) {
  up_ = std::max(0.0, up_ + step);
  down_ = std::min(0.0, down_ + step);
  if (up_ > threshold) {
    up_ = 0.0;
    return 1;
  }
  if (down_ < -threshold) {
    down_ = 0.0;
    return -1;
  }
  return 0;
}

CusumEvents cusum_events(const BarsView& bars, std::span<const double> threshold) {
  const auto n = static_cast<size_t>(bars.size());
  if (threshold.size() != 1 && threshold.size() != n) {
    raise("InputError", "threshold must be one value or one a bar (", n, "), but has ", threshold.size(),
          ".");
  }
  for (size_t i = 0; i < threshold.size(); ++i) {
    if (threshold[i] <= 0.0) {
      raise("InputError", "threshold must be above 0, but is ", threshold[i], " at entry ", i, ".");
    }
  }
  CusumEvents out;
  Cusum cusum;
  double previous = 0.0;  // 0: none yet in this segment
  for (size_t t = 0; t < n; ++t) {
    if (t > 0 && bars.segment[t] != bars.segment[t - 1]) {
      cusum.reset();
      previous = 0.0;
    }
    const double close = bars.close[t];
    if (!std::isfinite(close) || close <= 0.0) continue;
    if (previous > 0.0) {
      const int8_t side =
          cusum.push(std::log(close / previous), threshold.size() == 1 ? threshold[0] : threshold[t]);
      if (side != 0) {
        out.rows.push_back(static_cast<int64_t>(t));
        out.side.push_back(side);
      }
    }
    previous = close;
  }
  return out;
}

}  // namespace smctrain::labels
