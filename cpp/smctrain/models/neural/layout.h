// Names, shapes and places of a network's arrays: one list for training, prediction and the model container.
//
//   learned      weights that the optimiser moves, in one flat float array
//   statistics   running mean and variance of the normalisation layers, in another
//
// MLP:  blocks.<i>.linear.weight (out, in), .linear.bias (out), blocks.<i>.norm.weight, .norm.bias (out),
//       blocks.<i>.norm.running_mean, .running_var (out), head.weight (classes, in), head.bias (classes)
// LSTM: layers.<i>.weight_ih (4 hidden, in), .weight_hh (4 hidden, hidden), .bias (4 hidden) with the gates
// in the
//       order input, forget, candidate, output; head.weight, head.bias. One bias, not torch's two that are
//       always added.
// GRU:  the same with 3 hidden, gates reset, update, candidate, and .bias_hn (hidden): the recurrent bias of
// the
//       candidate, which the reset gate multiplies.
// Without norm (see NetShape) an MLP has no .norm. arrays. With several tasks, head.weight is 0 between the
// outputs of one task and the units of another, and stays so.
// CNN:  layers.<i>.conv.weight (taps, out, in), tap 0 on the newest step, .conv.bias (out), layers.<i>.norm.*
// as in
//       the MLP; head.weight, head.bias
// Transformer: embed.weight (width, in), embed.bias, positions (lookback, width);
//       layers.<i>.attention.norm.weight, .norm.bias, .in.weight (3 width, width) with queries, keys, values
//       one below the other, .in.bias, .out.weight, .out.bias; layers.<i>.feed.norm.weight, .norm.bias,
//       .up.weight (feed_forward, width), .up.bias, .down.weight, .down.bias; final.norm.weight, .norm.bias;
//       head.weight, head.bias
// VAE:  encoder.<i>.* as the MLP's blocks, latent.weight (2 latent, in: means, then log variances),
// latent.bias,
//       decoder.<i>.*, output.weight (columns, in), output.bias, head.weight (classes, latent), head.bias
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "smctrain/models/neural/settings.h"

namespace smctrain::models::neural {

struct ArraySpec {
  std::string name;
  std::vector<int64_t> shape;
  bool learned = true;
  int64_t offset = 0;  // in its flat array

  int64_t size() const {
    int64_t product = 1;
    for (const int64_t extent : shape) product *= extent;
    return product;
  }
};

struct NetLayout {
  std::vector<ArraySpec> arrays;
  int64_t n_learned = 0;
  int64_t n_statistics = 0;
};

NetLayout make_layout(const NetShape& shape);

// Place behind the last learned weight of the first `layers` blocks or layers, at most all but the head.
int64_t end_of_layers(const NetLayout& layout, int64_t layers);

// Where one of several tasks lives: its units of the last block, and its outputs.
struct TaskSlice {
  int64_t n_classes = 0;  // 0: a number
  int64_t first_unit = 0;
  int64_t n_units = 0;
  int64_t first_output = 0;
  int64_t n_outputs = 0;
};

// In the order of shape.tasks; empty for a single target.
std::vector<TaskSlice> task_slices(const NetShape& shape);

// Zeroes head.weight (or its gradient) between the outputs of one task and the units of another.
void keep_own_units(const NetShape& shape, float* head_weight);

// Both flat arrays of one network.
struct NetWeights {
  std::vector<float> learned;
  std::vector<float> statistics;
};

}  // namespace smctrain::models::neural
