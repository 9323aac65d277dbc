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
  int64_t in = shape.n_features;
  for (size_t i = 0; i < shape.hidden.size(); ++i) {
    const int64_t width = shape.hidden[i];
    if (shape.kind == NetKind::kMlp) {
      const std::string block = format("blocks.", i, ".");
      append(block + "linear.weight", {width, in});
      append(block + "linear.bias", {width});
      append(block + "norm.weight", {width});
      append(block + "norm.bias", {width});
      append(block + "norm.running_mean", {width}, false);
      append(block + "norm.running_var", {width}, false);
    } else {
      const std::string layer = format("layers.", i, ".");
      append(layer + "weight_ih", {4 * width, in});
      append(layer + "weight_hh", {4 * width, width});
      append(layer + "bias", {4 * width});
    }
    in = width;
  }
  append("head.weight", {shape.n_classes, in});
  append("head.bias", {shape.n_classes});
  return layout;
}

}  // namespace smctrain::models::neural
