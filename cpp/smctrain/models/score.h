// How good predictions are, as one number; larger is better, so that an importance is what a score falls by.
//
//   log_loss            -mean ln p(y), p cut at 1e-15;   brier      -mean sum_c (p_c - [y = c])^2
//   accuracy            share of rows whose most probable class (lowest code of equals) is theirs
//   balanced_accuracy   mean over the classes that occur of the accuracy inside the class
//   auc                 two classes: of the second; more: mean over classes of one against the rest
//   r2                  1 - sum (y - f)^2 / sum (y - mean)^2;   mse, mae, pinball   minus the mean loss
//
// A label of -1 is none of the model's classes: its probability is 0 and it is never right. All scores but
// auc are sums over rows; these sums are the slots. Cost: rows x classes; auc rows x log rows x classes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace smctrain::models {

enum class ScoreKind { kLogLoss, kBrier, kAccuracy, kBalancedAccuracy, kAuc, kR2, kMse, kMae, kPinball };

class Score {
 public:
  // Class codes of n_classes of at least 2. Raises InputError for a word that is no score of classes.
  static Score of_classes(const std::string& metric, std::span<const int32_t> labels, int64_t n_classes);
  // Numbers; `quantiles` where there are several predictions a row, or for pinball.
  static Score of_numbers(const std::string& metric, std::span<const double> targets,
                          std::span<const double> quantiles);

  int64_t rows() const { return rows_; }
  int64_t width() const { return width_; }  // predictions a row
  bool adds_up() const { return kind_ != ScoreKind::kAuc; }
  int64_t slots() const { return kind_ == ScoreKind::kBalancedAccuracy ? width_ : 1; }
  void add(int64_t row, const double* predicted, double* slots) const;
  double finish(const double* slots) const;
  // The same of all rows at once, rows x width; any score.
  double of(const double* predicted) const;

 private:
  Score() = default;
  double auc(const double* predicted) const;

  ScoreKind kind_ = ScoreKind::kLogLoss;
  int64_t rows_ = 0;
  int64_t width_ = 1;
  std::span<const int32_t> labels_;
  std::span<const double> targets_;
  std::span<const double> quantiles_;
  std::vector<double> class_rows_;  // rows of each class
  double spread_ = 0.0;             // sum (y - mean)^2
};

}  // namespace smctrain::models
