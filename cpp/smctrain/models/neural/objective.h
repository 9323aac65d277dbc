// What a net is asked for: classes or one number a row, and how much each row counts.
//
//   weight   of a row: its own times that of its class (balanced: n / (classes present * rows of the class))
//   target   of a regression, standardised with mean and standard deviation of the training rows (weighted);
//            the head is scaled back when the fit is done, so that the net answers in units of y
//   loss     cross entropy with smoothed targets; squared error, or Huber's with threshold 1, of standardised
//            targets
//
// Raises InputError for a label, number or weight out of range, OneClass where rows hold a single class.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/models/neural/layout.h"
#include "smctrain/models/neural/loss.h"
#include "smctrain/models/neural/training.h"

namespace smctrain::models::neural {

// Ascending rows of X with a proper label or number and weight.
void check_rows(const FitInput& input, std::span<const int64_t> rows, const char* name);

class Objective {
 public:
  // rows: training rows of positive weight.
  Objective(const FitInput& input, std::span<const int64_t> rows);

  // Of a batch's outputs (rows, n_outputs). d_outputs may be null.
  LossSums loss(const float* outputs, std::span<const int64_t> rows, float* d_outputs) const;

  // The head answers in units of y.
  void scale_head_back(NetWeights& weights, const NetLayout& layout) const;

  // Weight of a row without that of its class.
  double own_weight(int64_t row) const { return in_.weight.empty() ? 1.0 : in_.weight[row]; }

 private:
  double row_weight(int64_t row) const {
    return (class_weights_.empty() ? 1.0 : class_weights_[in_.y[row]]) * own_weight(row);
  }

  const FitInput& in_;
  std::vector<double> class_weights_;  // empty: a regression
  double mean_ = 0.0;
  double scale_ = 1.0;
  bool constant_ = false;
};

}  // namespace smctrain::models::neural
