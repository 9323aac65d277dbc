// Boosted trees as flat arrays, and our own predictor over them.
//
//   node      split: feature, threshold, left, right, default_left (where a missing value goes); leaf:
//   feature,
//             left and right are -1 and `value` counts. Child indices are relative to their tree's first
//             node.
//   tree      nodes tree_offset[t] .. tree_offset[t + 1]; adds its leaf's value to margin tree_class[t].
//   margin    raw score before the link. `width` of them a row: 1 for two classes (logistic), K for K >= 3
//   (softmax). round     `width` trees, one for each margin.
//
// A value x goes left iff x < threshold. Margins are float32 sums in tree order, starting from base_margin,
// exactly as XGBoost's own predictor makes them (src/predictor/cpu_predictor.cc): equal bit for bit.
// Probabilities are then made in float64, so that a row sums to 1 to the last digits.
//
// The walk is branch-free: eight rows at a time take `depth` steps, and a leaf leads to itself. It relies on
// right = left + 1, which problem() demands as XGBoost's predictor does (dmlc/xgboost issue 7903).
// Cost: rows x trees x depth steps, the ensemble stays in the second-level cache.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::models::boosting {

struct TreeArrays {
  int64_t n_features = 0;
  int64_t n_classes = 0;
  std::vector<int64_t> tree_offset{0};  // trees + 1
  std::vector<int32_t> tree_class;      // trees
  std::vector<int32_t> feature;         // nodes, and so are the following
  std::vector<float> threshold;
  std::vector<int32_t> left;
  std::vector<int32_t> right;
  std::vector<uint8_t> default_left;
  std::vector<float> value;
  std::vector<float> base_margin;  // width

  int64_t n_trees() const { return static_cast<int64_t>(tree_class.size()); }
  int64_t width() const { return n_classes == 2 ? 1 : n_classes; }
};

// Why these arrays are not a valid ensemble, as one sentence; empty when they are. Checks everything the
// predictor relies on: lengths, ranges, one parent for every node, children after parents, depth, finiteness.
std::string problem(const TreeArrays& arrays);

class TreeEnsemble {
 public:
  // Raises `error_type` ("ArtifactError", "NativeLibraryError") when the arrays are not valid.
  TreeEnsemble(TreeArrays arrays, const char* error_type);

  const TreeArrays& arrays() const { return arrays_; }
  int64_t n_rounds() const { return arrays_.n_trees() / arrays_.width(); }

  // Raw scores, (rows, width). `rows` are row numbers of X; NaN is a missing value. Raises InputError on an
  // infinite value or a wrong number of columns.
  std::vector<float> margins(MatrixView<const float> X, std::span<const int64_t> rows) const;
  // (rows, n_classes).
  std::vector<double> probabilities(MatrixView<const float> X, std::span<const int64_t> rows) const;

 private:
  // 12 bytes. `feature` carries default_left in its lowest bit.
  struct Node {
    float threshold;  // NaN in leaves: no value reaches it, so the walk stays
    uint32_t feature;
    int32_t left;
  };

  template <int lanes>
  void walk(MatrixView<const float> X, const int64_t* rows, size_t t, float* out) const;

  TreeArrays arrays_;
  std::vector<Node> nodes_;
  std::vector<int32_t> depth_;
};

// Raises InputError unless X has n_features columns, `rows` lie inside it, and no value of theirs is
// infinite.
void check_rows(MatrixView<const float> X, std::span<const int64_t> rows, int64_t n_features,
                const char* rows_name);

}  // namespace smctrain::models::boosting
