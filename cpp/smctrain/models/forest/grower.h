// Grows one tree on bin codes: classification (Gini) or regression (squared error).
//
//   position   place of a distinct row in the tree's row list; a node owns a contiguous range of positions
//   count      how often the bootstrap drew the row (its integer weight)
//   weight     of a row in this tree: count x row weight x factor of its class
//   mass       sum of weights of a set of rows, of one class or of all
//   distinct   rows of a set, not counting how often each was drawn; leaf and split limits count these
//   score      of a set: sum of squared class masses / mass, or (sum of weight x target)^2 / mass. The
//   impurity
//              of a node is a constant minus its score, so a split gains  score(left) + score(right) - score
//   risk       mass x impurity of a node: what it costs as a leaf
//
// A node: draw columns -> one histogram of masses and distinct rows for each -> best boundary between bins by
// gain, missing values tried on both sides -> stable partition of its positions. Splits without gain are
// allowed, as in scikit-learn (two columns may only help together). Depth first, or, with max_leaf_nodes, the
// node of the largest gain first. With ccp_alpha the weakest links are cut afterwards (Breiman et al. 1984).
//
// Random splits (Geurts, Ernst and Wehenkel, "Extremely randomized trees", Machine Learning 63, 2006): one
// point per column, uniform between the centres of the lowest and the highest bin that the node occupies,
// splits behind the last centre at or below it. That is scikit-learn's rule on values rounded to their bin's
// centre: exact where bins hold one value. With few bins, outer ones are less drawn out than single extreme
// values are, and cannot be split inside: on heavy tails that is another law (and mostly a better one).
// Missing values go to a random side.
//
// Class counters take one of two forms with identical results:
//   packed   classes and distinct rows in 16-bit lanes of one or two uint64 words a bin (up to 7 classes, no
//            row weights, node count below 65,536); a row is one addition. Children are measured by their
//            parent's split, and rows that only reach leaves are never moved
//   masses   doubles, for everything else
// Those of targets ("moments") hold sum of weight x target, mass and distinct rows. Where every node tries
// every column, the larger of two siblings is their parent less the smaller one.
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
  uint16_t code = 0;  // code <= this goes left; known while training only
};

struct Tree {
  std::vector<TreeNode> nodes;      // the root first, children after their parent
  std::vector<double> leaves;       // class shares (n_classes a leaf), or the mean target (one a leaf)
  std::vector<double> covers;       // mass of each node
  std::vector<double> importances;  // gain of each column, unscaled
};

struct GrowSettings {
  int max_depth = 0;  // 0: no limit
  int64_t min_samples_split = 2;
  int64_t min_samples_leaf = 1;
  int64_t max_features = 1;
  int64_t max_leaf_nodes = 0;             // 0: no limit
  double min_weight_fraction_leaf = 0.0;  // of the root's mass, in each child
  double min_impurity_decrease = 0.0;     // gain / the root's mass
  double ccp_alpha = 0.0;                 // risk / the root's mass that a leaf must save
  bool random_splits = false;
  bool allow_packed = true;
};

struct TreeRows {
  std::span<const int32_t> rows;         // distinct rows, ascending
  std::span<const uint32_t> counts;      // of each row in `rows`
  std::span<const int32_t> labels;       // of every row of the matrix; empty: regression
  std::span<const double> weights;       // of every row of the matrix; empty: all 1
  std::span<const double> factors;       // of each class; empty: regression
  std::span<const double> targets = {};  // of every row of the matrix; empty: classification
  double centre = 0.0;                   // subtracted from targets while growing, for precision
};

// False when the token ended it: the tree is then incomplete and must not be used.
bool grow_tree(const BinnedMatrix& matrix, const TreeRows& data, const GrowSettings& settings, Philox& stream,
               const StopToken& stop, Tree& tree);

}  // namespace smctrain::models
