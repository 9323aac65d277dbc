// Circular-shift max test: could the best of k models be this right by luck?
//
//   y            n class codes 0..K-1 in time order; every class occurs
//   predictions  k x n class codes in the same coding; a code outside 0..K-1 (such as -1, "no prediction", or
//   a
//                class that never occurs in y) is never right
//   N_m(s)       #{t : prediction_m(t) = y((t - s) mod n)}: hits of model m when the labels are turned by s
//   rows S            the shifts 4h .. n-4h, h = longest label in rows statistic    accuracy: hits; balanced
//   accuracy: sum over classes of hits_c * n / (K n_c), shift-invariant weights p            (1 + #{s in S :
//   max_m N_m(s) >= max_m N_m(0)}) / (|S| + 1)
//
// Turning the labels keeps the autocorrelation of labels and of predictions, the class balance and the
// maximum over models, and breaks only the link between them. All shifts at once by FFT: with one class
// eliminated (the class indicators of y sum to one) and two models packed in one complex sequence, O(k/2 K n
// log n). Hits are integers: rounded, then compared exactly. Balanced accuracy is compared with a tolerance
// of 1e-9.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::stats {

struct CircularShiftResult {
  double p_value;
  double statistic;                      // of the best model, unshifted
  int64_t best_model;                    // first one on ties
  int64_t n_shifts;                      // |S|
  double null_mean;                      // mean over S of the maximum over models
  std::vector<double> model_statistics;  // unshifted, per model
  bool stopped = false;
};

// Statistic of every model at every shift 0..n-1, row-major k x n, as a share of n.
std::vector<double> shifted_statistics(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                                       int64_t n_classes, bool balanced, int threads, const StopToken& stop);

CircularShiftResult circular_shift_test(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                                        int64_t n_classes, int64_t horizon, bool balanced, int threads,
                                        const StopToken& stop);

}  // namespace smctrain::stats
