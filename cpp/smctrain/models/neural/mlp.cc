#include <algorithm>
#include <cmath>
#include <vector>

#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/nets.h"

namespace smctrain::models::neural {

namespace {

constexpr float kNormEpsilon = 1e-5F;
constexpr float kNormMomentum = 0.1F;
constexpr Op kN = Op::kPlain;
constexpr Op kT = Op::kTransposed;

class Mlp final : public Net {
 public:
  Mlp(const NetShape& shape, int64_t max_batch) : Net(shape, max_batch) {
    int64_t in = shape.n_features;
    for (const int64_t width : shape.hidden) {
      blocks_.push_back({in, width, buffer(max_batch * width), buffer(max_batch * width),
                         buffer(max_batch * width), buffer(max_batch * width), buffer(width), buffer(width),
                         buffer(width)});
      in = width;
    }
  }

  void forward_training(int64_t batch, double dropout, Philox& stream) override {
    const float* x = input();
    for (size_t i = 0; i < blocks_.size(); ++i) {
      Block& block = blocks_[i];
      const int64_t width = block.out;
      const float* bias = weight(array(i, kBias));
      // The bias shifts z and its mean alike, so it is left out here and only moves the running mean.
      gemm(kN, kT, batch, width, block.in, x, weight(array(i, kWeight)), 0.0F, block.z.data());
      column_moments(block.z.data(), batch, width, block.mean.data(), block.squares.data());
      float* running_mean = statistic(array(i, kRunningMean));
      float* running_var = statistic(array(i, kRunningVar));
      const float per_row = 1.0F / static_cast<float>(batch);
      const float per_free_row = 1.0F / static_cast<float>(batch - 1);
      for (int64_t j = 0; j < width; ++j) {
        running_mean[j] += kNormMomentum * (block.mean[j] + bias[j] - running_mean[j]);
        running_var[j] += kNormMomentum * (block.squares[j] * per_free_row - running_var[j]);
        block.inverse[j] = 1.0F / std::sqrt(block.squares[j] * per_row + kNormEpsilon);
      }
      dropout_gates(stream, dropout, block.gates.data(), batch * width);
      normalise_relu_gate(block.z.data(), batch, width, block.mean.data(), block.inverse.data(),
                          weight(array(i, kGamma)), weight(array(i, kBeta)), block.gates.data(),
                          block.out_values.data());
      x = block.out_values.data();
    }
    head_forward(x, batch);
  }

  void forward_evaluation(int64_t batch) override {
    const float* x = input();
    for (size_t i = 0; i < blocks_.size(); ++i) {
      Block& block = blocks_[i];
      gemm(kN, kT, batch, block.out, block.in, x, weight(array(i, kWeight)), 0.0F, block.z.data());
      const float* running_mean = statistic(array(i, kRunningMean));
      const float* running_var = statistic(array(i, kRunningVar));
      for (int64_t j = 0; j < block.out; ++j) {
        const float scale = weight(array(i, kGamma))[j] / std::sqrt(running_var[j] + kNormEpsilon);
        block.inverse[j] = scale;
        block.mean[j] = weight(array(i, kBeta))[j] + (weight(array(i, kBias))[j] - running_mean[j]) * scale;
      }
      scale_relu(block.z.data(), batch, block.out, block.inverse.data(), block.mean.data(),
                 block.out_values.data());
      x = block.out_values.data();
    }
    head_forward(x, batch);
  }

  void backward(int64_t batch) override {
    head_backward(blocks_.back().out_values.data(), blocks_.back().d.data(), batch);
    for (size_t i = blocks_.size(); i-- > 0;) {
      Block& block = blocks_[i];
      normalise_relu_gate_backward(block.d.data(), block.z.data(), block.gates.data(), batch, block.out,
                                   block.inverse.data(), weight(array(i, kGamma)), gradient(array(i, kGamma)),
                                   gradient(array(i, kBeta)));
      std::fill_n(gradient(array(i, kBias)), block.out, 0.0F);
      const float* x = i == 0 ? input() : blocks_[i - 1].out_values.data();
      gemm(kT, kN, block.out, block.in, batch, block.d.data(), x, 0.0F, gradient(array(i, kWeight)));
      if (i > 0)
        gemm(kN, kN, batch, block.in, block.out, block.d.data(), weight(array(i, kWeight)), 0.0F,
             blocks_[i - 1].d.data());
    }
  }

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
  static int64_t array(size_t block, Role role) { return static_cast<int64_t>(block) * kRoles + role; }

  std::vector<Block> blocks_;
};

}  // namespace

std::unique_ptr<Net> make_mlp(const NetShape& shape, int64_t max_batch) {
  return std::make_unique<Mlp>(shape, max_batch);
}

}  // namespace smctrain::models::neural
