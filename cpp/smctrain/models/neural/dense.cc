#include "smctrain/models/neural/dense.h"

#include <algorithm>
#include <cmath>

#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/nets.h"

namespace smctrain::models::neural {

namespace {

constexpr float kNormEpsilon = 1e-5F;
constexpr float kNormMomentum = 0.1F;
constexpr Op kN = Op::kPlain;
constexpr Op kT = Op::kTransposed;

}  // namespace

DenseBlocks::DenseBlocks(const NetLayout& layout, NetWeights& weights, std::vector<float>& gradients,
                         int64_t first, int64_t in, const std::vector<int64_t>& widths, int64_t max_batch)
    : layout_(layout), weights_(weights), gradients_(gradients), first_(first) {
  for (const int64_t width : widths) {
    blocks_.push_back({in, width, buffer(max_batch * width), buffer(max_batch * width),
                       buffer(max_batch * width), buffer(max_batch * width), buffer(width), buffer(width),
                       buffer(width)});
    in = width;
  }
}

const float* DenseBlocks::forward_training(const float* x, int64_t batch, double dropout, Philox& stream) {
  const float per_row = 1.0F / static_cast<float>(batch);
  const float per_free_row = 1.0F / static_cast<float>(batch - 1);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    Block& block = blocks_[i];
    const int64_t width = block.out;
    const float* bias = weight(i, kBias);
    // The bias shifts z and its mean alike, so it is left out here and only moves the running mean.
    gemm(kN, kT, batch, width, block.in, x, weight(i, kWeight), 0.0F, block.z.data());
    column_moments(block.z.data(), batch, width, block.mean.data(), block.squares.data());
    float* running_mean = statistic(i, kRunningMean);
    float* running_var = statistic(i, kRunningVar);
    for (int64_t j = 0; j < width; ++j) {
      running_mean[j] += kNormMomentum * (block.mean[j] + bias[j] - running_mean[j]);
      running_var[j] += kNormMomentum * (block.squares[j] * per_free_row - running_var[j]);
      block.inverse[j] = 1.0F / std::sqrt(block.squares[j] * per_row + kNormEpsilon);
    }
    dropout_gates(stream, dropout, block.gates.data(), batch * width);
    normalise_relu_gate(block.z.data(), batch, width, block.mean.data(), block.inverse.data(),
                        weight(i, kGamma), weight(i, kBeta), block.gates.data(), block.out_values.data());
    x = block.out_values.data();
  }
  return x;
}

const float* DenseBlocks::forward_evaluation(const float* x, int64_t batch) {
  for (size_t i = 0; i < blocks_.size(); ++i) {
    Block& block = blocks_[i];
    gemm(kN, kT, batch, block.out, block.in, x, weight(i, kWeight), 0.0F, block.z.data());
    for (int64_t j = 0; j < block.out; ++j) {
      const float scale = weight(i, kGamma)[j] / std::sqrt(statistic(i, kRunningVar)[j] + kNormEpsilon);
      block.inverse[j] = scale;
      block.mean[j] = weight(i, kBeta)[j] + (weight(i, kBias)[j] - statistic(i, kRunningMean)[j]) * scale;
    }
    scale_relu(block.z.data(), batch, block.out, block.inverse.data(), block.mean.data(),
               block.out_values.data());
    x = block.out_values.data();
  }
  return x;
}

void DenseBlocks::backward(const float* x, float* d_x, int64_t batch) {
  for (size_t i = blocks_.size(); i-- > 0;) {
    Block& block = blocks_[i];
    normalise_relu_gate_backward(block.d.data(), block.z.data(), block.gates.data(), batch, block.out,
                                 block.inverse.data(), weight(i, kGamma), gradient(i, kGamma),
                                 gradient(i, kBeta));
    std::fill_n(gradient(i, kBias), block.out, 0.0F);
    const float* below = i == 0 ? x : blocks_[i - 1].out_values.data();
    float* d_below = i == 0 ? d_x : blocks_[i - 1].d.data();
    gemm(kT, kN, block.out, block.in, batch, block.d.data(), below, 0.0F, gradient(i, kWeight));
    if (d_below != nullptr)
      gemm(kN, kN, batch, block.in, block.out, block.d.data(), weight(i, kWeight), 0.0F, d_below);
  }
}

}  // namespace smctrain::models::neural
