#include "smctrain/models/neural/layout.h"

#include <algorithm>
#include <utility>

namespace smctrain::models::neural {

NetLayout make_layout(const NetShape& shape) {
  NetLayout layout;
  const auto append = [&layout](std::string name, std::vector<int64_t> extents, bool learned = true) {
    ArraySpec spec{std::move(name), std::move(extents), learned,
                   learned ? layout.n_learned : layout.n_statistics};
    (learned ? layout.n_learned : layout.n_statistics) += spec.size();
    layout.arrays.push_back(std::move(spec));
  };
  const auto append_norm = [&append](const std::string& where, int64_t width) {
    append(where + "norm.weight", {width});
    append(where + "norm.bias", {width});
    append(where + "norm.running_mean", {width}, false);
    append(where + "norm.running_var", {width}, false);
  };
  const auto append_affine = [&append](const std::string& where, int64_t out, int64_t in) {
    append(where + ".weight", {out, in});
    append(where + ".bias", {out});
  };
  const auto append_layer_norm = [&append](const std::string& where, int64_t width) {
    append(where + ".norm.weight", {width});
    append(where + ".norm.bias", {width});
  };
  const auto append_block = [&](const std::string& block, int64_t from, int64_t width) {
    append(block + "linear.weight", {width, from});
    append(block + "linear.bias", {width});
    if (shape.norm) append_norm(block, width);
  };
  int64_t in = shape.n_features;
  const bool transformer = shape.kind == NetKind::kTransformer;
  if (transformer) {
    append_affine("embed", shape.hidden.front(), in);
    append("positions", {shape.lookback, shape.hidden.front()});
  }
  for (size_t i = 0; i < shape.hidden.size(); ++i) {
    const int64_t width = shape.hidden[i];
    if (shape.kind == NetKind::kMlp || shape.kind == NetKind::kVae) {
      append_block(format(shape.kind == NetKind::kVae ? "encoder." : "blocks.", i, "."), in, width);
    } else if (shape.kind == NetKind::kCnn) {
      const std::string layer = format("layers.", i, ".");
      append(layer + "conv.weight", {shape.kernel_size, width, in});
      append(layer + "conv.bias", {width});
      append_norm(layer, width);
    } else if (transformer) {
      const std::string layer = format("layers.", i, ".");
      append_layer_norm(layer + "attention", width);
      append_affine(layer + "attention.in", 3 * width, width);
      append_affine(layer + "attention.out", width, width);
      append_layer_norm(layer + "feed", width);
      append_affine(layer + "feed.up", shape.feed_forward, width);
      append_affine(layer + "feed.down", width, shape.feed_forward);
    } else {
      const std::string layer = format("layers.", i, ".");
      const int64_t gates = shape.kind == NetKind::kGru ? 3 : 4;
      append(layer + "weight_ih", {gates * width, in});
      append(layer + "weight_hh", {gates * width, width});
      append(layer + "bias", {gates * width});
      if (shape.kind == NetKind::kGru) append(layer + "bias_hn", {width});
    }
    in = width;
  }
  if (transformer) append_layer_norm("final", in);
  if (shape.kind == NetKind::kVae) {
    append("latent.weight", {2 * shape.latent, in});
    append("latent.bias", {2 * shape.latent});
    in = shape.latent;
    for (size_t i = shape.hidden.size(); i-- > 0;) {
      append_block(format("decoder.", shape.hidden.size() - 1 - i, "."), in, shape.hidden[i]);
      in = shape.hidden[i];
    }
    append("output.weight", {shape.n_features, in});
    append("output.bias", {shape.n_features});
    in = shape.latent;
  }
  append("head.weight", {shape.n_outputs(), in});
  append("head.bias", {shape.n_outputs()});
  return layout;
}

std::vector<TaskSlice> task_slices(const NetShape& shape) {
  std::vector<TaskSlice> slices;
  if (!shape.multi_task()) return slices;
  const int64_t units = shape.hidden.back() / static_cast<int64_t>(shape.tasks.size());
  TaskSlice slice;
  for (const int64_t classes : shape.tasks) {
    slice.n_classes = classes;
    slice.n_units = units;
    slice.n_outputs = classes == 0 ? 1 : classes;
    slices.push_back(slice);
    slice.first_unit += units;
    slice.first_output += slice.n_outputs;
  }
  return slices;
}

void keep_own_units(const NetShape& shape, float* head_weight) {
  const int64_t units = shape.multi_task() ? shape.hidden.back() : 0;
  for (const TaskSlice& task : task_slices(shape)) {
    for (int64_t o = task.first_output; o < task.first_output + task.n_outputs; ++o) {
      float* row = head_weight + o * units;
      std::fill(row, row + task.first_unit, 0.0F);
      std::fill(row + task.first_unit + task.n_units, row + units, 0.0F);
    }
  }
}

int64_t end_of_layers(const NetLayout& layout, int64_t layers) {
  int64_t end = 0;
  for (const ArraySpec& spec : layout.arrays) {
    const auto first = spec.name.find('.') + 1;
    const bool numbered = spec.name[first] >= '0' && spec.name[first] <= '9';
    if (!spec.learned || !numbered || spec.name.starts_with("decoder.")) continue;
    const int64_t layer = std::stoll(spec.name.substr(first, spec.name.find('.', first) - first));
    if (layer < layers) end = spec.offset + spec.size();
  }
  return end;
}

}  // namespace smctrain::models::neural
