// SMOTE: new rows of one class on the lines between neighbours of that class.
//
//   base, neighbour   drawn uniformly with replacement; the neighbour is one of the k' = min(k, n_c - 1)
//   nearest rows
//                     of the class by Euclidean distance over continuous columns in units of their sd, never
//                     the row itself (by index: duplicates are neighbours at distance 0). Ties: the smaller
//                     row id.
//   new row           base + u * (neighbour - base), one u ~ U[0, 1) per row; discrete columns get the most
//   frequent
//                     value among the k' neighbours (tie: the base's).
//
// O(distinct bases * n_c * columns). Source: Chawla et al., "SMOTE", JAIR 16 (2002); SMOTE-NC for discrete
// columns.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "smctrain/augment/columns.h"
#include "smctrain/base/rng.h"
#include "smctrain/base/view.h"

namespace smctrain::augment {

struct SmoteRows {
  std::vector<double> x;         // count x columns
  std::vector<int64_t> parents;  // count x 2: base, neighbour
  std::string skipped;           // why no row was made; empty otherwise
};

SmoteRows smote(const MatrixView<const double>& x, std::span<const Column> columns,
                std::span<const int64_t> class_rows, int64_t count, int64_t k, Philox& random);

}  // namespace smctrain::augment
