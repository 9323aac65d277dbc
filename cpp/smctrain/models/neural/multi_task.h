// Several targets of one row, learned together (Caruana, "Multitask learning", Machine Learning 28, 1997).
//
//   task      a target: classes, or a number; its outputs and units are a TaskSlice (layout.h)
//   missing   NaN, or a class code below 0; such a row tells the task nothing: no loss, no gradient
//   share     weight of a task in the whole loss, given by the user
//
//   1. loss of a task = mean over the rows of the batch that have its target (weighted by row and class); a
//   number
//      is standardised with the training rows that have it
//   2. whole loss = sum of share * loss, in training, in validation and so in early stopping; over many
//   batches
//      sums come first, so that a rare target does not count by the batch
//   3. the trunk's gradient is the sum over tasks; a head's is its own
//
// Row and class weights as in objective.h, with the classes balanced within each task. Raises OneClass or
// TooFewRows that name the task. Cost: O(rows x outputs) a batch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/models/neural/layout.h"
#include "smctrain/models/neural/loss.h"
#include "smctrain/models/neural/training.h"

namespace smctrain::models::neural {

// InputError for a code or number out of range; missing is fine.
void check_targets(const FitInput& input, int64_t row, const char* name);

bool has_target(const FitInput& input, int64_t row);

class MultiTaskLoss {
 public:
  // rows: training rows of positive weight.
  MultiTaskLoss(const FitInput& input, std::span<const int64_t> rows);

  // Of a batch's outputs (rows, n_outputs). d_outputs may be null. Not for several threads at once.
  LossSums loss(const float* outputs, std::span<const int64_t> rows, float* d_outputs) const;

  // Heads of numbers answer in units of y.
  void scale_head_back(NetWeights& weights, const NetLayout& layout) const;

 private:
  struct Task {
    TaskSlice slice;
    double share = 1.0;
    std::vector<double> class_weights;
    double mean = 0.0;
    double scale = 1.0;
    bool constant = false;  // a number that is the same in all its rows: the head answers it
  };

  Task make_task(size_t k, const TaskSlice& slice, std::span<const int64_t> rows) const;
  TaskSums task_loss(size_t k, const float* outputs, std::span<const int64_t> rows, float* d_outputs) const;
  double own_weight(int64_t row) const { return in_.weight.empty() ? 1.0 : in_.weight[row]; }

  const FitInput& in_;
  std::vector<Task> tasks_;
  int64_t n_outputs_ = 0;
  // Rows of a batch that have one task's target, their outputs and gradients.
  mutable std::vector<int64_t> present_;
  mutable std::vector<float> own_outputs_;
  mutable std::vector<float> own_gradients_;
};

}  // namespace smctrain::models::neural
