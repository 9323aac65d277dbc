// Windows over rows in time order.
//
//   window      the `lookback` rows that end with, and include, the decision row
//   full        all of them exist and lie in one unbroken stretch (same segment id)
//
// full_windows() keeps the rows that have a full window. gather_windows() copies the windows of one batch
// into a buffer laid out (lookback, batch, column), so that every time step is one contiguous matrix; nothing
// bigger than a batch is ever copied. Cost: O(rows of X) once, then O(batch x lookback x columns).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::models::neural {

// first[i] = first row of the unbroken stretch that row i lies in. An empty segment means one stretch.
std::vector<int64_t> stretch_starts(std::span<const int32_t> segment, int64_t n_rows);

// The entries of `rows` with a full window, in their order.
std::vector<int64_t> full_windows(std::span<const int64_t> rows, std::span<const int64_t> starts,
                                  int64_t lookback);

// out[(t * batch + b) * cols + j] = X(rows[b] - lookback + 1 + t, j)
void gather_windows(MatrixView<const float> X, std::span<const int64_t> rows, int64_t lookback, float* out);

// Raises InputError (column and row named) when a row some window uses holds NaN or infinity.
void require_finite(MatrixView<const float> X, std::span<const int64_t> rows, int64_t lookback);

}  // namespace smctrain::models::neural
