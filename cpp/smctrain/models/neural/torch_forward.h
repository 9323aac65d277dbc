// The networks as LibTorch tensors: one forward pass per kind, differentiated by autograd.
//
// The same definitions as the hand-written passes (nets.h), over the arrays in the order of layout.h, and:
//
//   Transformer   embedding of each bar plus a learned vector of its place in the window; layers of
//                 x += out(attention(norm(x))), x += down(gelu(up(norm(x)))); norm of the last step; Linear.
//                 Attention is causal: a step sees itself and earlier ones. Only the last step is answered,
//                 so in the last layer only its query is computed. Dropout on the embedded bars, on what
//                 either half of a layer adds, and after the GELU.
//
// Source: Vaswani et al., "Attention is all you need" (2017), with the norm first as in Xiong et al., "On
// layer normalization in the transformer architecture" (2020). Cost of a window: layers * (lookback * width *
// (4 width + 2 feed_forward) + lookback^2 * width).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "smctrain/models/neural/settings.h"

namespace smctrain::models::neural {

// x times dropout gates (x itself outside training). Called in the order in which the hand-written passes
// draw.
using DropTensor = std::function<at::Tensor(const at::Tensor& x)>;

// Outputs (batch, n_outputs) of windows (lookback, batch, n_features). In training, batch statistics are used
// and the running ones among `arrays` updated.
at::Tensor torch_forward(const NetShape& shape, const std::vector<at::Tensor>& arrays,
                         const at::Tensor& input, bool training, const DropTensor& drop);

}  // namespace smctrain::models::neural
