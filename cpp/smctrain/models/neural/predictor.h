// Inference from named float arrays, without torch.
//
// The same formulas as the networks' evaluation pass with plain loops. A row's probabilities do not depend on
// which other rows are asked for. Neighbouring windows share the input part of their first layer: it is
// computed once per row of X, not once per window. const: any number of threads may predict at once. Cost per
// row: MLP sum(in * out); LSTM d * 4 h + lookback * 4 h^2 for one layer, a GRU three quarters of it;
// a Transformer is in transformer_inference.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/neural/layout.h"
#include "smctrain/models/neural/transformer_inference.h"

namespace smctrain::models::neural {

class Predictor {
 public:
  Predictor(const NetShape& shape, const NetWeights& weights);

  const NetShape& shape() const { return shape_; }

  // Probabilities (rows, classes), or values (rows, 1) of a regression, or those of each task side by side,
  // in double; NaN in a row without a full window. InputError when a row some window uses is not finite.
  std::vector<double> predict(MatrixView<const float> X, std::span<const int64_t> rows,
                              std::span<const int32_t> segment, const StopToken& stop) const;

 private:
  // One affine map, stored (in, out) so that products run along rows.
  struct Affine {
    int64_t in = 0;
    int64_t out = 0;
    std::vector<float> weight;  // CNN: one (in, out) for each tap
    std::vector<float> bias;
    std::vector<float> scale;      // BatchNorm folded into scale and shift of the product
    int64_t width = 0;             // of a recurrent layer
    std::vector<float> recurrent;  // (hidden, gates * hidden)
    std::vector<float> bias_new;   // GRU
  };

  // Logits of rows that all have a full window.
  void mlp_logits(MatrixView<const float> X, std::span<const int64_t> rows, float* logits) const;
  void cnn_logits(MatrixView<const float> X, std::span<const int64_t> rows, float* logits) const;
  void recurrent_logits(MatrixView<const float> X, std::span<const int64_t> rows, float* logits) const;

  void take_latent_head(const NetLayout& layout, const NetWeights& weights, int64_t in);

  NetShape shape_;
  std::vector<Affine> layers_;
  Affine head_;
  std::optional<TransformerInference> transformer_;  // has all of its weights
};

}  // namespace smctrain::models::neural
