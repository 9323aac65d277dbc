// Random forest classifier: bagged trees, averaged class shares.
//
//   fit       for tree i: bootstrap from the stream Philox(seed, "tree/<i>") as integer counts -> grow_tree
//   predict   mean of the leaf shares over trees, added in tree order
//
// Trees are independent and written to slot i, so the forest is the same for any number of threads. A stop
// request abandons the trees in progress; the finished ones make a smaller forest. Source: Breiman, "Random
// forests", Machine Learning 45 (2001); parameters as in scikit-learn.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/forest/binned_matrix.h"
#include "smctrain/models/forest/grower.h"

namespace smctrain::models {

enum class ClassWeight { kNone, kBalanced, kBalancedSubsample };

struct ForestSettings {
  int64_t n_trees = 200;
  GrowSettings grow;
  int64_t n_draw = 0;     // rows drawn with replacement for each tree
  bool bootstrap = true;  // false: every tree has every row once
  ClassWeight class_weight = ClassWeight::kBalanced;
  bool oob_score = true;
  uint64_t seed = 42;
  int threads = 1;
};

// Flat arrays of a forest, as stored. Node numbers count from the tree's root; leaves from the tree's first
// leaf.
struct ForestState {
  int64_t n_features = 0;
  int64_t n_classes = 0;
  std::vector<int64_t> node_start;    // n_trees + 1
  std::vector<int64_t> leaf_start;    // n_trees + 1
  std::vector<int32_t> feature;       // -1: leaf
  std::vector<float> threshold;       // 0 in leaves
  std::vector<int32_t> left;          // of a leaf: its leaf number
  std::vector<int32_t> right;         // left + 1; -1 in leaves
  std::vector<uint8_t> missing_left;  // 0 or 1
  std::vector<double> leaf_share;     // leaves x n_classes
  std::vector<double> importances;    // n_features, sum 1 (or all 0: no tree has a split)
};

// Immutable; predict from any thread.
class Forest {
 public:
  // Checks everything prediction relies on; raises ArtifactError.
  explicit Forest(ForestState state);

  int64_t n_trees() const { return static_cast<int64_t>(state_.node_start.size()) - 1; }
  const ForestState& state() const { return state_; }

  // Class probabilities of the given rows of X, row-major into out (rows x n_classes). NaN takes the side
  // learned for missing values. Polls the token a block of rows; returns false when it ended the call.
  bool predict(MatrixView<const float> X, std::span<const int64_t> rows, int threads, const StopToken& stop,
               double* out) const;

 private:
  void predict_block(MatrixView<const float> X, const int64_t* rows, int n, double* out) const;

  struct FlatNode {
    float threshold;
    int32_t feature;
    int32_t left;  // absolute; a leaf is its own left child, with threshold infinity
    uint32_t missing_right;
  };
  ForestState state_;
  std::vector<FlatNode> flat_;
  std::vector<int32_t> leaf_of_node_;
};

struct ForestFit {
  ForestState state;
  int64_t requested_trees = 0;
  StopReason stop_reason = StopReason::kNone;
  double oob_score = 0.0;  // NaN when not asked for or no row is out of bag
  int64_t oob_rows = 0;    // rows that at least one tree did not see
};

// rows: training rows, ascending, distinct. labels: class code of every matrix row (training rows:
// 0..n_classes-1). weights: of every matrix row, or empty; positive on training rows. Raises TooFewRows
// without rows, OneClass when the rows hold a single class, TrainingFailed when the token ended the fit
// before the first tree.
ForestFit fit_forest(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                     std::span<const int32_t> labels, std::span<const double> weights, int64_t n_classes,
                     const ForestSettings& settings, const StopToken& stop);

}  // namespace smctrain::models
