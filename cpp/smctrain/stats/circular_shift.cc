#include "smctrain/stats/circular_shift.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/stats/shift_correlation.h"
#include "smctrain/stats/shift_maxima.h"

namespace smctrain::stats {

namespace {

constexpr double kTolerance = 1e-9;  // of a balanced accuracy, where sums are no integers

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
        correlation_(n_) {
    std::vector<double> indicator(y.size());
    for (int32_t c = 0; c < last_; ++c) {
      for (size_t t = 0; t < y.size(); ++t) indicator[t] = y[t] == c ? 1.0 : 0.0;
      correlation_.add_channel(indicator);
    }
  }

  // Writes the statistic at every shift of models `a` and (if not empty) `b`.
  void count(std::span<const int32_t> a, std::span<const int32_t> b, double* out_a, double* out_b) const {
    const auto total = correlation_.correlate([&](size_t channel, size_t t) {
      const auto c = static_cast<int32_t>(channel);
      return Complex{signed_weight(a[t], c), b.empty() ? 0.0 : signed_weight(b[t], c)};
    });
    const double constant_a = last_constant(a);
    const double constant_b = last_constant(b);
    for (size_t s = 0; s < total.size(); ++s) {
      out_a[s] = finish(total[s].real() + constant_a);
      if (out_b != nullptr) out_b[s] = finish(total[s].imag() + constant_b);
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
  ShiftCorrelation correlation_;
};

void check(std::span<const int32_t> y, MatrixView<const int32_t> predictions, int64_t n_classes) {
  const auto n = static_cast<int64_t>(y.size());
  if (n == 0) raise("InputError", "y_true must hold at least one row, but is empty.");
  check_class_count(n_classes);
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

// Calls sink(model, statistics at the shifts 0..n-1) for every model, from several threads.
template <class Sink>
void count_all(std::span<const int32_t> y, MatrixView<const int32_t> predictions, int64_t n_classes,
               bool balanced, int threads, const StopToken& stop, Sink&& sink) {
  check(y, predictions, n_classes);
  const ShiftCounter counter(y, n_classes, balanced);
  parallel_for((predictions.rows + 1) / 2, threads, [&](int64_t pair) {
    if (stop.stop_requested()) return;
    const int64_t a = 2 * pair;
    const int64_t b = a + 1;
    const bool has_b = b < predictions.rows;
    std::vector<double> of_a(y.size());
    std::vector<double> of_b(has_b ? y.size() : 0);
    counter.count(predictions.row(a), has_b ? predictions.row(b) : std::span<const int32_t>{}, of_a.data(),
                  has_b ? of_b.data() : nullptr);
    sink(a, of_a);
    if (has_b) sink(b, of_b);
  });
}

}  // namespace

std::vector<double> shifted_statistics(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                                       int64_t n_classes, bool balanced, int threads, const StopToken& stop) {
  std::vector<double> all(static_cast<size_t>(predictions.rows) * y.size());
  count_all(y, predictions, n_classes, balanced, threads, stop,
            [&](int64_t model, const std::vector<double>& statistics) {
              std::copy(statistics.begin(), statistics.end(), all.begin() + model * predictions.cols);
            });
  return all;
}

CircularShiftResult circular_shift_test(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                                        int64_t n_classes, int64_t horizon, bool balanced, int64_t judged,
                                        int threads, const StopToken& stop) {
  const auto n = static_cast<int64_t>(y.size());
  check_shift_rows(n, horizon);
  ShiftMaxima maxima(predictions.rows, n);
  count_all(y, predictions, n_classes, balanced, threads, stop,
            [&](int64_t model, const std::vector<double>& statistics) { maxima.fold(model, statistics); });
  // Shares of equal integer counts are equal doubles, so accuracy needs no tolerance.
  return maxima.result(horizon, balanced ? kTolerance : 0.0, judged, stop);
}

}  // namespace smctrain::stats
