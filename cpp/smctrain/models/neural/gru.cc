#include <algorithm>
#include <vector>

#include "smctrain/models/neural/recurrent.h"

namespace smctrain::models::neural {

namespace {

struct GruCell {
  static constexpr int64_t kGates = 3;
  static constexpr int64_t kArrays = 4;  // the fourth: bias of the candidate's recurrent part
  using Layer = RecurrentLayer<GruCell>;

  GruCell(int64_t all, int64_t one)
      : d_recurrent(buffer(kGates * all)), product(buffer(all)), step_product(buffer(kGates * one)) {}

  std::vector<float> d_recurrent;  // (step, batch, 3 width): gradient of the recurrent side's pre-activations
  std::vector<float> product;      // (step, batch, width): recurrent part of the candidate, before the reset
  std::vector<float> step_product;  // (batch, 3 width)

  void step(int64_t t, Layer& layer, const float* recurrent, const float* bias_new, int64_t batch) {
    const int64_t cells = batch * layer.width;
    const float* h_before = layer.h_before(t, cells);
    if (t > 0) {
      gemm(Op::kPlain, Op::kPlain, batch, kGates * layer.width, layer.width, h_before, recurrent, 0.0F,
           step_product.data());
    }
    gru_step(layer.gates.data() + t * kGates * cells, t == 0 ? nullptr : step_product.data(), bias_new,
             h_before, product.data() + t * cells, layer.h.data() + t * cells, batch, layer.width);
  }

  void start_backward(int64_t) {}

  void step_backward(int64_t t, Layer& layer, int64_t batch) {
    const int64_t cells = batch * layer.width;
    gru_step_backward(layer.gates.data() + t * kGates * cells, product.data() + t * cells,
                      layer.h_before(t, cells), layer.d_h.data() + t * cells,
                      t == 0 ? nullptr : layer.d_h.data() + (t - 1) * cells,
                      layer.d_gates.data() + t * kGates * cells, d_recurrent.data() + t * kGates * cells,
                      batch, layer.width);
  }

  // The reset gate stands between the candidate's recurrent part and the rest, so the two sides differ.
  const float* recurrent_gradient(const Layer&) const { return d_recurrent.data(); }

  // The last third of the recurrent gradients' sums; the sums are few, so all are taken.
  void finish_backward(Layer& layer, int64_t rows, float* d_bias_new) {
    column_sums(d_recurrent.data(), rows, kGates * layer.width, step_product.data());
    std::copy_n(step_product.data() + 2 * layer.width, layer.width, d_bias_new);
  }
};

}  // namespace

std::unique_ptr<Net> make_gru(const NetShape& shape, int64_t max_batch) {
  return std::make_unique<Recurrent<GruCell>>(shape, max_batch);
}

}  // namespace smctrain::models::neural
