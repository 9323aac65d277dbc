#include "smctrain/models/score.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/metrics/classification.h"

namespace smctrain::models {

namespace {

constexpr double kSmallestProbability = 1e-15;

using Words = std::initializer_list<std::pair<const char*, ScoreKind>>;

ScoreKind kind_of(const std::string& metric, const Words& words, const char* of_what) {
  std::string known;
  for (const auto& [word, kind] : words) {
    if (metric == word) return kind;
    known += format(known.empty() ? "'" : ", '", word, "'");
  }
  raise("InputError", "metric must be one of ", known, " for ", of_what, ", but is '", metric, "'.");
}

// Without the last digits: equal predictions that were summed in another order are equal again, because auc
// counts ties.
double without_last_digits(double value) {
  constexpr int kBits = 36;
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  return std::ldexp(std::round(std::ldexp(mantissa, kBits)), exponent - kBits);
}

}  // namespace

Score Score::of_classes(const std::string& metric, std::span<const int32_t> labels, int64_t n_classes) {
  Score score;
  score.kind_ = kind_of(metric,
                        {{"log_loss", ScoreKind::kLogLoss},
                         {"accuracy", ScoreKind::kAccuracy},
                         {"balanced_accuracy", ScoreKind::kBalancedAccuracy},
                         {"auc", ScoreKind::kAuc},
                         {"brier", ScoreKind::kBrier}},
                        "classes");
  score.labels_ = labels;
  score.rows_ = static_cast<int64_t>(labels.size());
  score.width_ = n_classes;
  score.class_rows_.assign(static_cast<size_t>(n_classes), 0.0);
  for (const int32_t label : labels) {
    if (label >= n_classes) raise("InputError", "y must lie below ", n_classes, ", but is ", label, ".");
    if (label >= 0) score.class_rows_[static_cast<size_t>(label)] += 1.0;
  }
  return score;
}

Score Score::of_numbers(const std::string& metric, std::span<const double> targets,
                        std::span<const double> quantiles) {
  Score score;
  score.kind_ = kind_of(metric,
                        {{"r2", ScoreKind::kR2},
                         {"mse", ScoreKind::kMse},
                         {"mae", ScoreKind::kMae},
                         {"pinball", ScoreKind::kPinball}},
                        "numbers");
  if (score.kind_ == ScoreKind::kPinball && quantiles.empty()) {
    raise("InputError", "metric 'pinball' needs a model that predicts quantiles; use 'r2', 'mse' or 'mae'.");
  }
  if (score.kind_ != ScoreKind::kPinball && quantiles.size() > 1) {
    raise("InputError", "metric must be 'pinball' for a model of several quantiles, but is '", metric, "'.");
  }
  score.targets_ = targets;
  score.quantiles_ = quantiles;
  score.rows_ = static_cast<int64_t>(targets.size());
  score.width_ = std::max<int64_t>(1, static_cast<int64_t>(quantiles.size()));
  const double mean = std::accumulate(targets.begin(), targets.end(), 0.0) / static_cast<double>(score.rows_);
  for (const double target : targets) score.spread_ += (target - mean) * (target - mean);
  if (!std::isfinite(score.spread_) || (score.kind_ == ScoreKind::kR2 && score.spread_ == 0.0)) {
    raise("InputError",
          "y must hold finite numbers that are not all equal, because R2 compares with their spread.");
  }
  return score;
}

void Score::add(int64_t row, const double* predicted, double* slots) const {
  const auto at = static_cast<size_t>(row);
  switch (kind_) {
    case ScoreKind::kLogLoss: {
      const double p = labels_[at] < 0 ? 0.0 : predicted[labels_[at]];
      slots[0] += std::log(std::max(p, kSmallestProbability));
      break;
    }
    case ScoreKind::kBrier:
      for (int64_t c = 0; c < width_; ++c) {
        const double error = predicted[c] - (labels_[at] == c ? 1.0 : 0.0);
        slots[0] -= error * error;
      }
      break;
    case ScoreKind::kAccuracy:
    case ScoreKind::kBalancedAccuracy: {
      const auto best = std::max_element(predicted, predicted + width_) - predicted;
      if (best == labels_[at]) slots[kind_ == ScoreKind::kAccuracy ? 0 : best] += 1.0;
      break;
    }
    case ScoreKind::kR2:
    case ScoreKind::kMse: {
      const double error = targets_[at] - predicted[0];
      slots[0] -= error * error;
      break;
    }
    case ScoreKind::kMae:
      slots[0] -= std::abs(targets_[at] - predicted[0]);
      break;
    case ScoreKind::kPinball:
      for (int64_t k = 0; k < width_; ++k) {
        const double error = targets_[at] - predicted[k];
        const double level = quantiles_[static_cast<size_t>(k)];
        slots[0] -= std::max(level * error, (level - 1.0) * error) / static_cast<double>(width_);
      }
      break;
    case ScoreKind::kAuc:
      break;
  }
}

double Score::finish(const double* slots) const {
  if (kind_ == ScoreKind::kR2) return 1.0 + slots[0] / spread_;
  if (kind_ != ScoreKind::kBalancedAccuracy) return slots[0] / static_cast<double>(rows_);
  double sum = 0.0;
  double present = 0.0;
  for (size_t c = 0; c < class_rows_.size(); ++c) {
    if (class_rows_[c] == 0.0) continue;
    sum += slots[c] / class_rows_[c];
    present += 1.0;
  }
  return present > 0.0 ? sum / present : 0.0;
}

double Score::of(const double* predicted) const {
  if (!adds_up()) return auc(predicted);
  std::vector<double> sums(static_cast<size_t>(slots()), 0.0);
  for (int64_t i = 0; i < rows_; ++i) add(i, predicted + i * width_, sums.data());
  return finish(sums.data());
}

double Score::auc(const double* predicted) const {
  std::vector<uint8_t> is_positive(static_cast<size_t>(rows_));
  std::vector<double> score(static_cast<size_t>(rows_));
  double sum = 0.0;
  double defined = 0.0;
  for (int64_t c = width_ == 2 ? 1 : 0; c < width_; ++c) {
    for (int64_t i = 0; i < rows_; ++i) {
      is_positive[static_cast<size_t>(i)] = labels_[static_cast<size_t>(i)] == c ? 1 : 0;
      score[static_cast<size_t>(i)] = without_last_digits(predicted[i * width_ + c]);
    }
    const double area = metrics::auc(is_positive, score);
    if (std::isnan(area)) continue;
    sum += area;
    defined += 1.0;
  }
  return defined > 0.0 ? sum / defined : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace smctrain::models
