// The _neural module: LibTorch families. Built for one torch minor; smctrain._load checks it before
// importing.
#include <pybind11/pybind11.h>

#include "bindings/errors.h"

namespace smctrain::bindings {

namespace py = pybind11;

void bind_neural(py::module_& m);
void bind_meta_neural(py::module_& m);
void bind_gan_neural(py::module_& m);

PYBIND11_MODULE(_neural, m) {
  m.doc() = "Native neural families of smctrain. Use smctrain.models, not this module.";
  m.attr("__version__") = SMCTRAIN_VERSION;
  m.attr("torch_minor") = SMCTRAIN_TORCH_MINOR;
  register_errors();
  bind_neural(m);
  bind_meta_neural(m);
  bind_gan_neural(m);
}

}  // namespace smctrain::bindings
