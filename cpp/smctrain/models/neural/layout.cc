#include "smctrain/models/neural/layout.h"

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
  const auto append_block = [&](const std::string& block, int64_t from, int64_t width) {
    append(block + "linear.weight", {width, from});
    append(block + "linear.bias", {width});
    append_norm(block, width);
  };
  int64_t in = shape.n_features;
  for (size_t i = 0; i < shape.hidden.size(); ++i) {
    const int64_t width = shape.hidden[i];
    if (shape.kind == NetKind::kMlp || shape.kind == NetKind::kVae) {
      append_block(format(shape.kind == NetKind::kVae ? "encoder." : "blocks.", i, "."), in, width);
    } else if (shape.kind == NetKind::kCnn) {
      const std::string layer = format("layers.", i, ".");
      append(layer + "conv.weight", {shape.kernel_size, width, in});
      append(layer + "conv.bias", {width});
      append_norm(layer, width);
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
