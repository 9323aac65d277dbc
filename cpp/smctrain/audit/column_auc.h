// What one column knows about the classes by itself: the out-of-fold AUC of a tree of depth 2 on that column
// alone.
//
//   rows, codes    rows of the matrix, and the class 0..K-1 of each (in the order of `rows`)
//   folds          positions in `rows`: those to learn from and those to score; a position in no fold is not
//   scored per column     sort once (missing values first, as one value below all others)
//     per fold     Gini split of the learning rows, then of both halves, no leaf under `min_leaf` rows;
//                  each scored row gets the class shares of its leaf
//       AUC        one against the rest for each class over the scored rows of the fold (ties count 1/2),
//       then the
//                  mean over classes that have both sides. Only 4 different scores, so this costs no sort.
//
// Each fold by itself: pooled over folds, class shares that differ between folds would push every AUC below
// 1/2. O(d (n log n + folds n K)); columns in parallel, the result does not depend on the thread count.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::audit {

struct Fold {
  std::span<const int64_t> train;
  std::span<const int64_t> test;
};

// (columns, folds): AUC; 0.5 for a column without a split, NaN where no class of the fold has both sides.
std::vector<double> column_auc(MatrixView<const float> X, std::span<const int64_t> rows,
                               std::span<const int32_t> codes, int32_t n_classes,
                               const std::vector<Fold>& folds, int64_t min_leaf, int threads);

}  // namespace smctrain::audit
