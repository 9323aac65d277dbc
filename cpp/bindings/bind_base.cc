#include <pybind11/pybind11.h>

#include "bindings/numpy.h"
#include "smctrain/base/rng.h"

namespace smctrain::bindings {

void bind_base(py::module_& m) {
  m.def(
      "philox_uniform",
      [](uint64_t seed, uint64_t purpose, int64_t n) {
        Philox stream(seed, purpose);
        std::vector<double> values(static_cast<size_t>(n));
        for (auto& value : values) value = stream.uniform();
        return to_array(std::move(values));
      },
      py::arg("seed"), py::arg("purpose"), py::arg("n"),
      "n uniform doubles in [0, 1) of the stream (seed, purpose).");
  m.def(
      "purpose_hash", [](const std::string& text) { return fnv1a64(text); }, py::arg("text"),
      "FNV-1a-64 hash that turns a purpose string into a stream key.");
}

}  // namespace smctrain::bindings
