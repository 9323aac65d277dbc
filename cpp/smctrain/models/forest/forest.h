// Forests: bagged or randomised trees, averaged class shares or means.
//
//   fit       for tree i: bootstrap from the stream Philox(seed, "tree/<i>") as integer counts -> grow_tree.
//             Weights of rows and classes are chances of being drawn; without bootstrap they weigh the rows
//   predict   mean of the leaf values over trees, added in tree order
//   members   training rows of each leaf, kept for quantiles: the weights a leaf gives to the training
//   targets
//
// Classification has n_classes of at least 2 and class shares in its leaves; regression has n_classes 1 and
// means.
//
// Trees are independent and written to slot i, so the forest is the same for any number of threads. A stop
// request abandons the trees in progress; the finished ones make a smaller forest. Source: Breiman, "Random
// forests", Machine Learning 45 (2001); Meinshausen, "Quantile regression forests", JMLR 7 (2006); parameters
// as in scikit-learn.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
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
  bool keep_members = false;  // regression only
  uint64_t seed = 42;
  int threads = 1;
  // Of trees done and wanted: called a few times a second, from any of the threads, never from two at once.
  std::function<void(int64_t, int64_t)> report = {};
};

// What leaves know of the training targets. Empty (no target) in most forests.
struct LeafMembers {
  std::vector<double> target;  // different targets, ascending
  std::vector<int64_t> start;  // leaves + 1, into the next two
  std::vector<int32_t> rank;   // place of a member's target in `target`
  std::vector<double> weight;  // sum 1 in each leaf
  bool empty() const { return target.empty(); }
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
  std::vector<double> leaf_share;     // leaves x n_classes: class shares, or the mean target
  std::vector<double> cover;          // training mass of each node; empty in files of earlier versions
  LeafMembers members;
  std::vector<double> importances;  // n_features, sum 1 (or all 0: no tree has a split)
};

// Checks everything prediction relies on; raises ArtifactError.
void check_state(const ForestState& state);

class CodeWalker;

// Immutable; predict from any thread.
class Forest {
 public:
  explicit Forest(ForestState state);
  ~Forest();

  int64_t n_trees() const { return static_cast<int64_t>(state_.node_start.size()) - 1; }
  const ForestState& state() const { return state_; }

  // Class probabilities of the given rows of X, row-major into out (rows x n_classes). NaN takes the side
  // learned for missing values. Polls the token a block of rows; returns false when it ended the call.
  bool predict(MatrixView<const float> X, std::span<const int64_t> rows, int threads, const StopToken& stop,
               double* out) const;

  // One row, n_features values: the same numbers without any preparation.
  void predict_row(const float* x, double* out) const;

  // Leaf of a row in each tree, counted over the whole forest.
  void leaves_of(const float* x, int32_t* out) const;

  // Quantiles of the given rows (rows x levels), never falling along levels that do not fall. A quantile is
  // the least target at which the summed weights reach the level. Needs members; polls the token.
  bool quantiles(MatrixView<const float> X, std::span<const double> levels, int threads,
                 const StopToken& stop, double* out) const;

 private:
  // Nodes to walk, absolute numbers; a leaf is its own left child, with threshold infinity. Trees of few
  // columns and nodes fit into 8 bytes a node, which is what prediction time depends on.
  struct WideNode {
    float threshold;
    uint32_t feature;
    int32_t left_offset;  // left child - this node
    uint32_t missing_right;
  };
  struct SlimNode {
    float threshold;
    uint32_t packed;  // left_offset << 13 | missing_right << 12 | feature
  };
  template <class Node, bool kMissing>
  void walk_block(const std::vector<Node>& nodes, const float* const* x, int n, double* out) const;
  template <class Node>
  void walk_row(const std::vector<Node>& nodes, const float* x, double* out) const;
  void predict_block(MatrixView<const float> X, const int64_t* rows, int n, const CodeWalker* codes,
                     double* out) const;
  // Worth its preparation once enough rows have come; the same results.
  const CodeWalker* code_walker(int64_t rows) const;

  ForestState state_;
  std::vector<WideNode> wide_;  // one of the two is empty
  std::vector<SlimNode> slim_;
  std::vector<int32_t> leaf_of_node_;
  std::vector<int32_t> depth_;  // of each tree
  mutable std::atomic<int64_t> rows_seen_{0};
  mutable std::once_flag codes_once_;
  mutable std::unique_ptr<const CodeWalker> codes_;
};

struct ForestFit {
  ForestState state;
  int64_t requested_trees = 0;
  StopReason stop_reason = StopReason::kNone;
  double oob_score = 0.0;  // accuracy or R2; NaN when not asked for or no row is out of bag
  int64_t oob_rows = 0;    // rows that at least one tree did not see
  std::vector<double>
      oob_values;  // rows x n_classes: mean over those trees, NaN where every tree saw the row
};

// rows: training rows, ascending, distinct. labels: class code of every matrix row (training rows:
// 0..n_classes-1). weights: of every matrix row, or empty; positive on training rows. Raises TooFewRows
// without rows, OneClass when the rows hold a single class, TrainingFailed when the token ended the fit
// before the first tree.
ForestFit fit_forest(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                     std::span<const int32_t> labels, std::span<const double> weights, int64_t n_classes,
                     const ForestSettings& settings, const StopToken& stop);

// The same with a number for every matrix row; finite on training rows (InputError).
ForestFit fit_regression_forest(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                                std::span<const double> targets, std::span<const double> weights,
                                const ForestSettings& settings, const StopToken& stop);

}  // namespace smctrain::models
