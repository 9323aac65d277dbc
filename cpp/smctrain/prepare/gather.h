// Columns of a row-major matrix as contiguous arrays, several at a time so that cache lines are read once.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/parallel.h"
#include "smctrain/base/view.h"

namespace smctrain::prepare {

// body(column, values of `rows` in that column), once for each column, on at most `threads` threads.
template <class T, class Body>
void for_columns(MatrixView<const T> X, std::span<const int64_t> rows, int threads, const Body& body) {
  constexpr int64_t kGroup = 64 / sizeof(T);
  const auto n = static_cast<int64_t>(rows.size());
  parallel_for((X.cols + kGroup - 1) / kGroup, threads, [&](int64_t group) {
    const int64_t first = group * kGroup;
    const int64_t width = std::min(kGroup, X.cols - first);
    std::vector<T> values(static_cast<size_t>(n * width));
    for (int64_t i = 0; i < n; ++i) {
      const T* row = X.data + rows[static_cast<size_t>(i)] * X.row_stride + first;
      for (int64_t c = 0; c < width; ++c) values[static_cast<size_t>(c * n + i)] = row[c];
    }
    for (int64_t c = 0; c < width; ++c) {
      body(first + c, std::span<const T>(values.data() + c * n, static_cast<size_t>(n)));
    }
  });
}

// One number for values that compare equal: missing values alike, both zeros alike.
inline uint64_t canonical_bits(float x) {
  if (!std::isfinite(x)) return 0x7FC00000U;
  return std::bit_cast<uint32_t>(x == 0.0F ? 0.0F : x);
}
inline uint64_t canonical_bits(double x) {
  if (!std::isfinite(x)) return 0x7FF8000000000000U;
  return std::bit_cast<uint64_t>(x == 0.0 ? 0.0 : x);
}

template <class T>
uint64_t column_hash(std::span<const T> values) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const T x : values) hash = (hash ^ canonical_bits(x)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace smctrain::prepare
