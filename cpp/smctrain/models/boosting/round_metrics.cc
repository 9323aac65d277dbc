#include "smctrain/models/boosting/round_metrics.h"

#include <algorithm>
#include <cmath>

namespace smctrain::models::boosting {

namespace {

constexpr double kSmallest = 1e-16;

// Class that these probabilities name.
int64_t class_of(const double* value, int64_t width) {
  if (width == 1) return value[0] > 0.5 ? 1 : 0;
  return std::max_element(value, value + width) - value;
}

template <class F>
double weighted_mean(const Sample& sample, F&& f) {
  double sum = 0.0;
  double weight = 0.0;
  for (size_t i = 0; i < sample.y.size(); ++i) {
    sum += static_cast<double>(sample.weight[i]) * f(i);
    weight += static_cast<double>(sample.weight[i]);
  }
  return sum / weight;
}

}  // namespace

double log_loss(const Sample& sample, std::span<const double> value, int64_t width) {
  return weighted_mean(sample, [&](size_t i) {
    const auto label = static_cast<size_t>(sample.y[i]);
    const double p =
        width == 1 ? (label == 1 ? value[i] : 1.0 - value[i]) : value[i * static_cast<size_t>(width) + label];
    return -std::log(std::max(p, kSmallest));
  });
}

double accuracy(const Sample& sample, std::span<const double> value, int64_t width) {
  return weighted_mean(sample, [&](size_t i) {
    return class_of(value.data() + i * static_cast<size_t>(width), width) == static_cast<int64_t>(sample.y[i])
               ? 1.0
               : 0.0;
  });
}

double balanced_accuracy(const Sample& sample, std::span<const double> value, int64_t width) {
  const auto classes = static_cast<size_t>(width == 1 ? 2 : width);
  std::vector<double> right(classes, 0.0);
  std::vector<double> all(classes, 0.0);
  for (size_t i = 0; i < sample.y.size(); ++i) {
    const auto label = static_cast<size_t>(sample.y[i]);
    const double weight = sample.weight[i];
    all[label] += weight;
    const auto found = class_of(value.data() + i * static_cast<size_t>(width), width);
    if (static_cast<size_t>(found) == label) right[label] += weight;
  }
  double sum = 0.0;
  double present = 0.0;
  for (size_t c = 0; c < classes; ++c) {
    if (all[c] == 0.0) continue;
    sum += right[c] / all[c];
    present += 1.0;
  }
  return sum / present;
}

double regression_loss(Loss loss, const RoundSettings& settings, const Sample& sample,
                       std::span<const double> value, int64_t width) {
  const double slope = settings.slope;
  const auto w = static_cast<size_t>(width);
  return weighted_mean(sample, [&](size_t i) {
    double sum = 0.0;
    for (size_t k = 0; k < w; ++k) {
      const double r = static_cast<double>(sample.y[i]) - value[i * w + k];
      switch (loss) {
        case Loss::kSquared:
          sum += r * r;
          break;
        case Loss::kHuber:
          sum += std::abs(r) <= slope ? 0.5 * r * r : slope * (std::abs(r) - 0.5 * slope);
          break;
        case Loss::kPseudoHuber:
          sum += slope * slope * (std::sqrt(1.0 + (r / slope) * (r / slope)) - 1.0);
          break;
        case Loss::kQuantile: {
          const double q = settings.quantiles[k];
          sum += std::max(q * r, (q - 1.0) * r);
          break;
        }
        default:
          sum += std::abs(r);
      }
    }
    return sum / static_cast<double>(w);
  });
}

double metric_value(Metric metric, const RoundSettings& settings, const Sample& sample,
                    std::span<const double> value, int64_t width) {
  switch (metric) {
    case Metric::kAccuracy:
      return accuracy(sample, value, width);
    case Metric::kBalancedAccuracy:
      return balanced_accuracy(sample, value, width);
    case Metric::kMse:
      return regression_loss(Loss::kSquared, settings, sample, value, width);
    case Metric::kMae:
      return regression_loss(Loss::kAbsolute, settings, sample, value, width);
    case Metric::kPinball:
      return regression_loss(Loss::kQuantile, settings, sample, value, width);
    default:
      return settings.loss == Loss::kClasses ? log_loss(sample, value, width)
                                             : regression_loss(settings.loss, settings, sample, value, width);
  }
}

void to_probabilities(std::span<double> margins, int64_t width) {
  if (width == 1) {
    for (double& margin : margins) margin = 1.0 / (1.0 + std::exp(-margin));
    return;
  }
  for (size_t i = 0; i < margins.size(); i += static_cast<size_t>(width)) {
    const auto row = margins.subspan(i, static_cast<size_t>(width));
    const double top = *std::max_element(row.begin(), row.end());
    double sum = 0.0;
    for (double& margin : row) sum += margin = std::exp(margin - top);
    for (double& margin : row) margin /= sum;
  }
}

}  // namespace smctrain::models::boosting
