#include <pybind11/pybind11.h>

namespace smctrain::bindings {

void bind_market(pybind11::module_&) {}

}  // namespace smctrain::bindings
