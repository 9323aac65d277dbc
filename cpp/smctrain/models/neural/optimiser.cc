#include "smctrain/models/neural/optimiser.h"

#include <algorithm>

#include "smctrain/models/neural/kernels.h"

namespace smctrain::models::neural {

Optimiser::Optimiser(const TrainingSettings& settings, size_t n_weights)
    : settings_(settings),
      m_(n_weights, 0.0F),
      v_(settings.optimiser == OptimiserKind::kAdamW ? n_weights : 0, 0.0F) {}

double Optimiser::length(const std::vector<float>& gradients) const {
  return norm(gradients.data() + first_, static_cast<int64_t>(gradients.size()) - first_);
}

void Optimiser::step(std::vector<float>& weights, const std::vector<float>& gradients, double length,
                     double rate) {
  ++steps_;
  ++all_steps_;
  const int64_t n = static_cast<int64_t>(weights.size()) - first_;
  const double clip = settings_.clip_norm;
  const double scale = clip > 0.0 && length > clip ? clip / length : 1.0;
  float* w = weights.data() + first_;
  const float* gradient = gradients.data() + first_;
  if (settings_.optimiser == OptimiserKind::kAdamW) {
    adamw(w, gradient, m_.data() + first_, v_.data() + first_, n, steps_, rate, settings_.weight_decay,
          scale);
  } else {
    sgd_nesterov(w, gradient, m_.data() + first_, n, rate, settings_.weight_decay, settings_.momentum, scale);
  }
}

void Optimiser::reset() {
  std::fill(m_.begin(), m_.end(), 0.0F);
  std::fill(v_.begin(), v_.end(), 0.0F);
  steps_ = 0;
}

}  // namespace smctrain::models::neural
