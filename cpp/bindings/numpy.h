// Arrays at the border: typed views in, capsule-owned arrays out.
//
// Views in never convert and never copy: a wrong dtype, rank or layout is an InputError that names the
// argument. Conversions happen once, visibly, in Python. Views are valid while the Python object lives, that
// is for the call.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/view.h"

namespace smctrain::bindings {

namespace py = pybind11;

template <class T>
std::string dtype_name() {
  return py::cast<std::string>(py::str(static_cast<py::object>(py::dtype::of<T>())));
}

template <class T>
void check_dtype(const py::array& array, const char* name) {
  if (!array.dtype().is(py::dtype::of<T>()) && !array.dtype().equal(py::dtype::of<T>())) {
    raise("InputError", name, " must be ", dtype_name<T>(), ", but is ",
          py::cast<std::string>(py::str(static_cast<py::object>(array.dtype()))), ".");
  }
}

// One-dimensional contiguous view.
template <class T>
std::span<const T> vector_view(const py::array& array, const char* name) {
  check_dtype<T>(array, name);
  if (array.ndim() != 1) raise("InputError", name, " must have 1 dimension, but has ", array.ndim(), ".");
  if (array.shape(0) > 1 && array.strides(0) != static_cast<py::ssize_t>(sizeof(T))) {
    raise("InputError", name, " must be contiguous.");
  }
  return {static_cast<const T*>(array.data()), static_cast<size_t>(array.shape(0))};
}

// The same, with an expected length.
template <class T>
std::span<const T> vector_view(const py::array& array, const char* name, int64_t length) {
  const auto view = vector_view<T>(array, name);
  if (static_cast<int64_t>(view.size()) != length) {
    raise("InputError", name, " must have ", length, " entries, but has ", view.size(), ".");
  }
  return view;
}

// None becomes an empty view.
template <class T>
std::span<const T> optional_vector_view(const py::object& object, const char* name, int64_t length) {
  if (object.is_none()) return {};
  return vector_view<T>(py::cast<py::array>(object), name, length);
}

// Two-dimensional, C order (columns contiguous; rows may have a stride).
template <class T>
MatrixView<const T> matrix_view(const py::array& array, const char* name) {
  check_dtype<T>(array, name);
  if (array.ndim() != 2) raise("InputError", name, " must have 2 dimensions, but has ", array.ndim(), ".");
  const auto item = static_cast<py::ssize_t>(sizeof(T));
  const bool columns_contiguous = array.size() == 0 || array.shape(1) <= 1 || array.strides(1) == item;
  const bool rows_forward =
      array.shape(0) <= 1 || (array.strides(0) >= item * array.shape(1) && array.strides(0) % item == 0);
  if (!columns_contiguous || !rows_forward) raise("InputError", name, " must be in C order.");
  const int64_t stride = array.shape(0) <= 1 ? array.shape(1) : array.strides(0) / item;
  return {static_cast<const T*>(array.data()), array.shape(0), array.shape(1), stride};
}

// Moves a vector into an array that owns it.
template <class T>
py::array_t<T> to_array(std::vector<T>&& values) {
  auto owner = std::make_unique<std::vector<T>>(std::move(values));
  T* data = owner->data();
  const auto size = static_cast<py::ssize_t>(owner->size());
  py::capsule capsule(owner.get(), [](void* pointer) { delete static_cast<std::vector<T>*>(pointer); });
  owner.release();
  return py::array_t<T>({size}, {static_cast<py::ssize_t>(sizeof(T))}, data, capsule);
}

template <class T>
py::array_t<T> to_matrix(std::vector<T>&& values, int64_t rows, int64_t cols) {
  if (static_cast<int64_t>(values.size()) != rows * cols)
    raise("InputError", "internal: matrix size mismatch");
  return to_array(std::move(values)).reshape({rows, cols});
}

}  // namespace smctrain::bindings
