// Views over memory somebody else owns.
//
//   MatrixView<T>  row-major matrix: element (i, j) is data[i * row_stride + j]; columns are contiguous.
//
// A view never outlives the array it was made from; the bindings keep the Python object alive for the call.
#pragma once

#include <cstdint>
#include <span>

namespace smctrain {

template <class T>
struct MatrixView {
  T* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t row_stride = 0;

  T& operator()(int64_t i, int64_t j) const { return data[i * row_stride + j]; }
  std::span<T> row(int64_t i) const { return {data + i * row_stride, static_cast<size_t>(cols)}; }
};

}  // namespace smctrain
