// Losses of a batch with their gradients.
//
// Weighted cross entropy with label smoothing, from logits:
//
//   target q = (1 - s) * onehot(y) + s / classes,   loss of a row = -sum_c q_c log p_c,   batch = sum w loss
//   / sum w
//
// The gradient per logit is w (p - q) / sum w. The weight of a class is part of w: PyTorch's loss with class
// weights and smoothing weighs the smoothing part by all classes instead, and its least on pure noise is the
// rarest class.
//
// Weighted squared error (e^2 / 2) or Huber's (|e| - 1/2 beyond
// 1), with gradient w e / sum w, e cut to [-1, 1] in Huber's.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace smctrain::models::neural {

// Sums of one of several tasks, over the rows that have its target.
struct TaskSums {
  double share = 1.0;  // weight of the task's mean loss in the whole
  bool classes = false;
  double loss = 0.0;
  double weight = 0.0;
  double correct = 0.0;
  double rows = 0.0;
  // Numbers: of w, w y, w y^2 and w (output - y)^2
  double sum_w = 0.0;
  double sum_y = 0.0;
  double sum_yy = 0.0;
  double sum_ee = 0.0;

  void operator+=(const TaskSums& other) {
    loss += other.loss;
    weight += other.weight;
    correct += other.correct;
    rows += other.rows;
    sum_w += other.sum_w;
    sum_y += other.sum_y;
    sum_yy += other.sum_yy;
    sum_ee += other.sum_ee;
  }
  double mean() const { return weight > 0.0 ? loss / weight : std::numeric_limits<double>::quiet_NaN(); }
  // Accuracy, or R2; NaN where no row tells.
  double score() const {
    if (classes) return rows > 0.0 ? correct / rows : std::numeric_limits<double>::quiet_NaN();
    const double spread = sum_w > 0.0 ? sum_yy - sum_y * sum_y / sum_w : 0.0;
    return spread > 0.0 ? 1.0 - sum_ee / spread : std::numeric_limits<double>::quiet_NaN();
  }
};

struct LossSums {
  double loss = 0.0;  // sum of w * loss
  double weight = 0.0;
  double correct = 0.0;  // rows whose most probable class is y
  double rows = 0.0;
  std::vector<TaskSums> tasks;  // empty: one target
  // A VAE's own parts: sums of row weight * part, and of row weights.
  double reconstruction = 0.0;
  double kl = 0.0;
  double own_weight = 0.0;

  void operator+=(const LossSums& other) {
    loss += other.loss;
    weight += other.weight;
    correct += other.correct;
    rows += other.rows;
    reconstruction += other.reconstruction;
    kl += other.kl;
    own_weight += other.own_weight;
    if (tasks.empty()) {
      tasks = other.tasks;
    } else {
      for (size_t k = 0; k < other.tasks.size(); ++k) tasks[k] += other.tasks[k];
    }
  }
  // Loss of the rows. Several tasks: the weighted sum of their mean losses, those without a row left out.
  double mean() const {
    if (tasks.empty()) return loss / weight;
    double sum = 0.0;
    for (const TaskSums& task : tasks) sum += task.weight > 0.0 ? task.share * task.mean() : 0.0;
    return sum;
  }
  // Several tasks: the mean over those that are classes; NaN without any.
  double accuracy() const {
    if (tasks.empty()) return correct / rows;
    double sum = 0.0;
    double n = 0.0;
    for (const TaskSums& task : tasks) {
      if (!task.classes || task.rows == 0.0) continue;
      sum += task.score();
      n += 1.0;
    }
    return n > 0.0 ? sum / n : std::numeric_limits<double>::quiet_NaN();
  }
};

// y(i), w(i) of batch row i through callables. d_logits may be null; it is divided by the batch's weight.
template <class Label, class Weight>
LossSums cross_entropy(const float* logits, int64_t batch, int64_t classes, double smoothing, const Label& y,
                       const Weight& w, float* d_logits) {
  LossSums sums;
  double total = 0.0;
  for (int64_t i = 0; i < batch; ++i) total += w(i);
  const double share = total > 0.0 ? 1.0 / total : 0.0;
  const double floor = smoothing / static_cast<double>(classes);
  for (int64_t i = 0; i < batch; ++i) {
    const float* row = logits + i * classes;
    int64_t best = 0;
    double mean_logit = 0.0;
    for (int64_t c = 0; c < classes; ++c) {
      if (row[c] > row[best]) best = c;
      mean_logit += row[c];
    }
    mean_logit /= static_cast<double>(classes);
    double sum = 0.0;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(row[c] - row[best]));
    const double log_sum = row[best] + std::log(sum);
    const int64_t label = y(i);
    const double weight = w(i);
    sums.loss += weight * (log_sum - (1.0 - smoothing) * row[label] - smoothing * mean_logit);
    sums.correct += best == label ? 1.0 : 0.0;
    if (d_logits != nullptr) {
      for (int64_t c = 0; c < classes; ++c) {
        const double p = std::exp(row[c] - log_sum);
        const double q = floor + (c == label ? 1.0 - smoothing : 0.0);
        d_logits[i * classes + c] = static_cast<float>(weight * share * (p - q));
      }
    }
  }
  sums.weight = total;
  sums.rows = static_cast<double>(batch);
  return sums;
}

// y(i) as a number. `correct` counts nothing.
template <class Target, class Weight>
LossSums squared_error(const float* outputs, int64_t batch, bool huber, const Target& y, const Weight& w,
                       float* d_outputs) {
  LossSums sums;
  for (int64_t i = 0; i < batch; ++i) sums.weight += w(i);
  const double share = sums.weight > 0.0 ? 1.0 / sums.weight : 0.0;
  for (int64_t i = 0; i < batch; ++i) {
    const double error = outputs[i] - y(i);
    const bool beyond = huber && std::abs(error) > 1.0;
    sums.loss += w(i) * (beyond ? std::abs(error) - 0.5 : 0.5 * error * error);
    if (d_outputs != nullptr) {
      d_outputs[i] = static_cast<float>(w(i) * share * (beyond ? std::copysign(1.0, error) : error));
    }
  }
  sums.rows = static_cast<double>(batch);
  return sums;
}

}  // namespace smctrain::models::neural
