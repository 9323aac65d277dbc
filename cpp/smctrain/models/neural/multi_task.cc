#include "smctrain/models/neural/multi_task.h"

#include <algorithm>
#include <cmath>

#include "smctrain/base/error.h"

namespace smctrain::models::neural {

namespace {

bool is_missing(double value, int64_t n_classes) {
  return std::isnan(value) || (n_classes > 0 && value < 0.0);
}

}  // namespace

void check_targets(const FitInput& in, int64_t row, const char* name) {
  for (size_t k = 0; k < in.shape.tasks.size(); ++k) {
    const int64_t classes = in.shape.tasks[k];
    const double value = in.targets(row, static_cast<int64_t>(k));
    if (is_missing(value, classes)) continue;
    if (classes == 0 && !std::isfinite(value)) {
      raise("InputError", "task ", in.settings.task_names[k],
            ": y must be a finite number, or NaN where it is ", "missing, in every row of ", name,
            ", but is ", value, " in row ", row, ".");
    }
    if (classes > 0 && (value >= static_cast<double>(classes) || value != std::floor(value))) {
      raise("InputError", "task ", in.settings.task_names[k], ": y must be a class code from 0 to ",
            classes - 1, ", or NaN or -1 where it is missing, in every row of ", name, ", but is ", value,
            " in row ", row, ".");
    }
  }
}

bool has_target(const FitInput& in, int64_t row) {
  for (size_t k = 0; k < in.shape.tasks.size(); ++k) {
    if (!is_missing(in.targets(row, static_cast<int64_t>(k)), in.shape.tasks[k])) return true;
  }
  return false;
}

MultiTaskLoss::MultiTaskLoss(const FitInput& input, std::span<const int64_t> rows)
    : in_(input), n_outputs_(input.shape.n_outputs()) {
  const auto slices = task_slices(in_.shape);
  if (in_.settings.task_weights.size() != slices.size() || in_.settings.task_names.size() != slices.size()) {
    raise("InputError", "there must be a name and a loss weight for each of the ", slices.size(), " tasks.");
  }
  for (size_t k = 0; k < slices.size(); ++k) tasks_.push_back(make_task(k, slices[k], rows));
}

MultiTaskLoss::Task MultiTaskLoss::make_task(size_t k, const TaskSlice& slice,
                                             std::span<const int64_t> rows) const {
  Task task;
  task.slice = slice;
  task.share = in_.settings.task_weights[k];
  const auto column = static_cast<int64_t>(k);
  std::vector<int64_t> present;
  for (const int64_t row : rows) {
    if (!is_missing(in_.targets(row, column), slice.n_classes)) present.push_back(row);
  }
  const auto n = static_cast<int64_t>(present.size());
  if (n < kMinRows) {
    raise("TooFewRows", "task ", in_.settings.task_names[k], " needs at least ", kMinRows,
          " training rows with its target, but there are ", n, ".");
  }
  if (slice.n_classes > 0) {
    std::vector<double> counts(static_cast<size_t>(slice.n_classes), 0.0);
    for (const int64_t row : present) counts[static_cast<size_t>(in_.targets(row, column))] += 1.0;
    const auto classes =
        std::count_if(counts.begin(), counts.end(), [](double count) { return count > 0.0; });
    if (classes < 2) {
      raise("OneClass", "task ", in_.settings.task_names[k], ": the ", n,
            " training rows with its target hold a single class, so there is nothing to learn.");
    }
    task.class_weights.assign(counts.size(), 1.0);
    for (size_t c = 0; in_.settings.balanced && c < counts.size(); ++c) {
      if (counts[c] > 0.0)
        task.class_weights[c] = static_cast<double>(n) / (static_cast<double>(classes) * counts[c]);
    }
    return task;
  }
  double total = 0.0;
  double sum = 0.0;
  for (const int64_t row : present) {
    total += own_weight(row);
    sum += own_weight(row) * in_.targets(row, column);
  }
  task.mean = sum / total;
  double squares = 0.0;
  for (const int64_t row : present) {
    const double centred = in_.targets(row, column) - task.mean;
    squares += own_weight(row) * centred * centred;
  }
  const double deviation = std::sqrt(squares / total);
  task.constant = deviation <= 1e-12 * std::abs(task.mean);
  if (!task.constant && std::isfinite(deviation)) task.scale = deviation;
  return task;
}

LossSums MultiTaskLoss::loss(const float* outputs, std::span<const int64_t> rows, float* d_outputs) const {
  if (d_outputs != nullptr) std::fill_n(d_outputs, static_cast<int64_t>(rows.size()) * n_outputs_, 0.0F);
  LossSums sums;
  for (size_t k = 0; k < tasks_.size(); ++k) {
    const TaskSums one = task_loss(k, outputs, rows, d_outputs);
    sums.loss += one.share * one.loss;
    sums.weight += one.weight;
    sums.tasks.push_back(one);
  }
  sums.rows = static_cast<double>(rows.size());
  return sums;
}

TaskSums MultiTaskLoss::task_loss(size_t k, const float* outputs, std::span<const int64_t> rows,
                                  float* d_outputs) const {
  const Task& task = tasks_[k];
  const int64_t width = task.slice.n_outputs;
  const auto column = static_cast<int64_t>(k);
  present_.clear();
  own_outputs_.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (is_missing(in_.targets(rows[i], column), task.slice.n_classes)) continue;
    present_.push_back(static_cast<int64_t>(i));
    const float* own = outputs + static_cast<int64_t>(i) * n_outputs_ + task.slice.first_output;
    own_outputs_.insert(own_outputs_.end(), own, own + width);
  }
  own_gradients_.resize(own_outputs_.size());
  float* gradients = d_outputs == nullptr ? nullptr : own_gradients_.data();
  const auto batch = static_cast<int64_t>(present_.size());
  const auto target = [&](int64_t i) { return in_.targets(rows[present_[i]], column); };
  TaskSums sums;
  sums.share = task.share;
  sums.classes = task.slice.n_classes > 0;
  LossSums one;
  if (sums.classes) {
    one = cross_entropy(
        own_outputs_.data(), batch, width, in_.settings.label_smoothing,
        [&](int64_t i) { return static_cast<int64_t>(target(i)); },
        [&](int64_t i) {
          return task.class_weights[static_cast<size_t>(target(i))] * own_weight(rows[present_[i]]);
        },
        gradients);
  } else {
    const auto standard = [&](int64_t i) { return (target(i) - task.mean) / task.scale; };
    const auto weight = [&](int64_t i) { return own_weight(rows[present_[i]]); };
    one = squared_error(own_outputs_.data(), batch, in_.settings.regression_loss == RegressionLoss::kHuber,
                        standard, weight, gradients);
    for (int64_t i = 0; i < batch; ++i) {
      const double y = standard(i);
      const double error = own_outputs_[i] - y;
      sums.sum_w += weight(i);
      sums.sum_y += weight(i) * y;
      sums.sum_yy += weight(i) * y * y;
      sums.sum_ee += weight(i) * error * error;
    }
  }
  sums.loss = one.loss;
  sums.weight = one.weight;
  sums.correct = one.correct;
  sums.rows = one.rows;
  if (d_outputs == nullptr) return sums;
  const auto share = static_cast<float>(task.share);
  for (int64_t i = 0; i < batch; ++i) {
    float* own = d_outputs + present_[i] * n_outputs_ + task.slice.first_output;
    for (int64_t c = 0; c < width; ++c) own[c] = share * own_gradients_[i * width + c];
  }
  return sums;
}

void MultiTaskLoss::scale_head_back(NetWeights& weights, const NetLayout& layout) const {
  const ArraySpec& head = layout.arrays[layout.arrays.size() - 2];
  const ArraySpec& bias = layout.arrays.back();
  for (const Task& task : tasks_) {
    if (task.slice.n_classes > 0) continue;
    const double scale = task.constant ? 0.0 : task.scale;
    float* w = weights.learned.data() + head.offset + task.slice.first_output * head.shape[1];
    for (int64_t i = 0; i < head.shape[1]; ++i) w[i] = static_cast<float>(w[i] * scale);
    float& b = weights.learned[static_cast<size_t>(bias.offset + task.slice.first_output)];
    b = static_cast<float>(b * scale + task.mean);
  }
}

}  // namespace smctrain::models::neural
