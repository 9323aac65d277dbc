// Grows one classification tree on bin codes.
//
//   position   place of a distinct row in the tree's row list; a node owns a contiguous range of positions
//   count      how often the bootstrap drew the row (its integer weight)
//   mass       weighted class counts of a set of rows: factor of the class times the sum of count x row
//   weight distinct   rows of a set, not counting how often each was drawn; leaf and split limits count these
//
// A node: draw columns -> one histogram of class masses and distinct rows for each -> best boundary between
// bins by the decrease of Gini impurity, missing values tried on both sides -> stable partition of its
// positions. Splits without gain are allowed, as in scikit-learn (two columns may only help together).
//
// Histograms take one of two forms with identical results:
//   packed   classes and distinct rows in 16-bit lanes of one or two uint64 words a bin (up to 7 classes, no
//   row
//            weights, node count below 65,536); a row is one addition
//   wide     doubles, for everything else
// Cost: drawn columns x rows x levels additions, plus 255 bins a column and node.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/base/stop.h"
#include "smctrain/models/forest/binned_matrix.h"

namespace smctrain::models {

struct TreeNode {
  float threshold = 0.0F;  // x <= threshold goes left
  int32_t feature = -1;    // -1: leaf
  int32_t left = -1;       // left child, the right one is left + 1; of a leaf: its row in `leaves`
  uint8_t missing_left = 0;
  uint8_t code = 0;  // code <= this goes left; known while training only
};

struct Tree {
  std::vector<TreeNode> nodes;      // the root first, children after their parent
  std::vector<double> leaves;       // class shares, one row of n_classes for each leaf
  std::vector<double> importances;  // impurity decrease of each column, unscaled
};

struct GrowSettings {
  int max_depth = 0;  // 0: no limit
  int64_t min_samples_split = 2;
  int64_t min_samples_leaf = 1;
  int64_t max_features = 1;
  bool allow_packed = true;
};

struct TreeRows {
  std::span<const int32_t> rows;     // distinct rows, ascending
  std::span<const uint32_t> counts;  // of each row in `rows`
  std::span<const int32_t> labels;   // of every row of the matrix
  std::span<const double> weights;   // of every row of the matrix; empty: all 1
  std::span<const double> factors;   // of each class
};

// False when the token ended it: the tree is then incomplete and must not be used.
bool grow_tree(const BinnedMatrix& matrix, const TreeRows& data, const GrowSettings& settings, Philox& stream,
               const StopToken& stop, Tree& tree);

}  // namespace smctrain::models
