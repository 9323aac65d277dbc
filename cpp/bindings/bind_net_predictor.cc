// Prediction of networks from named arrays: in _core, so that a stored network needs no torch.
#include <pybind11/pybind11.h>

#include "bindings/net_arrays.h"
#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/neural/predictor.h"

namespace smctrain::bindings {

void bind_net_predictor(py::module_& m) {
  py::class_<neural::Predictor>(m, "NeuralPredictor",
                                "Inference of one network from its named arrays; thread-safe.")
      .def(py::init([](const py::dict& shape, const py::dict& arrays) {
             const auto net_shape = to_shape(shape);
             return neural::Predictor(net_shape, from_named(neural::make_layout(net_shape), arrays));
           }),
           py::arg("shape"), py::arg("arrays"))
      .def(
          "predict",
          [](const neural::Predictor& self, const py::array& X, const py::array& rows,
             const py::object& segment, const py::object& stop) {
            const auto view = matrix_view<float>(X, "X");
            const auto wanted = vector_view<int64_t>(rows, "rows");
            const auto stretch = optional_vector_view<int32_t>(segment, "segment", view.rows);
            auto result = run_native(stop, 0.0, [&](const StopToken& token) {
              return self.predict(view, wanted, stretch, token);
            });
            return to_matrix(std::move(result), static_cast<int64_t>(wanted.size()),
                             self.shape().n_outputs());
          },
          py::arg("X"), py::arg("rows"), py::arg("segment"), py::arg("stop") = py::none(),
          "Probabilities (rows, classes), or values (rows, 1) of a regression; NaN in a row without a full "
          "window.");
}

}  // namespace smctrain::bindings
