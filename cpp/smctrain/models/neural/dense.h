// Blocks of Linear -> BatchNorm1d -> ReLU -> Dropout, forward and backward, for networks that have more than
// one stack of them.
//
//   first    number of the stack's first array in the layout; each block has six arrays in the order of the
//   MLP's d_out    buffer that the caller fills with the gradient of the stack's output before backward()
//
// As in the MLP, the bias before a normalisation gets the gradient zero it has mathematically. No step
// allocates.
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/models/neural/layout.h"

namespace smctrain::models::neural {

class DenseBlocks {
 public:
  // Layout, weights and gradients are the network's and outlive this.
  DenseBlocks(const NetLayout& layout, NetWeights& weights, std::vector<float>& gradients, int64_t first,
              int64_t in, const std::vector<int64_t>& widths, int64_t max_batch);

  // Both return the stack's output (batch, last width).
  const float* forward_training(const float* x, int64_t batch, double dropout, Philox& stream);
  const float* forward_evaluation(const float* x, int64_t batch);
  // x: what forward_training saw. d_x (batch, in) may be null.
  void backward(const float* x, float* d_x, int64_t batch);

  const float* out() const { return blocks_.back().out_values.data(); }
  float* d_out() { return blocks_.back().d.data(); }
  int64_t width() const { return blocks_.back().out; }
  // Number of the array behind the stack's last.
  int64_t end() const { return first_ + static_cast<int64_t>(blocks_.size()) * kRoles; }

 private:
  struct Block {
    int64_t in;
    int64_t out;
    std::vector<float> z;           // linear output, then normalised
    std::vector<float> gates;       // dropout scale where the unit is on, else 0
    std::vector<float> out_values;  // after ReLU and dropout
    std::vector<float> d;           // gradient
    std::vector<float> mean;
    std::vector<float> squares;
    std::vector<float> inverse;
  };
  enum Role : int64_t { kWeight, kBias, kGamma, kBeta, kRunningMean, kRunningVar, kRoles };

  const ArraySpec& spec(size_t block, Role role) const {
    return layout_.arrays[static_cast<size_t>(first_ + static_cast<int64_t>(block) * kRoles + role)];
  }
  float* weight(size_t block, Role role) { return weights_.learned.data() + spec(block, role).offset; }
  float* statistic(size_t block, Role role) { return weights_.statistics.data() + spec(block, role).offset; }
  float* gradient(size_t block, Role role) { return gradients_.data() + spec(block, role).offset; }

  const NetLayout& layout_;
  NetWeights& weights_;
  std::vector<float>& gradients_;
  int64_t first_;
  std::vector<Block> blocks_;
};

}  // namespace smctrain::models::neural
