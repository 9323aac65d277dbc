// Any network on LibTorch: forward by torch_forward.h, backward by autograd, on the CPU or on a CUDA device.
//
// The weights, running statistics, gradients and the optimiser's moments live in flat tensors on the device;
// the arrays of the layout are views of them. `weights` on the host is brought up to date once an epoch
// (pull_weights). Windows, outputs and the gradient of the outputs cross over in every step, because rows are
// gathered and the loss is computed in double on the host, by the same code for every path.
//
// Dropout gates are drawn on the host from the fit's stream, in the order of the hand-written passes. So all
// paths and devices compute the same numbers up to the rounding of sums.
//
// The bias before a batch norm is not differentiated: its gradient is zero (see nets.h).
#pragma once

#include <cstdint>
#include <memory>

#include "smctrain/models/neural/nets.h"

namespace smctrain::models::neural {

// cuda: a working device must be there (devices.h).
std::unique_ptr<Net> make_torch_net(const NetShape& shape, int64_t max_batch, bool cuda);

}  // namespace smctrain::models::neural
