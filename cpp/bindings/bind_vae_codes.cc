// What a variational autoencoder says about rows, without torch.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/net_arrays.h"
#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/neural/vae_codes.h"

namespace smctrain::bindings {

namespace {

using models::neural::VaeCodes;
using Method = std::vector<double> (VaeCodes::*)(MatrixView<const float>, std::span<const int64_t>,
                                                 const StopToken&) const;

auto asker(Method method, int64_t (*width)(const models::neural::NetShape&)) {
  return [method, width](const VaeCodes& self, const py::array& X, const py::array& rows) {
    const auto view = matrix_view<float>(X, "X");
    const auto wanted = vector_view<int64_t>(rows, "rows");
    auto result = run_native(py::none(), 0.0,
                             [&](const StopToken& token) { return (self.*method)(view, wanted, token); });
    return to_matrix(std::move(result), static_cast<int64_t>(wanted.size()), width(self.shape()));
  };
}

}  // namespace

void bind_vae_codes(py::module_& m) {
  using models::neural::NetShape;
  py::class_<VaeCodes>(m, "VaeCodes", "A variational autoencoder from its named arrays; thread-safe.")
      .def(py::init([](const py::dict& shape, const py::dict& arrays) {
             const auto net_shape = to_shape(shape);
             return VaeCodes(net_shape, from_named(models::neural::make_layout(net_shape), arrays));
           }),
           py::arg("shape"), py::arg("arrays"))
      .def("codes", asker(&VaeCodes::codes, [](const NetShape& shape) { return 2 * shape.latent; }),
           py::arg("X"), py::arg("rows"), "Means, then log variances of the latent units (rows, 2 latent).")
      .def("reconstruction",
           asker(&VaeCodes::reconstruction, [](const NetShape& shape) { return shape.n_features; }),
           py::arg("X"), py::arg("rows"), "Rows decoded from their latent means (rows, columns).")
      .def("losses", asker(&VaeCodes::losses, [](const NetShape&) { return int64_t{2}; }), py::arg("X"),
           py::arg("rows"), "Half the squared error of the reconstruction, and KL divergence (rows, 2).");
}

}  // namespace smctrain::bindings
