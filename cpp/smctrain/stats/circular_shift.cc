#include "smctrain/stats/circular_shift.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/stats/fft.h"

namespace smctrain::stats {

namespace {

constexpr double kTolerance = 1e-9;  // of a balanced accuracy, where sums are not integers

using Complex = std::complex<double>;

// Weight of one hit on class c.
std::vector<double> hit_weights(std::span<const int32_t> y, int64_t n_classes, bool balanced) {
  std::vector<double> weights(static_cast<size_t>(n_classes), 1.0);
  if (!balanced) return weights;
  std::vector<int64_t> counts(static_cast<size_t>(n_classes), 0);
  for (const int32_t code : y) ++counts[static_cast<size_t>(code)];
  for (size_t c = 0; c < counts.size(); ++c) {
    weights[c] =
        static_cast<double>(y.size()) / (static_cast<double>(n_classes) * static_cast<double>(counts[c]));
  }
  return weights;
}

// y's class indicators sum to 1 in every row, so the last class needs no transform:
//   sum_c w_c a_c * b_c = sum_{c < K-1} (w_c a_c - w_last a_last) * b_c + w_last #{a = last}.
class ShiftCounter {
 public:
  ShiftCounter(std::span<const int32_t> y, int64_t n_classes, bool balanced)
      : n_(static_cast<int64_t>(y.size())),
        last_(static_cast<int32_t>(n_classes - 1)),
        balanced_(balanced),
        weights_(hit_weights(y, n_classes, balanced)),
        fft_(2 * n_) {
    for (int32_t c = 0; c < last_; ++c) {
      std::vector<Complex> spectrum(static_cast<size_t>(fft_.size()));
      for (int64_t t = 0; t < n_; ++t) {
        if (y[static_cast<size_t>(t)] == c) spectrum[static_cast<size_t>(t)] = 1.0;
      }
      fft_.forward(spectrum);
      label_spectra_.push_back(std::move(spectrum));
    }
  }

  // Writes the statistic at every shift of models `a` and (if not empty) `b`.
  void count(std::span<const int32_t> a, std::span<const int32_t> b, double* out_a, double* out_b) const {
    const auto size = static_cast<size_t>(fft_.size());
    std::vector<Complex> total(size);
    std::vector<Complex> models(size);
    for (int32_t c = 0; c < last_; ++c) {
      std::fill(models.begin(), models.end(), Complex{});
      for (int64_t t = 0; t < n_; ++t) {
        const auto i = static_cast<size_t>(t);
        models[i] = {signed_weight(a[i], c), b.empty() ? 0.0 : signed_weight(b[i], c)};
      }
      fft_.forward(models);
      const auto& labels = label_spectra_[static_cast<size_t>(c)];
      for (size_t i = 0; i < size; ++i) total[i] += models[i] * std::conj(labels[i]);
    }
    if (last_ > 0) fft_.inverse(total);
    const double constant_a = last_constant(a);
    const double constant_b = last_constant(b);
    for (int64_t s = 0; s < n_; ++s) {
      // The circular correlation folds the linear one: lag s and lag s - n.
      Complex value = total[static_cast<size_t>(s)];
      if (s > 0) value += total[size - static_cast<size_t>(n_ - s)];
      out_a[s] = finish(value.real() + constant_a);
      if (out_b != nullptr) out_b[s] = finish(value.imag() + constant_b);
    }
  }

 private:
  double signed_weight(int32_t code, int32_t c) const {
    if (code == c) return weights_[static_cast<size_t>(c)];
    return code == last_ ? -weights_[static_cast<size_t>(last_)] : 0.0;
  }
  double last_constant(std::span<const int32_t> codes) const {
    return weights_[static_cast<size_t>(last_)] *
           static_cast<double>(std::count(codes.begin(), codes.end(), last_));
  }
  double finish(double hits) const { return (balanced_ ? hits : std::round(hits)) / static_cast<double>(n_); }

  int64_t n_;
  int32_t last_;
  bool balanced_;
  std::vector<double> weights_;
  Fft fft_;
  std::vector<std::vector<Complex>> label_spectra_;
};

void check(std::span<const int32_t> y, MatrixView<const int32_t> predictions, int64_t n_classes) {
  const auto n = static_cast<int64_t>(y.size());
  if (n == 0) raise("InputError", "y_true must hold at least one row, but is empty.");
  if (predictions.rows == 0) raise("InputError", "predictions must hold at least one model, but has none.");
  if (predictions.cols != n) {
    raise("InputError", "predictions must have as many rows in time as y_true (", n, "), but has ",
          predictions.cols, ".");
  }
  std::vector<bool> seen(static_cast<size_t>(n_classes), false);
  for (const int32_t code : y) {
    if (code < 0 || code >= n_classes) {
      raise("InputError", "y_true must hold class codes 0 to ", n_classes - 1, ", but holds ", code, ".");
    }
    seen[static_cast<size_t>(code)] = true;
  }
  if (std::find(seen.begin(), seen.end(), false) != seen.end()) {
    raise("InputError", "every class code below ", n_classes, " must occur in y_true, but one is missing.");
  }
}

}  // namespace

std::vector<double> shifted_statistics(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                                       int64_t n_classes, bool balanced, int threads, const StopToken& stop) {
  check(y, predictions, n_classes);
  const auto n = static_cast<int64_t>(y.size());
  const ShiftCounter counter(y, n_classes, balanced);
  std::vector<double> statistics(static_cast<size_t>(predictions.rows * n));
  parallel_for((predictions.rows + 1) / 2, threads, [&](int64_t pair) {
    if (stop.stop_requested()) return;
    const int64_t a = 2 * pair;
    const int64_t b = a + 1;
    const bool has_b = b < predictions.rows;
    counter.count(predictions.row(a), has_b ? predictions.row(b) : std::span<const int32_t>{},
                  statistics.data() + a * n, has_b ? statistics.data() + b * n : nullptr);
  });
  return statistics;
}

CircularShiftResult circular_shift_test(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                                        int64_t n_classes, int64_t horizon, bool balanced, int threads,
                                        const StopToken& stop) {
  const auto n = static_cast<int64_t>(y.size());
  if (horizon < 1) raise("InputError", "horizon must be at least 1 row, but is ", horizon, ".");
  const int64_t needed = 8 * std::min(horizon, std::numeric_limits<int64_t>::max() / 8);
  if (n < needed) {
    raise("TooFewRows", "the circular-shift test needs at least 8 x horizon = ", needed, " rows, but got ", n,
          ". Use more history or a shorter label.");
  }
  const auto statistics = shifted_statistics(y, predictions, n_classes, balanced, threads, stop);
  const auto at = [&](int64_t m, int64_t s) { return statistics[static_cast<size_t>(m * n + s)]; };

  CircularShiftResult result{};
  result.stopped = stop.stop_requested();
  result.statistic = at(0, 0);
  for (int64_t m = 0; m < predictions.rows; ++m) {
    result.model_statistics.push_back(at(m, 0));
    if (at(m, 0) > result.statistic) {
      result.statistic = at(m, 0);
      result.best_model = m;
    }
  }
  // Shares of equal integer counts are equal doubles, so accuracy needs no tolerance.
  const double bound = balanced ? result.statistic - kTolerance : result.statistic;
  int64_t reached = 0;
  double sum = 0.0;
  for (int64_t s = 4 * horizon; s <= n - 4 * horizon; ++s) {
    double best = at(0, s);
    for (int64_t m = 1; m < predictions.rows; ++m) best = std::max(best, at(m, s));
    reached += best >= bound ? 1 : 0;
    sum += best;
    ++result.n_shifts;
  }
  result.p_value = static_cast<double>(1 + reached) / static_cast<double>(result.n_shifts + 1);
  result.null_mean = sum / static_cast<double>(result.n_shifts);
  return result;
}

}  // namespace smctrain::stats
