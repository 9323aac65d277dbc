#include "smctrain/models/quantile_tracking.h"

#include <algorithm>
#include <cmath>

#include "smctrain/base/error.h"

namespace smctrain::models {

namespace {

void check(MatrixView<const double> prediction, std::span<const double> y, std::span<const double> levels,
           std::span<const double> shift, double rate, int64_t delay) {
  if (static_cast<int64_t>(y.size()) != prediction.rows) {
    raise("InputError", "y must have the ", prediction.rows, " predicted rows, but has ", y.size(), ".");
  }
  if (static_cast<int64_t>(levels.size()) != prediction.cols || shift.size() != levels.size()) {
    raise("InputError", "levels and shift must have one entry for each of the ", prediction.cols,
          " predicted columns.");
  }
  for (size_t k = 0; k < levels.size(); ++k) {
    if (!(levels[k] > 0.0 && levels[k] < 1.0) || (k > 0 && !(levels[k] > levels[k - 1]))) {
      raise("InputError", "levels must ascend between 0 and 1, but entry ", k, " is ", levels[k], ".");
    }
    if (!std::isfinite(shift[k])) raise("InputError", "shift must be finite, but is ", shift[k], ".");
  }
  if (!(std::isfinite(rate) && rate > 0.0)) {
    raise("InputError", "rate must be a positive number, but is ", rate, ".");
  }
  if (delay < 1) raise("InputError", "delay must be at least 1, but is ", delay, ".");
  for (int64_t t = 0; t < prediction.rows; ++t) {
    if (!std::isfinite(y[static_cast<size_t>(t)])) {
      raise("InputError", "y must be finite, but is ", y[static_cast<size_t>(t)], " in row ", t, ".");
    }
    for (const double value : prediction.row(t)) {
      if (!std::isfinite(value)) raise("InputError", "predictions must be finite, but row ", t, " is not.");
    }
  }
}

}  // namespace

TrackedQuantiles track_quantiles(MatrixView<const double> prediction, std::span<const double> y,
                                 std::span<const double> levels, std::span<const double> shift, double rate,
                                 int64_t delay) {
  check(prediction, y, levels, shift, rate, delay);
  const auto n = static_cast<size_t>(prediction.rows);
  const size_t width = levels.size();
  TrackedQuantiles result;
  result.values.resize(n * width);
  result.shift.assign(shift.begin(), shift.end());
  // What row `t` predicted stands in `values`; its outcome moves the shifts.
  const auto learn = [&](size_t t) {
    for (size_t k = 0; k < width; ++k) {
      const bool below = y[t] <= result.values[t * width + k];
      result.shift[k] += rate * (below ? levels[k] - 1.0 : levels[k]);
    }
  };
  for (size_t t = 0; t < n; ++t) {
    if (static_cast<int64_t>(t) >= delay) learn(t - static_cast<size_t>(delay));
    double* const out = result.values.data() + t * width;
    const auto row = prediction.row(static_cast<int64_t>(t));
    for (size_t k = 0; k < width; ++k) out[k] = row[k] + result.shift[k];
    std::sort(out, out + width);
  }
  const size_t known = n - std::min(n, static_cast<size_t>(std::min<int64_t>(delay, prediction.rows)));
  for (size_t t = known; t < n; ++t) learn(t);
  return result;
}

}  // namespace smctrain::models
