#include "smctrain/models/neural/leaky.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/nets.h"

namespace smctrain::models::neural {

namespace {

constexpr Op kN = Op::kPlain;
constexpr Op kT = Op::kTransposed;
constexpr float kSlope = 0.2F;

}  // namespace

NetLayout leaky_layout(int64_t in, const std::vector<int64_t>& widths, int64_t out) {
  NetLayout layout;
  const auto append = [&layout](std::string name, std::vector<int64_t> extents) {
    ArraySpec spec{std::move(name), std::move(extents), true, layout.n_learned};
    layout.n_learned += spec.size();
    layout.arrays.push_back(std::move(spec));
  };
  for (size_t i = 0; i <= widths.size(); ++i) {
    const int64_t width = i < widths.size() ? widths[i] : out;
    append(format("layers.", i, ".weight"), {width, in});
    append(format("layers.", i, ".bias"), {width});
    in = width;
  }
  return layout;
}

LeakyLayers::LeakyLayers(int64_t in, const std::vector<int64_t>& widths, int64_t out, int64_t max_batch) {
  const NetLayout layout = leaky_layout(in, widths, out);
  weights = buffer(layout.n_learned);
  for (size_t i = 0; i < layout.arrays.size(); i += 2) {
    const int64_t width = layout.arrays[i].shape[0];
    layers_.push_back({layout.arrays[i].shape[1], width, layout.arrays[i].offset, layout.arrays[i + 1].offset,
                       buffer(max_batch * width), buffer(max_batch * width), buffer(max_batch * width),
                       buffer(max_batch * width)});
  }
}

void LeakyLayers::initialise(Philox& stream) {
  std::fill(weights.begin(), weights.end(), 0.0F);
  for (size_t k = 0; k < layers_.size(); ++k) {
    const Layer& layer = layers_[k];
    const bool last = k + 1 == layers_.size();
    const double gain = last ? 1.0 : 2.0 / (1.0 + kSlope * kSlope);
    const double bound = std::sqrt(3.0 * gain / static_cast<double>(layer.in));
    for (int64_t i = 0; i < layer.in * layer.out; ++i)
      weights[layer.weight + i] = static_cast<float>((2.0 * stream.uniform() - 1.0) * bound);
  }
}

const float* LeakyLayers::forward(const float* x, int64_t batch) {
  for (size_t k = 0; k < layers_.size(); ++k) {
    Layer& layer = layers_[k];
    gemm(kN, kT, batch, layer.out, layer.in, x, weights.data() + layer.weight, 0.0F, layer.values.data());
    add_bias(layer.values.data(), batch, layer.out, weights.data() + layer.bias);
    if (k + 1 < layers_.size()) {
      for (int64_t i = 0; i < batch * layer.out; ++i) {
        layer.slopes[i] = layer.values[i] > 0.0F ? 1.0F : kSlope;
        layer.values[i] *= layer.slopes[i];
      }
    }
    x = layer.values.data();
  }
  return x;
}

void LeakyLayers::backward(const float* x, const float* d_out, int64_t batch, std::vector<float>* gradients,
                           float* d_x) {
  for (size_t k = layers_.size(); k-- > 0;) {
    Layer& layer = layers_[k];
    const float* d = d_out;
    if (k + 1 < layers_.size()) {
      multiply(layer.d.data(), layer.slopes.data(), batch * layer.out);
      d = layer.d.data();
    }
    if (gradients != nullptr) {
      const float* below = k == 0 ? x : layers_[k - 1].values.data();
      gemm(kT, kN, layer.out, layer.in, batch, d, below, 1.0F, gradients->data() + layer.weight);
      float* bias = gradients->data() + layer.bias;
      for (int64_t r = 0; r < batch; ++r) add(bias, d + r * layer.out, layer.out);
    }
    float* d_below = k == 0 ? d_x : layers_[k - 1].d.data();
    if (d_below != nullptr)
      gemm(kN, kN, batch, layer.in, layer.out, d, weights.data() + layer.weight, 0.0F, d_below);
  }
}

void LeakyLayers::backward_of_gradient(const float* v, const float* d_out, int64_t batch,
                                       std::vector<float>& gradients) {
  const float* u = v;  // v carried through the layers' weights and slopes, without biases
  for (size_t k = 0; k < layers_.size(); ++k) {
    Layer& layer = layers_[k];
    const bool last = k + 1 == layers_.size();
    gemm(kT, kN, layer.out, layer.in, batch, last ? d_out : layer.d.data(), u, 1.0F,
         gradients.data() + layer.weight);
    if (last) return;
    gemm(kN, kT, batch, layer.out, layer.in, u, weights.data() + layer.weight, 0.0F, layer.u.data());
    multiply(layer.u.data(), layer.slopes.data(), batch * layer.out);
    u = layer.u.data();
  }
}

}  // namespace smctrain::models::neural
