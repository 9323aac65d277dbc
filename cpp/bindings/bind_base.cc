#include <pybind11/pybind11.h>

#include "bindings/numpy.h"
#include "smctrain/base/crc32c.h"
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
  m.def(
      "crc32c",
      [](const py::buffer& data) {
        const py::buffer_info info = data.request();
        if (info.ndim > 1 || info.itemsize != 1) raise("InputError", "crc32c needs a flat buffer of bytes.");
        const py::gil_scoped_release release;
        return crc32c(info.ptr, static_cast<size_t>(info.size));
      },
      py::arg("data"), "CRC32C of a bytes-like object.");
}

}  // namespace smctrain::bindings
