// Classification metrics from true class codes and class probabilities.
//
//   prediction   class with the highest probability, the lowest code among equals
//   confusion    counts, row = true class, column = prediction
//   macro        mean over the classes that occur among truths or predictions; 0/0 counts as 0
//   AUC          share of (positive, negative) pairs in the right order, ties 0.5, from average ranks; for K
//   >= 3 one
//                class against the rest, mean over the classes that have both positives and negatives
//   ECE          rows sorted by confidence (highest probability; row order among equals), 10 bins of equal
//   count,
//                sum of n_b / n * |accuracy_b - confidence_b|
//
// Quantities that do not exist are NaN: everything for 0 rows, AUC where only one class occurs. MCC is 0
// where its denominator is 0, as in scikit-learn. Cost: O(K n log n). Definitions: validation.md section 4.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::metrics {

struct ClassificationMetrics {
  double accuracy;
  double balanced_accuracy;
  double precision;
  double recall;
  double f1_score;
  double mcc;
  double log_loss;  // p clipped to 1e-15
  double brier;     // mean over rows of sum_c (p_c - [y = c])^2
  double auc;
  double ece;
  std::vector<int64_t> confusion;  // K x K, row-major
};

// Raises InputError on codes outside 0..K-1 and on rows that are no probabilities.
ClassificationMetrics classification_metrics(std::span<const int32_t> y_true, MatrixView<const double> proba);

// Area under the ROC curve of one score; NaN without positives or without negatives.
double auc(std::span<const uint8_t> is_positive, std::span<const double> score);

// What each row adds to the AUC of `proba`: for a positive the share of negatives below it less the AUC,
// divided by the share of positives; for a negative likewise; one against the rest, mean over the classes
// that have both. Mean 0; the long-run variance of its mean is that of the AUC (DeLong et al., Biometrics 44,
// 1988; here with dependence). Empty where there is no AUC.
std::vector<double> auc_influence(std::span<const int32_t> y_true, MatrixView<const double> proba);

}  // namespace smctrain::metrics
