// Weighted losses and scores of one set of rows after a round, from predictions after the link: probabilities
// of the class (two classes: of class 1), or regression values.
//
//   log loss            -sum w ln p(y) / sum w; p is cut at 1e-16 as XGBoost cuts it
//   accuracy            share of weight on rows whose most probable class (lowest code of equals) is theirs
//   balanced accuracy   mean over the classes present of the accuracy inside the class
//   pinball             mean over quantiles q of w max(q r, (q - 1) r), r = y - prediction
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
