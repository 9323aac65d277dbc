// Permutation importance of trees, forests and boosted ones alike, on codes.
//
//   code      place of a value among the thresholds that the trees ask of its column: x is on the left of the
//             b-th threshold exactly when its code is at most b. One byte where no column has more than 254
//             thresholds (every forest of 255 bins), else two or four; the largest code is a missing value.
//
// Nothing is predicted anew that cannot change: a row's walk through a tree leaves its old path only at a
// node that asks a moved column and decides otherwise, and only from there on it is walked again. Trees and
// nodes that do not ask a moved column cost nothing. Cost: rows x trees x (depth + repeats x nodes of the
// path).
#pragma once

#include <cstdint>
#include <span>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/moves.h"

namespace smctrain::models {

struct TreesToMove {
  std::span<const int64_t> tree_start;  // trees + 1, into the nodes
  std::span<const int32_t> feature;     // -1: leaf
  std::span<const float> threshold;
  std::span<const int32_t> left;  // from the tree's first node; the right child follows it
  std::span<const uint8_t> missing_left;
  std::span<const int64_t> leaf;      // of each node: where its values begin in `values`
  std::span<const double> values;     // of leaves
  std::span<const int32_t> tree_sum;  // which sum a tree adds to; empty: leaves hold `width` values
  std::span<const double> base;       // sums before the first tree; empty: 0
  int64_t width = 1;
  bool equal_goes_left = true;  // x <= threshold, else x < threshold
  bool zero_is_missing = false;
};

MovedScores tree_moves(const TreesToMove& trees, MatrixView<const float> X, const Score& score, Link link,
                       double divisor, const Moves& moves, int threads, const StopToken& stop);

}  // namespace smctrain::models
