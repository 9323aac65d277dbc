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
  virtual ~Optimiser() = default;
  Optimiser(const Optimiser&) = delete;
  Optimiser& operator=(const Optimiser&) = delete;

  void freeze_before(int64_t first) { first_ = first; }
  // Length of the gradient before it is shortened.
  virtual double length(const std::vector<float>& gradients) const;
  virtual void step(std::vector<float>& weights, const std::vector<float>& gradients, double length,
                    double rate);
  // Forgets all momentum.
  virtual void reset();

  int64_t steps() const { return all_steps_; }

 protected:
  const TrainingSettings& settings_;
  int64_t first_ = 0;
  int64_t steps_ = 0;  // since the last reset
  int64_t all_steps_ = 0;
  std::vector<float> m_;
  std::vector<float> v_;  // AdamW only
};

}  // namespace smctrain::models::neural
