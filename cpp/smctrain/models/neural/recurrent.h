// The frame of LSTM and GRU over windows: layers, dropout, the products that all steps share, and the bars
// that windows share. A cell adds its own buffers, its step and the step's gradient.
//
//   forward     input part of all steps in one product -> step by step: recurrent part, cell
//               -> dropout -> next layer, or the last step -> head
//   backward    the same from behind: step by step, then the gradients of the weights in one product each
//
// A Cell has
//
//   kGates, kArrays   pre-activations a unit; arrays of a layer, the first three: input, recurrent, bias
//   Cell(all, one)    rows * width of all steps, and of one
//   step(t, layer, recurrent, own, batch)    recurrent: transposed; own: its fourth array or null; the gates
//                                            hold the input part
//   start_backward(cells), step_backward(t, layer, batch)
//   recurrent_gradient(layer)    (step, batch, kGates * width): of the recurrent side's pre-activations
//   finish_backward(layer, rows, own)    gradient of the fourth array
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/nets.h"

namespace smctrain::models::neural {

template <class Cell>
struct RecurrentLayer {
  RecurrentLayer(int64_t in_width, int64_t out_width, int64_t steps, int64_t max_batch)
      : in(in_width),
        width(out_width),
        gates(buffer(Cell::kGates * steps * max_batch * width)),
        d_gates(gates),
        h(buffer(steps * max_batch * width)),
        dropped(h),
        gates_out(h),
        d_h(h),
        cell(steps * max_batch * width, max_batch * width) {}

  int64_t in;
  int64_t width;
  std::vector<float> gates;      // (step, batch, kGates * width): activations
  std::vector<float> d_gates;    // gradient of their pre-activations, input side
  std::vector<float> h;          // (step, batch, width)
  std::vector<float> dropped;    // h after the dropout between layers
  std::vector<float> gates_out;  // that dropout's gates
  std::vector<float> d_h;
  Cell cell;

  // h of the step before, null in the first.
  const float* h_before(int64_t t, int64_t cells) const {
    return t == 0 ? nullptr : h.data() + (t - 1) * cells;
  }
};

template <class Cell>
class Recurrent final : public Net {
 public:
  Recurrent(const NetShape& shape, int64_t max_batch) : Net(shape, max_batch), steps_(shape.lookback) {
    int64_t in = shape.n_features;
    for (const int64_t width : shape.hidden) {
      layers_.emplace_back(in, width, steps_, max_batch);
      in = width;
    }
    shared_ = buffer(kGates * steps_ * max_batch * shape.hidden.front());
    const int64_t widest = *std::max_element(shape.hidden.begin(), shape.hidden.end());
    recurrent_ = buffer(kGates * widest * widest);
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
      steps_backward(i, batch);
      weights_backward(i, batch);
      if (i > 0) {
        const Layer& layer = layers_[i];
        Layer& below = layers_[i - 1];
        const int64_t rows = steps_ * batch;
        gemm(Op::kPlain, Op::kPlain, rows, layer.in, kGates * layer.width, layer.d_gates.data(),
             weight(array(i, kInput)), 0.0F, below.d_h.data());
        multiply(below.d_h.data(), below.gates_out.data(), rows * below.width);
      }
    }
  }

 private:
  using Layer = RecurrentLayer<Cell>;
  static constexpr int64_t kGates = Cell::kGates;
  enum Role : int64_t { kInput, kRecurrent, kBias, kOwn };  // kOwn: the cell's first array of its own
  static int64_t array(size_t layer, Role role) { return static_cast<int64_t>(layer) * Cell::kArrays + role; }
  // The cell's own array of a layer, null where it has none.
  float* own_weight(size_t layer) { return Cell::kArrays > kOwn ? weight(array(layer, kOwn)) : nullptr; }
  float* own_gradient(size_t layer) { return Cell::kArrays > kOwn ? gradient(array(layer, kOwn)) : nullptr; }

  void run_layer(size_t i, const float* x, int64_t batch) {
    Layer& layer = layers_[i];
    const int64_t wide = kGates * layer.width;
    const bool shared = i == 0 && bars_ > 0;
    // The input part of all steps in one product, the recurrent part step by step.
    gemm_bias(Op::kPlain, Op::kTransposed, shared ? bars_ : steps_ * batch, wide, layer.in, x,
              weight(array(i, kInput)), weight(array(i, kBias)),
              shared ? shared_.data() : layer.gates.data());
    transpose(weight(array(i, kRecurrent)), wide, layer.width, recurrent_.data());  // once, not in every step
    for (int64_t t = 0; t < steps_; ++t) {
      if (shared)
        take_rows(shared_.data(), places() + t * batch, batch, wide, layer.gates.data() + t * batch * wide);
      layer.cell.step(t, layer, recurrent_.data(), own_weight(i), batch);
    }
  }

  // From the last step to the first: gradients of the pre-activations.
  void steps_backward(size_t i, int64_t batch) {
    Layer& layer = layers_[i];
    const int64_t cells = batch * layer.width;
    layer.cell.start_backward(cells);
    for (int64_t t = steps_ - 1; t >= 0; --t) {
      layer.cell.step_backward(t, layer, batch);
      if (t > 0) {
        gemm(Op::kPlain, Op::kPlain, batch, layer.width, kGates * layer.width,
             layer.cell.recurrent_gradient(layer) + t * kGates * cells, weight(array(i, kRecurrent)), 1.0F,
             layer.d_h.data() + (t - 1) * cells);
      }
    }
  }

  void weights_backward(size_t i, int64_t batch) {
    Layer& layer = layers_[i];
    const int64_t wide = kGates * layer.width;
    const int64_t rows = steps_ * batch;
    const bool shared = i == 0 && bars_ > 0;
    const float* x = i == 0 ? input() : layers_[i - 1].dropped.data();
    const float* d_input = layer.d_gates.data();
    if (shared) {
      std::fill_n(shared_.data(), bars_ * wide, 0.0F);
      add_to_rows(d_input, places(), rows, wide, shared_.data());
      d_input = shared_.data();
    }
    const int64_t n = shared ? bars_ : rows;
    gemm(Op::kTransposed, Op::kPlain, wide, layer.in, n, d_input, x, 0.0F, gradient(array(i, kInput)));
    column_sums(d_input, n, wide, gradient(array(i, kBias)));
    if (steps_ > 1) {
      gemm(Op::kTransposed, Op::kPlain, wide, layer.width, (steps_ - 1) * batch,
           layer.cell.recurrent_gradient(layer) + batch * wide, layer.h.data(), 0.0F,
           gradient(array(i, kRecurrent)));
    } else {
      std::fill_n(gradient(array(i, kRecurrent)), wide * layer.width, 0.0F);
    }
    layer.cell.finish_backward(layer, rows, own_gradient(i));
  }

  void take_last(int64_t batch) {
    const Layer& top = layers_.back();
    std::copy_n(top.h.data() + (steps_ - 1) * batch * top.width, batch * top.width, last_.data());
  }

  int64_t steps_;
  std::vector<Layer> layers_;
  std::vector<float> shared_;     // (bars, kGates * width): input part of the first layer, or its gradient
  std::vector<float> recurrent_;  // (width, kGates * width) of the layer that runs
  std::vector<float> last_;       // output of the last step, after dropout
  std::vector<float> last_gates_;
};

}  // namespace smctrain::models::neural
