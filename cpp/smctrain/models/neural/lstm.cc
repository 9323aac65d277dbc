#include <algorithm>
#include <vector>

#include "smctrain/models/neural/recurrent.h"

namespace smctrain::models::neural {

namespace {

struct LstmCell {
  static constexpr int64_t kGates = 4;
  static constexpr int64_t kArrays = 3;
  using Layer = RecurrentLayer<LstmCell>;

  LstmCell(int64_t all, int64_t one) : c(buffer(all)), tanh_c(c), d_c(buffer(one)) {}

  std::vector<float> c;  // (step, batch, width)
  std::vector<float> tanh_c;
  std::vector<float> d_c;  // (batch, width)

  const float* c_before(int64_t t, int64_t cells) const {
    return t == 0 ? nullptr : c.data() + (t - 1) * cells;
  }

  void step(int64_t t, Layer& layer, const float* recurrent, const float*, int64_t batch) {
    const int64_t cells = batch * layer.width;
    float* gates = layer.gates.data() + t * kGates * cells;
    if (t > 0) {
      gemm(Op::kPlain, Op::kPlain, batch, kGates * layer.width, layer.width, layer.h_before(t, cells),
           recurrent, 1.0F, gates);
    }
    lstm_step(gates, c_before(t, cells), c.data() + t * cells, tanh_c.data() + t * cells,
              layer.h.data() + t * cells, batch, layer.width);
  }

  void start_backward(int64_t cells) { std::fill_n(d_c.data(), cells, 0.0F); }

  void step_backward(int64_t t, Layer& layer, int64_t batch) {
    const int64_t cells = batch * layer.width;
    lstm_step_backward(layer.gates.data() + t * kGates * cells, c_before(t, cells), tanh_c.data() + t * cells,
                       layer.d_h.data() + t * cells, d_c.data(), layer.d_gates.data() + t * kGates * cells,
                       batch, layer.width);
  }

  // Input and recurrent part are added before anything else, so their gradients are the same.
  const float* recurrent_gradient(const Layer& layer) const { return layer.d_gates.data(); }
  void finish_backward(Layer&, int64_t, float*) {}
};

}  // namespace

std::unique_ptr<Net> make_lstm(const NetShape& shape, int64_t max_batch) {
  return std::make_unique<Recurrent<LstmCell>>(shape, max_batch);
}

}  // namespace smctrain::models::neural
