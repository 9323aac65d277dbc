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

double probability(std::span<const double> value, int64_t width, size_t row, size_t of_class) {
  if (width == 1) return of_class == 1 ? value[row] : 1.0 - value[row];
  return value[row * static_cast<size_t>(width) + of_class];
}

size_t classes_of(int64_t width) { return width == 1 ? 2 : static_cast<size_t>(width); }

// Weight by label (row) and prediction (column).
struct Confusion {
  size_t classes;
  std::vector<double> weight;
  double at(size_t label, size_t found) const { return weight[label * classes + found]; }
};

Confusion confusion(const Sample& sample, std::span<const double> value, int64_t width) {
  const size_t k = classes_of(width);
  Confusion result{k, std::vector<double>(k * k, 0.0)};
  for (size_t i = 0; i < sample.y.size(); ++i) {
    const auto found = static_cast<size_t>(class_of(value.data() + i * static_cast<size_t>(width), width));
    result.weight[static_cast<size_t>(sample.y[i]) * k + found] += static_cast<double>(sample.weight[i]);
  }
  return result;
}

double f1(const Confusion& c) {
  double sum = 0.0;
  double present = 0.0;
  for (size_t k = 0; k < c.classes; ++k) {
    double labels = 0.0;
    double found = 0.0;
    for (size_t other = 0; other < c.classes; ++other) {
      labels += c.at(k, other);
      found += c.at(other, k);
    }
    if (labels + found == 0.0) continue;
    sum += 2.0 * c.at(k, k) / (labels + found);
    present += 1.0;
  }
  return sum / present;
}

// Gorodkin's correlation, as scikit-learn has it.
double mcc(const Confusion& c) {
  double right = 0.0;
  double total = 0.0;
  double both = 0.0;
  double labels_squared = 0.0;
  double found_squared = 0.0;
  for (size_t k = 0; k < c.classes; ++k) {
    double labels = 0.0;
    double found = 0.0;
    for (size_t other = 0; other < c.classes; ++other) {
      labels += c.at(k, other);
      found += c.at(other, k);
    }
    right += c.at(k, k);
    total += labels;
    both += labels * found;
    labels_squared += labels * labels;
    found_squared += found * found;
  }
  const double square = (total * total - found_squared) * (total * total - labels_squared);
  return square > 0.0 ? (right * total - both) / std::sqrt(square) : 0.0;
}

double brier(const Sample& sample, std::span<const double> value, int64_t width) {
  return weighted_mean(sample, [&](size_t i) {
    double sum = 0.0;
    for (size_t c = 0; c < classes_of(width); ++c) {
      const double miss =
          probability(value, width, i, c) - (c == static_cast<size_t>(sample.y[i]) ? 1.0 : 0.0);
      sum += miss * miss;
    }
    return sum;
  });
}

struct Scored {
  double score;
  double positive;  // weight
  double negative;
};

double auc_of(std::vector<Scored>& rows) {
  std::sort(rows.begin(), rows.end(), [](const Scored& a, const Scored& b) { return a.score < b.score; });
  double below = 0.0;
  double area = 0.0;
  double positives = 0.0;
  for (size_t i = 0; i < rows.size();) {
    double positive = 0.0;
    double negative = 0.0;
    size_t j = i;
    for (; j < rows.size() && !(rows[i].score < rows[j].score); ++j) {
      positive += rows[j].positive;
      negative += rows[j].negative;
    }
    area += positive * (below + 0.5 * negative);
    below += negative;
    positives += positive;
    i = j;
  }
  return area / (positives * below);
}

double mean_auc(const Sample& sample, std::span<const double> value, int64_t width) {
  double sum = 0.0;
  double present = 0.0;
  std::vector<Scored> rows;
  for (size_t c = width == 1 ? 1 : 0; c < classes_of(width); ++c) {
    rows.clear();
    for (size_t i = 0; i < sample.y.size(); ++i) {
      const double weight = sample.weight[i];
      const bool own = static_cast<size_t>(sample.y[i]) == c;
      rows.push_back({probability(value, width, i, c), own ? weight : 0.0, own ? 0.0 : weight});
    }
    const double found = auc_of(rows);
    if (std::isnan(found)) continue;
    sum += found;
    present += 1.0;
  }
  return sum / present;
}

double direction_auc(const Sample& sample, std::span<const double> value, int64_t width) {
  const size_t last = classes_of(width) - 1;
  std::vector<Scored> rows;
  for (size_t i = 0; i < sample.y.size(); ++i) {
    const auto label = static_cast<size_t>(sample.y[i]);
    if (label != 0 && label != last) continue;
    const double up = probability(value, width, i, last);
    const double both = up + probability(value, width, i, 0);
    const double weight = sample.weight[i];
    rows.push_back(
        {both > 0.0 ? up / both : 0.5, label == last ? weight : 0.0, label == last ? 0.0 : weight});
  }
  return auc_of(rows);
}

double r2(const Sample& sample, std::span<const double> value) {
  const double mean = weighted_mean(sample, [&](size_t i) { return static_cast<double>(sample.y[i]); });
  const double spread = weighted_mean(sample, [&](size_t i) {
    const double off = static_cast<double>(sample.y[i]) - mean;
    return off * off;
  });
  const double error = weighted_mean(sample, [&](size_t i) {
    const double off = static_cast<double>(sample.y[i]) - value[i];
    return off * off;
  });
  return 1.0 - error / spread;
}

template <class T>
std::vector<double> ranks(std::span<const T> values) {
  std::vector<size_t> order(values.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (size_t i = 0; i < order.size();) {
    size_t j = i;
    while (j < order.size() && !(values[order[i]] < values[order[j]])) ++j;
    for (size_t k = i; k < j; ++k) result[order[k]] = 0.5 * static_cast<double>(i + j - 1);
    i = j;
  }
  return result;
}

double spearman(const Sample& sample, std::span<const double> value) {
  // A prediction that is no number has no rank.
  for (const double v : value) {
    if (std::isnan(v)) return v;
  }
  const std::vector<double> a = ranks(std::span<const float>(sample.y));
  const std::vector<double> b = ranks(value);
  const double middle = 0.5 * static_cast<double>(a.size() - 1);
  double ab = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - middle) * (b[i] - middle);
    aa += (a[i] - middle) * (a[i] - middle);
    bb += (b[i] - middle) * (b[i] - middle);
  }
  return ab / std::sqrt(aa * bb);
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
    case Metric::kF1:
      return f1(confusion(sample, value, width));
    case Metric::kMcc:
      return mcc(confusion(sample, value, width));
    case Metric::kBrier:
      return brier(sample, value, width);
    case Metric::kAuc:
      return mean_auc(sample, value, width);
    case Metric::kDirectionAuc:
      return direction_auc(sample, value, width);
    case Metric::kRmse:
      return std::sqrt(regression_loss(Loss::kSquared, settings, sample, value, width));
    case Metric::kR2:
      return r2(sample, value);
    case Metric::kSpearman:
      return spearman(sample, value);
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
