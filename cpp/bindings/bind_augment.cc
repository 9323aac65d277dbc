#include <pybind11/pybind11.h>

namespace smctrain::bindings {

void bind_augment(pybind11::module_&) {}

}  // namespace smctrain::bindings
