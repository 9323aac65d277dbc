// Moves the weights against the gradient.
//
//   first    weights before this place are frozen: neither moved nor part of the gradient's length
//   length   Euclidean norm of the gradient; longer than `clip_norm` it is shortened to that
//
// One pass over weights, gradients and moments a step; nothing is allocated after construction.
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/models/neural/settings.h"

namespace smctrain::models::neural {

class Optimiser {
 public:
  Optimiser(const TrainingSettings& settings, size_t n_weights);

  void freeze_before(int64_t first) { first_ = first; }
  // Length of the gradient before it is shortened.
  double length(const std::vector<float>& gradients) const;
  void step(std::vector<float>& weights, const std::vector<float>& gradients, double length, double rate);
  // Forgets all momentum.
  void reset();

  int64_t steps() const { return all_steps_; }

 private:
  const TrainingSettings& settings_;
  int64_t first_ = 0;
  int64_t steps_ = 0;  // since the last reset
  int64_t all_steps_ = 0;
  std::vector<float> m_;
  std::vector<float> v_;  // AdamW only
};

}  // namespace smctrain::models::neural
