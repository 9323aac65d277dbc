#include "smctrain/models/neural/temperature.h"

#include <algorithm>
#include <cmath>

namespace smctrain::models::neural {

namespace {

constexpr double kLeast = 0.05;  // of 1 / T
constexpr double kMost = 20.0;
constexpr int kSteps = 60;

// First derivative of the log loss in b = 1 / T: sum w (mean logit under softmax(b z) - logit of y).
double slope(std::span<const float> logits, std::span<const int32_t> labels, std::span<const double> weights,
             int64_t classes, double b) {
  double total = 0.0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const float* z = logits.data() + static_cast<int64_t>(i) * classes;
    const double largest = *std::max_element(z, z + classes);
    double sum = 0.0;
    double weighted = 0.0;
    for (int64_t c = 0; c < classes; ++c) {
      const double p = std::exp(b * (z[c] - largest));
      sum += p;
      weighted += p * z[c];
    }
    total += weights[i] * (weighted / sum - z[labels[i]]);
  }
  return total;
}

}  // namespace

double best_temperature(std::span<const float> logits, std::span<const int32_t> labels,
                        std::span<const double> weights, int64_t classes) {
  double low = kLeast;
  double high = kMost;
  const double at_low = slope(logits, labels, weights, classes, low);
  const double at_high = slope(logits, labels, weights, classes, high);
  if (at_low == 0.0 && at_high == 0.0) return 1.0;
  if (at_low >= 0.0) return 1.0 / low;
  if (at_high <= 0.0) return 1.0 / high;
  for (int step = 0; step < kSteps; ++step) {  // halved on a log scale: 60 halvings leave no double between
    const double middle = std::sqrt(low * high);
    (slope(logits, labels, weights, classes, middle) < 0.0 ? low : high) = middle;
  }
  return 1.0 / std::sqrt(low * high);
}

}  // namespace smctrain::models::neural
