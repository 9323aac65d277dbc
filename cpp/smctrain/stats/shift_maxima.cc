#include "smctrain/stats/shift_maxima.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/base/error.h"

namespace smctrain::stats {

void check_class_count(int64_t classes) {
  constexpr int64_t kMost = 1000;
  if (classes > kMost) {
    raise("InputError", "y_true must hold at most ", kMost, " classes, but holds ", classes,
          ". Are these numbers? Then test them as \"ic\" or \"r2\".");
  }
}

void check_shift_rows(int64_t n, int64_t horizon) {
  if (horizon < 1) raise("InputError", "horizon must be at least 1 row, but is ", horizon, ".");
  const int64_t needed = 8 * std::min(horizon, std::numeric_limits<int64_t>::max() / 8);
  if (n < needed) {
    raise("TooFewRows", "the circular-shift test needs at least 8 x horizon = ", needed, " rows, but got ", n,
          ". Use more history or a shorter label.");
  }
}

ShiftMaxima::ShiftMaxima(int64_t models, int64_t n)
    : best_(static_cast<size_t>(n), -std::numeric_limits<double>::infinity()),
      own_(static_cast<size_t>(models), -std::numeric_limits<double>::infinity()) {}

void ShiftMaxima::fold(int64_t model, std::span<const double> statistics) {
  own_[static_cast<size_t>(model)] = statistics[0];
  const std::scoped_lock lock(mutex_);
  for (size_t s = 0; s < best_.size(); ++s) best_[s] = std::max(best_[s], statistics[s]);
}

CircularShiftResult ShiftMaxima::result(int64_t horizon, double tolerance, int64_t judged,
                                        const StopToken& stop) const {
  const auto models = static_cast<int64_t>(own_.size());
  if (judged < 0 || judged > models) {
    raise("InputError", "judged must be from 1 to the number of models (", models, "), but is ", judged, ".");
  }
  CircularShiftResult result{};
  result.stopped = stop.stop_requested();
  result.model_statistics = own_;
  result.best_model = std::max_element(own_.begin(), own_.begin() + (judged > 0 ? judged : models)) -
                      own_.begin();  // the first on ties
  result.statistic = own_[static_cast<size_t>(result.best_model)];
  const double bound = result.statistic - tolerance * std::max(1.0, std::abs(result.statistic));
  const auto n = static_cast<int64_t>(best_.size());
  int64_t reached = 0;
  double sum = 0.0;
  for (int64_t s = 4 * horizon; s <= n - 4 * horizon; ++s) {
    const double best = best_[static_cast<size_t>(s)];
    reached += best >= bound ? 1 : 0;
    sum += best;
    ++result.n_shifts;
  }
  result.p_value = static_cast<double>(1 + reached) / static_cast<double>(result.n_shifts + 1);
  result.null_mean = sum / static_cast<double>(result.n_shifts);
  return result;
}

}  // namespace smctrain::stats
