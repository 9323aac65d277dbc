#include "smctrain/models/neural/nets.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"

namespace smctrain::models::neural {

namespace {

constexpr float kNormEpsilon = 1e-5F;
constexpr float kNormMomentum = 0.1F;
constexpr Op kN = Op::kPlain;
constexpr Op kT = Op::kTransposed;

std::vector<float> buffer(int64_t n) { return std::vector<float>(static_cast<size_t>(n), 0.0F); }

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

class Lstm final : public Net {
 public:
  Lstm(const NetShape& shape, int64_t max_batch) : Net(shape, max_batch), steps_(shape.lookback) {
    int64_t in = shape.n_features;
    for (const int64_t width : shape.hidden) {
      const int64_t cells = steps_ * max_batch * width;
      layers_.push_back({in, width, buffer(4 * cells), buffer(4 * cells), buffer(cells), buffer(cells),
                         buffer(cells), buffer(cells), buffer(cells), buffer(max_batch * width),
                         buffer(cells)});
      in = width;
    }
    last_ = buffer(max_batch * in);
    last_gates_ = buffer(max_batch * in);
  }

  void forward_training(int64_t batch, double dropout, Philox& stream) override {
    const float* x = input();
    for (size_t i = 0; i < layers_.size(); ++i) {
      Layer& layer = layers_[i];
      run_layer(i, x, batch);
      x = layer.h.data();
      if (i + 1 < layers_.size()) {
        const int64_t cells = steps_ * batch * layer.width;
        dropout_gates(stream, dropout, layer.gates_out.data(), cells);
        std::copy_n(layer.h.data(), cells, layer.dropped.data());
        multiply(layer.dropped.data(), layer.gates_out.data(), cells);
        x = layer.dropped.data();
      }
    }
    take_last(batch);
    const int64_t cells = batch * layers_.back().width;
    dropout_gates(stream, dropout, last_gates_.data(), cells);
    multiply(last_.data(), last_gates_.data(), cells);
    head_forward(last_.data(), batch);
  }

  void forward_evaluation(int64_t batch) override {
    const float* x = input();
    for (size_t i = 0; i < layers_.size(); ++i) {
      run_layer(i, x, batch);
      x = layers_[i].h.data();
    }
    take_last(batch);
    head_forward(last_.data(), batch);
  }

  void backward(int64_t batch) override {
    Layer& top = layers_.back();
    const int64_t top_cells = batch * top.width;
    std::fill_n(top.d_h.data(), steps_ * top_cells, 0.0F);
    float* d_last = top.d_h.data() + (steps_ - 1) * top_cells;
    head_backward(last_.data(), d_last, batch);
    multiply(d_last, last_gates_.data(), top_cells);
    for (size_t i = layers_.size(); i-- > 0;) {
      Layer& layer = layers_[i];
      const int64_t width = layer.width;
      const int64_t cells = batch * width;
      std::fill_n(layer.d_c.data(), cells, 0.0F);
      for (int64_t t = steps_ - 1; t >= 0; --t) {
        float* d_gates = layer.d_gates.data() + t * 4 * cells;
        lstm_step_backward(layer.gates.data() + t * 4 * cells,
                           t == 0 ? nullptr : layer.c.data() + (t - 1) * cells,
                           layer.tanh_c.data() + t * cells, layer.d_h.data() + t * cells, layer.d_c.data(),
                           d_gates, batch, width);
        if (t > 0)
          gemm(kN, kN, batch, width, 4 * width, d_gates, weight(array(i, kRecurrent)), 1.0F,
               layer.d_h.data() + (t - 1) * cells);
      }
      const float* x = i == 0 ? input() : layers_[i - 1].dropped.data();
      gemm(kT, kN, 4 * width, layer.in, steps_ * batch, layer.d_gates.data(), x, 0.0F,
           gradient(array(i, kInput)));
      if (steps_ > 1) {
        gemm(kT, kN, 4 * width, width, (steps_ - 1) * batch, layer.d_gates.data() + 4 * cells, layer.h.data(),
             0.0F, gradient(array(i, kRecurrent)));
      } else {
        std::fill_n(gradient(array(i, kRecurrent)), 4 * width * width, 0.0F);
      }
      column_sums(layer.d_gates.data(), steps_ * batch, 4 * width, gradient(array(i, kBias)));
      if (i > 0) {
        Layer& below = layers_[i - 1];
        gemm(kN, kN, steps_ * batch, layer.in, 4 * width, layer.d_gates.data(), weight(array(i, kInput)),
             0.0F, below.d_h.data());
        multiply(below.d_h.data(), below.gates_out.data(), steps_ * batch * below.width);
      }
    }
  }

 private:
  struct Layer {
    int64_t in;
    int64_t width;
    std::vector<float> gates;    // (step, batch, 4 width): activations
    std::vector<float> d_gates;  // gradient of their pre-activations
    std::vector<float> c;        // (step, batch, width)
    std::vector<float> tanh_c;
    std::vector<float> h;
    std::vector<float> dropped;    // h after the dropout between layers
    std::vector<float> gates_out;  // that dropout's gates
    std::vector<float> d_c;        // (batch, width)
    std::vector<float> d_h;        // (step, batch, width)
  };
  enum Role : int64_t { kInput, kRecurrent, kBias, kRoles };
  static int64_t array(size_t layer, Role role) { return static_cast<int64_t>(layer) * kRoles + role; }

  void run_layer(size_t i, const float* x, int64_t batch) {
    Layer& layer = layers_[i];
    const int64_t width = layer.width;
    const int64_t cells = batch * width;
    // The input part of all steps in one product, the recurrent part step by step.
    gemm(kN, kT, steps_ * batch, 4 * width, layer.in, x, weight(array(i, kInput)), 0.0F, layer.gates.data());
    add_bias(layer.gates.data(), steps_ * batch, 4 * width, weight(array(i, kBias)));
    for (int64_t t = 0; t < steps_; ++t) {
      float* gates = layer.gates.data() + t * 4 * cells;
      const float* h_before = layer.h.data() + (t - 1) * cells;
      if (t > 0) gemm(kN, kT, batch, 4 * width, width, h_before, weight(array(i, kRecurrent)), 1.0F, gates);
      lstm_step(gates, t == 0 ? nullptr : layer.c.data() + (t - 1) * cells, layer.c.data() + t * cells,
                layer.tanh_c.data() + t * cells, layer.h.data() + t * cells, batch, width);
    }
  }

  void take_last(int64_t batch) {
    const Layer& top = layers_.back();
    std::copy_n(top.h.data() + (steps_ - 1) * batch * top.width, batch * top.width, last_.data());
  }

  int64_t steps_;
  std::vector<Layer> layers_;
  std::vector<float> last_;  // output of the last step, after dropout
  std::vector<float> last_gates_;
};

}  // namespace

Net::Net(const NetShape& shape, int64_t max_batch)
    : shape_(shape), layout_(make_layout(shape)), max_batch_(max_batch) {
  weights.learned = buffer(layout_.n_learned);
  weights.statistics = buffer(layout_.n_statistics);
  gradients_ = buffer(layout_.n_learned);
  input_ = buffer(shape.lookback * max_batch * shape.n_features);
  logits_ = buffer(max_batch * shape.n_classes);
  d_logits_ = buffer(max_batch * shape.n_classes);
}

void Net::initialise(Philox& stream) {
  double bound = 0.0;
  for (const ArraySpec& spec : layout_.arrays) {
    float* values = (spec.learned ? weights.learned : weights.statistics).data() + spec.offset;
    const bool is_norm = spec.name.find(".norm.") != std::string::npos;
    if (is_norm) {
      const bool one = spec.name.ends_with(".weight") || spec.name.ends_with("running_var");
      std::fill_n(values, spec.size(), one ? 1.0F : 0.0F);
      continue;
    }
    if (spec.name.starts_with("layers.")) {
      bound = 1.0 / std::sqrt(static_cast<double>(spec.shape[0]) / 4.0);
    } else if (spec.shape.size() == 2) {
      bound =
          1.0 /
          std::sqrt(static_cast<double>(spec.shape[1]));  // a bias follows its weight and shares the bound
    }
    for (int64_t i = 0; i < spec.size(); ++i)
      values[i] = static_cast<float>((2.0 * stream.uniform() - 1.0) * bound);
  }
}

void Net::head_forward(const float* x, int64_t batch) {
  const auto head = static_cast<int64_t>(layout_.arrays.size()) - 2;
  const int64_t in = layout_.arrays[static_cast<size_t>(head)].shape[1];
  gemm(kN, kT, batch, shape_.n_classes, in, x, weight(head), 0.0F, logits_.data());
  add_bias(logits_.data(), batch, shape_.n_classes, weight(head + 1));
}

void Net::head_backward(const float* x, float* d_x, int64_t batch) {
  const auto head = static_cast<int64_t>(layout_.arrays.size()) - 2;
  const int64_t in = layout_.arrays[static_cast<size_t>(head)].shape[1];
  gemm(kT, kN, shape_.n_classes, in, batch, d_logits_.data(), x, 0.0F, gradient(head));
  column_sums(d_logits_.data(), batch, shape_.n_classes, gradient(head + 1));
  gemm(kN, kN, batch, in, shape_.n_classes, d_logits_.data(), weight(head), 0.0F, d_x);
}

std::unique_ptr<Net> make_net(const NetShape& shape, int64_t max_batch) {
  if (shape.kind == NetKind::kMlp) return std::make_unique<Mlp>(shape, max_batch);
  return std::make_unique<Lstm>(shape, max_batch);
}

}  // namespace smctrain::models::neural
