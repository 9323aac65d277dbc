#include "smctrain/models/neural/windows.h"

#include <cmath>
#include <cstring>

#include "smctrain/base/error.h"

namespace smctrain::models::neural {

std::vector<int64_t> stretch_starts(std::span<const int32_t> segment, int64_t n_rows) {
  std::vector<int64_t> starts(static_cast<size_t>(n_rows), 0);
  if (segment.empty()) return starts;
  int64_t start = 0;
  for (int64_t i = 1; i < n_rows; ++i) {
    if (segment[i] != segment[i - 1]) start = i;
    starts[i] = start;
  }
  return starts;
}

std::vector<int64_t> full_windows(std::span<const int64_t> rows, std::span<const int64_t> starts,
                                  int64_t lookback) {
  std::vector<int64_t> kept;
  kept.reserve(rows.size());
  for (const int64_t row : rows) {
    if (row - starts[row] + 1 >= lookback) kept.push_back(row);
  }
  return kept;
}

void gather_windows(MatrixView<const float> X, std::span<const int64_t> rows, int64_t lookback, float* out) {
  const auto bytes = static_cast<size_t>(X.cols) * sizeof(float);
  for (int64_t t = 0; t < lookback; ++t) {
    for (const int64_t row : rows) {
      std::memcpy(out, &X(row - lookback + 1 + t, 0), bytes);
      out += X.cols;
    }
  }
}

void require_finite(MatrixView<const float> X, std::span<const int64_t> rows, int64_t lookback) {
  std::vector<uint8_t> seen(static_cast<size_t>(X.rows), 0);
  for (const int64_t last : rows) {
    // Newest first: once a row was seen through an ascending neighbour, the older ones were too, except after
    // a gap.
    for (int64_t row = last; row > last - lookback; --row) {
      if (seen[row]) continue;
      seen[row] = 1;
      for (int64_t j = 0; j < X.cols; ++j) {
        if (!std::isfinite(X(row, j))) {
          raise("InputError", "X must be finite for a network, but column ", j, " holds ", X(row, j),
                " in row ", row, ": impute and scale the columns first (training rows only).");
        }
      }
    }
  }
}

}  // namespace smctrain::models::neural
