// Shapes and named arrays of networks, between Python and C++: for training (_neural) and prediction (_core).
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bindings/numpy.h"
#include "smctrain/models/neural/layout.h"
#include "smctrain/models/neural/settings.h"

namespace smctrain::bindings {

namespace neural = models::neural;

inline neural::NetShape to_shape(const py::dict& config) {
  neural::NetShape shape;
  const auto kind = config["kind"].cast<std::string>();
  if (kind == "mlp") {
    shape.kind = neural::NetKind::kMlp;
  } else if (kind == "lstm") {
    shape.kind = neural::NetKind::kLstm;
  } else if (kind == "gru") {
    shape.kind = neural::NetKind::kGru;
  } else if (kind == "cnn") {
    shape.kind = neural::NetKind::kCnn;
    shape.kernel_size = config["kernel_size"].cast<int64_t>();
  } else if (kind == "transformer") {
    shape.kind = neural::NetKind::kTransformer;
    shape.num_heads = config["num_heads"].cast<int64_t>();
    shape.feed_forward = config["feed_forward"].cast<int64_t>();
  } else if (kind == "vae") {
    shape.kind = neural::NetKind::kVae;
    shape.latent = config["latent_dim"].cast<int64_t>();
  } else {
    raise("InputError", "kind must be mlp, lstm, gru, cnn, transformer or vae, but is ", kind, ".");
  }
  shape.n_features = config["n_features"].cast<int64_t>();
  shape.hidden = config["hidden"].cast<std::vector<int64_t>>();
  shape.lookback = config["lookback"].cast<int64_t>();
  shape.n_classes = config["n_classes"].cast<int64_t>();
  if (config.contains("tasks")) shape.tasks = config["tasks"].cast<std::vector<int64_t>>();
  if (config.contains("norm")) shape.norm = config["norm"].cast<bool>();
  neural::require_valid(shape.validate());
  return shape;
}

// Named arrays of a flat pair, and back.
inline py::dict to_named(const neural::NetLayout& layout, const std::vector<float>& learned,
                         const std::vector<float>* statistics) {
  py::dict named;
  for (const auto& spec : layout.arrays) {
    if (!spec.learned && statistics == nullptr) continue;
    const auto& source = spec.learned ? learned : *statistics;
    std::vector<float> values(source.begin() + spec.offset, source.begin() + spec.offset + spec.size());
    named[py::str(spec.name)] = to_array(std::move(values)).reshape(spec.shape);
  }
  return named;
}

inline neural::NetWeights from_named(const neural::NetLayout& layout, const py::dict& named) {
  neural::NetWeights weights;
  weights.learned.resize(static_cast<size_t>(layout.n_learned));
  weights.statistics.resize(static_cast<size_t>(layout.n_statistics));
  for (const auto& spec : layout.arrays) {
    const py::str name(spec.name);
    if (!named.contains(name)) raise("InputError", "array ", spec.name, " is missing.");
    const auto array = py::cast<py::array>(named[name]);
    check_dtype<float>(array, spec.name.c_str());
    const bool same_shape = array.ndim() == static_cast<py::ssize_t>(spec.shape.size()) &&
                            std::equal(spec.shape.begin(), spec.shape.end(), array.shape());
    if (!same_shape || (array.flags() & py::array::c_style) == 0) {
      raise("InputError", "array ", spec.name,
            " must be in C order and have the shape that follows from the settings.");
    }
    auto& target = spec.learned ? weights.learned : weights.statistics;
    std::copy_n(static_cast<const float*>(array.data()), spec.size(), target.begin() + spec.offset);
  }
  return weights;
}

}  // namespace smctrain::bindings
