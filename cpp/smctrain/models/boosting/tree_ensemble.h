// Boosted trees as flat arrays, and our own predictor over them.
//
//   node      split: feature, threshold, left, right, default_left (where a missing value goes); leaf:
//   feature,
//             left and right are -1 and `value` counts. Child indices are relative to their tree's first
//             node.
//   tree      nodes tree_offset[t] .. tree_offset[t + 1]; adds its leaf's value to margin tree_class[t].
//   margin    raw score before the link. `width` of them a row: 1 for two classes (logistic), K for K >= 3
//             (softmax), in regression (n_classes 0) one for each output, for example each quantile.
//   round     `width` trees, one for each margin.
//   wide      leaves and sums are float64 (LightGBM), else float32 (XGBoost).
//
// A value x goes left iff x < threshold; a threshold of +infinity sends every value left and only missing
// ones by default_left. Margins are sums in tree order, starting from base_margin, exactly as the library's
// own predictor makes them (XGBoost src/predictor/cpu_predictor.cc, LightGBM
// src/boosting/gbdt_prediction.cpp): equal bit for bit. Probabilities are then made in float64, so that a row
// sums to 1 to the last digits.
//
// The walk is branch-free: eight rows at a time take `depth` steps, and a leaf leads to itself. It relies on
// right = left + 1, which problem() demands as XGBoost's predictor does (dmlc/xgboost issue 7903).
// Cost: rows x trees x depth steps, the ensemble stays in the second-level cache.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::models::boosting {

struct TreeArrays {
  int64_t n_features = 0;
  int64_t n_classes = 0;                // 0: regression
  bool wide = false;                    // float64 leaves and sums
  bool zero_is_missing = false;         // |x| <= 1e-35 is a missing value (LightGBM's zero_as_missing)
  std::vector<int64_t> tree_offset{0};  // trees + 1
  std::vector<int32_t> tree_class;      // trees
  std::vector<int32_t> feature;         // nodes, and so are the following
  std::vector<float> threshold;
  std::vector<int32_t> left;
  std::vector<int32_t> right;
  std::vector<uint8_t> default_left;
  std::vector<double> value;        // float32 values unless wide
  std::vector<double> base_margin;  // width
  std::vector<float> gain;          // of the split; empty where a stored model lacks it, and so is cover
  std::vector<float> cover;         // weight of the training rows that reached the node

  int64_t n_trees() const { return static_cast<int64_t>(tree_class.size()); }
  int64_t width() const {
    if (n_classes == 0) return static_cast<int64_t>(base_margin.size());
    return n_classes == 2 ? 1 : n_classes;
  }
};

// `more` after `first`: the model that a continued fit makes. Both must be of one kind (features, classes,
// width).
TreeArrays joined(const TreeArrays& first, const TreeArrays& more);

// The trees of `more` put behind those of `to`.
void append_trees(TreeArrays& to, const TreeArrays& more);

// The first rounds alone; `arrays` must have that many.
TreeArrays first_rounds(TreeArrays arrays, int64_t rounds);

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
  // infinite value or a wrong number of columns. Float32 values unless wide.
  // Raises Stopped when the token fires.
  std::vector<double> margins(MatrixView<const float> X, std::span<const int64_t> rows,
                              const StopToken& stop = StopToken()) const;
  // Sums of type T, which must be double where the trees are wide and float elsewhere.
  template <class T>
  std::vector<T> sums(MatrixView<const float> X, std::span<const int64_t> rows,
                      const StopToken& stop = StopToken()) const;
  // (rows, n_classes).
  std::vector<double> probabilities(MatrixView<const float> X, std::span<const int64_t> rows,
                                    const StopToken& stop = StopToken()) const;

 private:
  // 12 bytes. `feature` carries default_left in its lowest bit.
  struct Node {
    float threshold;  // NaN in leaves: no value reaches it, so the walk stays
    uint32_t feature;
    int32_t left;
  };

  template <int lanes, class T>
  void walk(MatrixView<const float> X, const int64_t* rows, size_t t, T* out) const;

  TreeArrays arrays_;
  std::vector<Node> nodes_;
  std::vector<int32_t> depth_;
};

// Raises InputError unless X has n_features columns, `rows` lie inside it, and no value of theirs is
// infinite.
void check_rows(MatrixView<const float> X, std::span<const int64_t> rows, int64_t n_features,
                const char* rows_name);

}  // namespace smctrain::models::boosting
