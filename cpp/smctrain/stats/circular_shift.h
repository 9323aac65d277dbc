// Circular-shift max test: could the best of k models be this right by luck?
//
//   y            n class codes 0..K-1 in time order; every class occurs. For scores: n numbers
//   predictions  k x n class codes in the same coding; a code outside 0..K-1 (such as -1, "no prediction", or
//   a
//                class that never occurs in y) is never right. For scores: k x n numbers
//   N_m(s)       #{t : prediction_m(t) = y((t - s) mod n)}: hits of model m when the labels are turned by s
//   rows S            the shifts 4h .. n-4h, h = longest label in rows statistic    accuracy: hits
//                balanced accuracy: sum over classes of hits_c * n / (K n_c), shift-invariant weights
//                AUC: share of (positive, negative) pairs in order, ties 1/2; K >= 3: mean over one class
//                against the rest, each with a score of its own
//                IC: correlation of the average ranks; 0 for a model or labels without spread
//                R2: 1 - sum (y - prediction)^2 / sum (y - training mean)^2
//   p            (1 + #{s in S : max_m N_m(s) >= max_m N_m(0)}) / (|S| + 1)
//                where only some models are judged, the right side is the maximum over those: what others
//                were right by says nothing for them, and p only grows
//
// Turning the labels keeps the autocorrelation of labels and of predictions, the class balance and the
// maximum over models, and breaks only the link between them. Every statistic is a sum of products up to
// parts that no shift changes, so all shifts come at once by FFT: with one class eliminated (the class
// indicators of y sum to one) and two models packed in one complex sequence, O(k/2 K n log n). Hits are
// integers: rounded, then compared exactly. The other statistics are compared with a tolerance of 1e-9 (of
// R2: relative, above 1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::stats {

enum class ScoreStatistic { kAuc, kIc, kR2 };

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

// `judged`: the statistic is that of the best of the first so many models (0: of all); luck keeps the maximum
// over all.
CircularShiftResult circular_shift_test(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                                        int64_t n_classes, int64_t horizon, bool balanced, int64_t judged,
                                        int threads, const StopToken& stop);

// Of scores. AUC: y holds class codes 0..K-1, K >= 2; predictions has one row a model (K = 2: score of class
// 1) or K rows a model (model-major). IC, R2: y holds numbers, one row a model. `train_mean` is used by R2
// alone.
std::vector<double> shifted_scores(std::span<const double> y, MatrixView<const double> predictions,
                                   ScoreStatistic statistic, double train_mean, int threads,
                                   const StopToken& stop);

CircularShiftResult circular_shift_score_test(std::span<const double> y, MatrixView<const double> predictions,
                                              int64_t horizon, ScoreStatistic statistic, double train_mean,
                                              int64_t judged, int threads, const StopToken& stop);

}  // namespace smctrain::stats
