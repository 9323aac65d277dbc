// The Transformer's evaluation pass in plain loops, without torch: the formulas of torch_forward.h.
//
// Every window is computed by itself, so a row's outputs do not depend on the rows beside it. The embedding
// of a bar (without its place) is computed once per row of X. Cost of a window as in torch_forward.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"
#include "smctrain/models/neural/layout.h"

namespace smctrain::models::neural {

class TransformerInference {
 public:
  // The weights fit the shape.
  TransformerInference(const NetShape& shape, const NetWeights& weights);

  // Outputs (rows, n_outputs) of rows that all have a full window.
  void logits(MatrixView<const float> X, std::span<const int64_t> rows, float* out) const;

 private:
  struct Affine {
    int64_t in = 0;
    int64_t out = 0;
    std::vector<float> weight;  // (in, out)
    std::vector<float> bias;
  };
  struct LayerNorm {
    std::vector<float> weight;
    std::vector<float> bias;
  };
  struct Layer {
    LayerNorm attention_norm;
    Affine query;
    Affine key_value;  // keys, then values
    Affine attention_out;
    LayerNorm feed_norm;
    Affine up;
    Affine down;
  };
  struct Workspace;

  static void apply(const Affine& map, const float* x, int64_t rows, float* y);
  void normalise(const LayerNorm& norm, const float* x, int64_t rows, float* y) const;
  // x (steps, width) after one layer; the last layer computes the last step alone.
  void run_layer(const Layer& layer, bool last_only, Workspace& work) const;
  void attend(int64_t first, Workspace& work) const;

  NetShape shape_;
  int64_t width_;
  Affine embed_;
  std::vector<float> positions_;  // (lookback, width)
  std::vector<Layer> layers_;
  LayerNorm final_;
  Affine head_;
};

}  // namespace smctrain::models::neural
