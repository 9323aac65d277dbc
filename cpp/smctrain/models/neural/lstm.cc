#include <algorithm>
#include <cmath>
#include <vector>

#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/nets.h"

namespace smctrain::models::neural {

namespace {

constexpr Op kN = Op::kPlain;
constexpr Op kT = Op::kTransposed;

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
    shared_ = buffer(4 * steps_ * max_batch * shape.hidden.front());
    const int64_t widest = *std::max_element(shape.hidden.begin(), shape.hidden.end());
    recurrent_ = buffer(4 * widest * widest);
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

  bool shares_bars() const override { return true; }

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
      const int64_t rows = steps_ * batch;
      if (i == 0 && bars_ > 0) {
        std::fill_n(shared_.data(), bars_ * 4 * width, 0.0F);
        add_to_rows(layer.d_gates.data(), places(), rows, 4 * width, shared_.data());
        gemm(kT, kN, 4 * width, layer.in, bars_, shared_.data(), x, 0.0F, gradient(array(i, kInput)));
        column_sums(shared_.data(), bars_, 4 * width, gradient(array(i, kBias)));
      } else {
        gemm(kT, kN, 4 * width, layer.in, rows, layer.d_gates.data(), x, 0.0F, gradient(array(i, kInput)));
        column_sums(layer.d_gates.data(), rows, 4 * width, gradient(array(i, kBias)));
      }
      if (steps_ > 1) {
        gemm(kT, kN, 4 * width, width, (steps_ - 1) * batch, layer.d_gates.data() + 4 * cells, layer.h.data(),
             0.0F, gradient(array(i, kRecurrent)));
      } else {
        std::fill_n(gradient(array(i, kRecurrent)), 4 * width * width, 0.0F);
      }
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
    const bool shared = i == 0 && bars_ > 0;
    if (shared) {
      gemm_bias(kN, kT, bars_, 4 * width, layer.in, x, weight(array(i, kInput)), weight(array(i, kBias)),
                shared_.data());
    } else {
      gemm_bias(kN, kT, steps_ * batch, 4 * width, layer.in, x, weight(array(i, kInput)),
                weight(array(i, kBias)), layer.gates.data());
    }
    transpose(weight(array(i, kRecurrent)), 4 * width, width, recurrent_.data());  // once, not in every step
    for (int64_t t = 0; t < steps_; ++t) {
      float* gates = layer.gates.data() + t * 4 * cells;
      const float* h_before = layer.h.data() + (t - 1) * cells;
      if (shared) take_rows(shared_.data(), places() + t * batch, batch, 4 * width, gates);
      if (t > 0) gemm(kN, kN, batch, 4 * width, width, h_before, recurrent_.data(), 1.0F, gates);
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
  std::vector<float> shared_;     // (bars, 4 width): input part of the first layer, or its gradient
  std::vector<float> recurrent_;  // (width, 4 width) of the layer that runs
  std::vector<float> last_;       // output of the last step, after dropout
  std::vector<float> last_gates_;
};

}  // namespace

std::unique_ptr<Net> make_lstm(const NetShape& shape, int64_t max_batch) {
  return std::make_unique<Lstm>(shape, max_batch);
}

}  // namespace smctrain::models::neural
