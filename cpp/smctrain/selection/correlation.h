// Correlation of columns with one another, and which of a correlated pair goes.
//
//   pair       rows where both columns have a value; ranks (Spearman) are taken among these, ties averaged
//   undefined  fewer than 3 such rows or no spread: NaN, which never prunes
//
// Pruning goes from the strongest column to the weakest (higher score first, the earlier column in a tie): a
// column goes when it correlates by more than the limit, in absolute value, with one that was kept before;
// the reason names the kept one it correlates with most. So of a chain A-B-C, where A and C do not correlate,
// the strongest A takes B out and C stays. If fewer than min_keep are left, the strongest dropped ones come
// back. Cost: columns^2 x rows / 2; columns that miss the same rows share their standardised values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::selection {

// cols x cols, row-major.
std::vector<double> correlation_matrix(MatrixView<const float> X, bool ranks, int threads,
                                       const StopToken& stop);

// Of each column: the kept column that took it out, or -1.
std::vector<int64_t> prune_correlated(MatrixView<const double> correlation, std::span<const double> scores,
                                      double limit, int64_t min_keep);

}  // namespace smctrain::selection
