#include <vector>

#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/nets.h"

namespace smctrain::models::neural {

namespace {

constexpr Op kN = Op::kPlain;
constexpr Op kT = Op::kTransposed;

// Without normalisation a row's output does not depend on the rows beside it, in training either: what
// learning from a handful of rows needs (meta.h).
class PlainMlp final : public Net {
 public:
  PlainMlp(const NetShape& shape, int64_t max_batch) : Net(shape, max_batch) {
    int64_t in = shape.n_features;
    for (const int64_t width : shape.hidden) {
      layers_.push_back(
          {in, width, buffer(max_batch * width), buffer(max_batch * width), buffer(max_batch * width)});
      in = width;
    }
  }

  void forward_training(int64_t batch, double dropout, Philox& stream) override {
    for (size_t i = 0; i < layers_.size(); ++i) {
      Layer& layer = layers_[i];
      dropout_gates(stream, dropout, layer.gates.data(), batch * layer.out);
      linear(i, batch);
      for (int64_t j = 0; j < batch * layer.out; ++j) {
        if (layer.values[j] <= 0.0F) layer.gates[j] = 0.0F;
      }
      multiply(layer.values.data(), layer.gates.data(), batch * layer.out);
    }
    head_forward(layers_.back().values.data(), batch);
  }

  void forward_evaluation(int64_t batch) override {
    for (size_t i = 0; i < layers_.size(); ++i) {
      linear(i, batch);
      Layer& layer = layers_[i];
      for (int64_t j = 0; j < batch * layer.out; ++j) {
        layer.values[j] = layer.values[j] > 0.0F ? layer.values[j] : 0.0F;
      }
    }
    head_forward(layers_.back().values.data(), batch);
  }

  void backward(int64_t batch) override {
    head_backward(layers_.back().values.data(), layers_.back().d.data(), batch);
    for (size_t i = layers_.size(); i-- > 0;) {
      Layer& layer = layers_[i];
      multiply(layer.d.data(), layer.gates.data(), batch * layer.out);
      const float* x = i == 0 ? input() : layers_[i - 1].values.data();
      gemm(kT, kN, layer.out, layer.in, batch, layer.d.data(), x, 0.0F, gradient(array(i)));
      column_sums(layer.d.data(), batch, layer.out, gradient(array(i) + 1));
      if (i > 0)
        gemm(kN, kN, batch, layer.in, layer.out, layer.d.data(), weight(array(i)), 0.0F,
             layers_[i - 1].d.data());
    }
  }

 private:
  struct Layer {
    int64_t in;
    int64_t out;
    std::vector<float> gates;   // dropout scale where the unit is on, else 0
    std::vector<float> values;  // after ReLU and dropout
    std::vector<float> d;       // gradient
  };
  // The layer's weight; its bias follows.
  static int64_t array(size_t layer) { return 2 * static_cast<int64_t>(layer); }

  void linear(size_t i, int64_t batch) {
    Layer& layer = layers_[i];
    const float* x = i == 0 ? input() : layers_[i - 1].values.data();
    gemm(kN, kT, batch, layer.out, layer.in, x, weight(array(i)), 0.0F, layer.values.data());
    add_bias(layer.values.data(), batch, layer.out, weight(array(i) + 1));
  }

  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Net> make_plain_mlp(const NetShape& shape, int64_t max_batch) {
  return std::make_unique<PlainMlp>(shape, max_batch);
}

}  // namespace smctrain::models::neural
