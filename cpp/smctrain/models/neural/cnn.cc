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

class Cnn final : public Net {
 public:
  Cnn(const NetShape& shape, int64_t max_batch)
      : Net(shape, max_batch), steps_(shape.lookback), taps_(shape.kernel_size) {
    int64_t in = shape.n_features;
    int64_t dilation = 1;
    for (const int64_t width : shape.hidden) {
      const int64_t cells = steps_ * max_batch * width;
      layers_.push_back({in, width, dilation, buffer(cells), buffer(cells), buffer(cells), buffer(cells),
                         buffer(width), buffer(width), buffer(width)});
      in = width;
      // A tap beyond the window sees zeros only; the cap keeps the product from overflowing.
      dilation = std::min(2 * dilation, steps_);
    }
  }

  void forward_training(int64_t batch, double dropout, Philox& stream) override {
    const float* x = input();
    const int64_t rows = steps_ * batch;
    for (size_t i = 0; i < layers_.size(); ++i) {
      Layer& layer = layers_[i];
      const int64_t width = layer.out;
      convolve(i, x, batch);
      // The bias shifts z and its mean alike, so it only moves the running mean.
      column_moments(layer.z.data(), rows, width, layer.mean.data(), layer.squares.data());
      const float* bias = weight(array(i, kBias));
      float* running_mean = statistic(array(i, kRunningMean));
      float* running_var = statistic(array(i, kRunningVar));
      const float per_row = 1.0F / static_cast<float>(rows);
      const float per_free_row = 1.0F / static_cast<float>(rows - 1);
      for (int64_t j = 0; j < width; ++j) {
        running_mean[j] += kNormMomentum * (layer.mean[j] + bias[j] - running_mean[j]);
        running_var[j] += kNormMomentum * (layer.squares[j] * per_free_row - running_var[j]);
        layer.inverse[j] = 1.0F / std::sqrt(layer.squares[j] * per_row + kNormEpsilon);
      }
      dropout_gates(stream, dropout, layer.gates.data(), rows * width);
      normalise_relu_gate(layer.z.data(), rows, width, layer.mean.data(), layer.inverse.data(),
                          weight(array(i, kGamma)), weight(array(i, kBeta)), layer.gates.data(),
                          layer.out_values.data());
      x = layer.out_values.data();
    }
    head_forward(last_step(x, batch), batch);
  }

  void forward_evaluation(int64_t batch) override {
    const float* x = input();
    for (size_t i = 0; i < layers_.size(); ++i) {
      Layer& layer = layers_[i];
      convolve(i, x, batch);
      const float* running_mean = statistic(array(i, kRunningMean));
      const float* running_var = statistic(array(i, kRunningVar));
      for (int64_t j = 0; j < layer.out; ++j) {
        const float scale = weight(array(i, kGamma))[j] / std::sqrt(running_var[j] + kNormEpsilon);
        layer.inverse[j] = scale;
        layer.mean[j] = weight(array(i, kBeta))[j] + (weight(array(i, kBias))[j] - running_mean[j]) * scale;
      }
      scale_relu(layer.z.data(), steps_ * batch, layer.out, layer.inverse.data(), layer.mean.data(),
                 layer.out_values.data());
      x = layer.out_values.data();
    }
    head_forward(last_step(x, batch), batch);
  }

  void backward(int64_t batch) override {
    Layer& top = layers_.back();
    const int64_t rows = steps_ * batch;
    const int64_t before_last = (steps_ - 1) * batch * top.out;
    std::fill_n(top.d.data(), before_last, 0.0F);
    head_backward(top.out_values.data() + before_last, top.d.data() + before_last, batch);
    for (size_t i = layers_.size(); i-- > 0;) {
      Layer& layer = layers_[i];
      normalise_relu_gate_backward(layer.d.data(), layer.z.data(), layer.gates.data(), rows, layer.out,
                                   layer.inverse.data(), weight(array(i, kGamma)), gradient(array(i, kGamma)),
                                   gradient(array(i, kBeta)));
      std::fill_n(gradient(array(i, kBias)), layer.out, 0.0F);
      const float* x = i == 0 ? input() : layers_[i - 1].out_values.data();
      float* d_x = i == 0 ? nullptr : layers_[i - 1].d.data();
      for (int64_t k = 0; k < taps_; ++k) {
        const int64_t shift = k * layer.dilation;
        float* d_tap = gradient(array(i, kWeight)) + k * layer.out * layer.in;
        if (shift >= steps_) {
          std::fill_n(d_tap, layer.out * layer.in, 0.0F);
          continue;
        }
        const int64_t seen = (steps_ - shift) * batch;
        const float* d = layer.d.data() + shift * batch * layer.out;
        gemm(kT, kN, layer.out, layer.in, seen, d, x, 0.0F, d_tap);
        if (d_x != nullptr) gemm(kN, kN, seen, layer.in, layer.out, d, tap(i, k), k == 0 ? 0.0F : 1.0F, d_x);
      }
    }
  }

 private:
  struct Layer {
    int64_t in;
    int64_t out;
    int64_t dilation;
    std::vector<float> z;           // (step, batch, out): convolution, then normalised
    std::vector<float> gates;       // dropout scale where the unit is on, else 0
    std::vector<float> out_values;  // after ReLU and dropout
    std::vector<float> d;           // gradient
    std::vector<float> mean;
    std::vector<float> squares;
    std::vector<float> inverse;
  };
  enum Role : int64_t { kWeight, kBias, kGamma, kBeta, kRunningMean, kRunningVar, kRoles };
  static int64_t array(size_t layer, Role role) { return static_cast<int64_t>(layer) * kRoles + role; }

  const float* tap(size_t i, int64_t k) {
    return weight(array(i, kWeight)) + k * layers_[i].out * layers_[i].in;
  }

  // Steps lie behind one another, so a tap `shift` steps back is one product of two shifted blocks of rows.
  void convolve(size_t i, const float* x, int64_t batch) {
    Layer& layer = layers_[i];
    for (int64_t k = 0; k < taps_; ++k) {
      const int64_t shift = k * layer.dilation;
      if (shift >= steps_) break;
      gemm(kN, kT, (steps_ - shift) * batch, layer.out, layer.in, x, tap(i, k), k == 0 ? 0.0F : 1.0F,
           layer.z.data() + shift * batch * layer.out);
    }
  }

  const float* last_step(const float* x, int64_t batch) const {
    return x + (steps_ - 1) * batch * layers_.back().out;
  }

  int64_t steps_;
  int64_t taps_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Net> make_cnn(const NetShape& shape, int64_t max_batch) {
  return std::make_unique<Cnn>(shape, max_batch);
}

}  // namespace smctrain::models::neural
