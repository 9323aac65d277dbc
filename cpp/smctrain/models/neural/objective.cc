#include "smctrain/models/neural/objective.h"

#include <algorithm>
#include <cmath>

#include "smctrain/base/error.h"

namespace smctrain::models::neural {

namespace {

std::vector<double> class_weights(const FitInput& in, std::span<const int64_t> rows) {
  std::vector<double> counts(static_cast<size_t>(in.shape.n_classes), 0.0);
  for (const int64_t row : rows) counts[in.y[row]] += 1.0;
  const auto present = std::count_if(counts.begin(), counts.end(), [](double count) { return count > 0.0; });
  if (present < 2)
    raise("OneClass", "the ", rows.size(),
          " training rows hold a single class, so there is nothing to learn.");
  std::vector<double> weights(counts.size(), 1.0);
  if (in.settings.balanced) {
    for (size_t c = 0; c < counts.size(); ++c) {
      // A class absent from training keeps weight 1: it can still occur among the stop rows.
      if (counts[c] > 0.0)
        weights[c] = static_cast<double>(rows.size()) / (static_cast<double>(present) * counts[c]);
    }
  }
  return weights;
}

}  // namespace

void check_rows(const FitInput& in, std::span<const int64_t> rows, const char* name) {
  int64_t previous = -1;
  for (const int64_t row : rows) {
    if (row <= previous || row >= in.X.rows) {
      raise("InputError", name, " must be ascending row numbers below ", in.X.rows, ", but holds ", row,
            " after ", previous, ".");
    }
    previous = row;
    if (in.shape.multi_task()) {
      check_targets(in, row, name);
    } else if (in.shape.regression()) {
      if (!std::isfinite(in.target[row])) {
        raise("InputError", "y must be a finite number in every row of ", name, ", but is ", in.target[row],
              " in row ", row, ".");
      }
    } else if (in.y[row] < 0 || in.y[row] >= in.shape.n_classes) {
      raise("InputError", "y must be a class code from 0 to ", in.shape.n_classes - 1, " in every row of ",
            name, ", but is ", in.y[row], " in row ", row, ".");
    }
    if (!in.weight.empty() && !(in.weight[row] >= 0.0 && std::isfinite(in.weight[row]))) {
      raise("InputError", "weight must be finite and at least 0, but is ", in.weight[row], " in row ", row,
            ".");
    }
  }
}

Objective::Objective(const FitInput& input, std::span<const int64_t> rows) : in_(input) {
  if (in_.shape.multi_task()) {
    tasks_.emplace(in_, rows);
    return;
  }
  if (!in_.shape.regression()) {
    class_weights_ = class_weights(in_, rows);
    return;
  }
  double total = 0.0;
  double sum = 0.0;
  for (const int64_t row : rows) {
    total += own_weight(row);
    sum += own_weight(row) * in_.target[row];
  }
  mean_ = sum / total;
  double squares = 0.0;
  for (const int64_t row : rows) {
    const double centred = in_.target[row] - mean_;
    squares += own_weight(row) * centred * centred;
  }
  const double deviation = std::sqrt(squares / total);
  // Equal targets, up to rounding: nothing to learn, and the head answers their mean.
  if (std::isfinite(deviation) && deviation > 1e-12 * std::abs(mean_)) deviation_ = deviation;
  if (deviation_ > 0.0) scale_ = deviation_;
}

LossSums Objective::loss(const float* outputs, std::span<const int64_t> rows, float* d_outputs) const {
  if (tasks_) return tasks_->loss(outputs, rows, d_outputs);
  const auto batch = static_cast<int64_t>(rows.size());
  const auto weight = [&](int64_t i) { return row_weight(rows[i]); };
  if (in_.shape.regression()) {
    return squared_error(
        outputs, batch, in_.settings.regression_loss == RegressionLoss::kHuber,
        [&](int64_t i) { return (in_.target[rows[i]] - mean_) / scale_; }, weight, d_outputs);
  }
  return cross_entropy(
      outputs, batch, in_.shape.n_classes, in_.settings.label_smoothing,
      [&](int64_t i) { return static_cast<int64_t>(in_.y[rows[i]]); }, weight, d_outputs);
}

void Objective::scale_head_back(NetWeights& weights, const NetLayout& layout) const {
  if (tasks_) return tasks_->scale_head_back(weights, layout);
  if (!in_.shape.regression()) return;
  const ArraySpec& head = layout.arrays[layout.arrays.size() - 2];
  const ArraySpec& bias = layout.arrays.back();
  float* w = weights.learned.data();
  for (int64_t i = 0; i < head.size(); ++i)
    w[head.offset + i] = static_cast<float>(w[head.offset + i] * deviation_);
  w[bias.offset] = static_cast<float>(w[bias.offset] * deviation_ + mean_);
}

}  // namespace smctrain::models::neural
