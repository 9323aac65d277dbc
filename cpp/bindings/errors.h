// Core errors become the Python exceptions of the same name in smctrain.exceptions. One place for both
// modules.
#pragma once

#include <pybind11/pybind11.h>

#include <stdexcept>

#include "smctrain/base/error.h"

namespace smctrain::bindings {

inline void register_errors() {
  namespace py = pybind11;
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      const py::module_ exceptions = py::module_::import("smctrain.exceptions");
      py::object type = py::getattr(exceptions, error.type().c_str(), py::none());
      if (type.is_none()) type = exceptions.attr("SmctrainError");
      PyErr_SetString(type.ptr(), error.what());
    } catch (const std::length_error&) {  // a size beyond what any vector can hold
      PyErr_SetString(PyExc_MemoryError, "a size asked for is larger than any memory.");
    }
  });
}

}  // namespace smctrain::bindings
