// Trees that another package fitted and that our walker predicts: read from plain arrays, checked, laid out
// as `TreeArrays`.
//
//   oblivious   CatBoost: all nodes of one level share one split. The leaf of a row is the number whose bit i
//               tells whether the row passes split i; it passes iff x > border. Each tree of `depth` splits
//               becomes a full binary tree of 2^(depth + 1) - 1 nodes, the last split at the root, so that
//               the leaves stand in their own order. One such tree for each margin.
//   binary      scikit-learn: a node sends x left iff x <= threshold, in float64. Renumbered breadth first.
//
//   threshold   ours sends x left iff x < threshold in float32. x > border is x >= the next float above it; a
//               float64 threshold is first rounded down to a float32, which no float32 x can notice.
//   gain        oblivious: sum over pairs of leaves that differ in this split only of c1 c2 / (c1 + c2) *
//               (v1 - v2)^2, with c the weight of the training rows in a leaf. Summed over the nodes of a
//               level it is CatBoost's PredictionValuesChange before its normalisation. binary: as given.
// Cost: one pass over the nodes that come out.
#pragma once

#include <cstdint>
#include <span>

#include "smctrain/models/boosting/tree_ensemble.h"

namespace smctrain::models::boosting {

struct ObliviousTrees {
  int64_t n_features = 0;
  int64_t n_classes = 0;                  // 0: regression
  std::span<const double> base_margin;    // width
  std::span<const int64_t> split_offset;  // trees + 1
  std::span<const int32_t> feature;       // splits, lowest bit of the leaf number first
  std::span<const float> border;
  std::span<const uint8_t> missing_right;  // whether a missing value passes
  std::span<const double> leaf_value;      // 2^depth * width a tree, the margins of a leaf side by side
  std::span<const double> leaf_weight;     // 2^depth a tree
};

struct BinaryTrees {
  int64_t n_features = 0;
  std::span<const double> base_margin;   // width; tree t adds to margin t % width
  std::span<const int64_t> tree_offset;  // trees + 1
  std::span<const int64_t> left;         // -1 in leaves; relative to the tree's first node
  std::span<const int64_t> right;
  std::span<const int64_t> feature;
  std::span<const double> threshold;
  std::span<const uint8_t> missing_left;
  std::span<const double> value;
  std::span<const double> gain;
  std::span<const double> cover;
};

// Both raise NativeLibraryError where the arrays contradict themselves.
TreeArrays from_oblivious(const ObliviousTrees& trees);
TreeArrays from_binary(const BinaryTrees& trees);

}  // namespace smctrain::models::boosting
