// Weighted losses and scores of one set of rows after a round, from predictions after the link: probabilities
// of the class (two classes: of class 1), or regression values.
//
//   log loss            -sum w ln p(y) / sum w; p is cut at 1e-16 as XGBoost cuts it
//   accuracy            share of weight on rows whose most probable class (lowest code of equals) is theirs
//   balanced accuracy   mean over the classes present of the accuracy inside the class
//   pinball             mean over quantiles q of w max(q r, (q - 1) r), r = y - prediction
//   F1                  mean over the classes among labels and predictions of 2 tp / (2 tp + fp + fn)
//   MCC                 of the weighted confusion matrix; 0 where its denominator is 0
//   Brier               mean of sum over classes (p - [y = class])^2
//   AUC                 share of (positive, negative) weight in the right order, ties 0.5; more than two
//   classes: one
//                       against the rest, mean over the classes that have both
//   direction AUC       last class (up) against first (down) among the rows of these two, by p(up) / (p(up) +
//   p(down));
//                       the classes between them (time-outs) do not count
//   R2                  1 - squared error / squared error of the weighted mean
//   Spearman            correlation of the average ranks of label and prediction, every row counting 1
//   Huber               r^2 / 2 up to `slope`, then slope (|r| - slope / 2)
//   pseudo-Huber        slope^2 (sqrt(1 + (r / slope)^2) - 1)
#pragma once

#include <span>

#include "smctrain/models/boosting/boosting_task.h"

namespace smctrain::models::boosting {

// `value` is (rows, width).
double log_loss(const Sample& sample, std::span<const double> value, int64_t width);
double accuracy(const Sample& sample, std::span<const double> value, int64_t width);
double balanced_accuracy(const Sample& sample, std::span<const double> value, int64_t width);
double regression_loss(Loss loss, const RoundSettings& settings, const Sample& sample,
                       std::span<const double> value, int64_t width);

// The metric by which the best round is chosen.
double metric_value(Metric metric, const RoundSettings& settings, const Sample& sample,
                    std::span<const double> value, int64_t width);

// Logistic or softmax of margins, in place.
void to_probabilities(std::span<double> margins, int64_t width);

}  // namespace smctrain::models::boosting
