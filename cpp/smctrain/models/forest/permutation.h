// Permutation importance: how much a forest's score falls when one column is moved against the others.
//
//   source    the row whose value a row gets; one list of sources for each repeat, shared by all columns
//   block     neighbouring rows that move together, because labels that overlap in time make them alike
//
// Nothing is predicted anew that cannot change: a row's walk through a tree leaves its old path only at a
// node that asks the moved column and decides otherwise, and only from there on it is walked again. Cost:
// rows x trees x (depth + repeats x columns asked on the path). Source: Breiman, "Random forests", Machine
// Learning 45 (2001); blocks as in the block bootstrap.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/forest/forest.h"

namespace smctrain::models {

// Sources of every repeat, repeats x rows. With at least 8 blocks of 2 x horizon rows (the last may be
// shorter) these are shuffled, else the rows are shifted circularly by 2 x horizon to rows - 2 x horizon.
// Raises InputError where neither is possible.
std::vector<int32_t> permuted_rows(int64_t rows, int64_t horizon, int64_t repeats, uint64_t seed);

struct PermutationScores {
  double baseline = 0.0;
  std::vector<double> permuted;  // columns x repeats
  bool complete = true;          // false: the token ended it
};

// Accuracy (labels: class codes, others are never right) or, in regression, R2 (targets: finite, not all
// equal). The one that does not apply is empty.
PermutationScores permutation_scores(const Forest& forest, MatrixView<const float> X,
                                     std::span<const int32_t> labels, std::span<const double> targets,
                                     std::span<const int32_t> sources, int64_t repeats, int threads,
                                     const StopToken& stop);

}  // namespace smctrain::models
