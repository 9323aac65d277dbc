// Contributions of the features to a margin: exact path-dependent TreeSHAP.
//
//   contribution   Shapley value of a feature in the game "expected margin given the features known", where
//   an unknown
//                  feature sends a row down both branches in proportion to their cover.
//   base value     the expected margin when nothing is known. Contributions and base value add up to the
//   margin.
//
// Every tree is walked once for a row with the path of distinct features so far: for each of them the share
// of rows that pass when it is unknown (zero fraction), whether the row passes when it is known (one
// fraction), and the weights of all subsets, extended at a split and unwound at a leaf or at a second split
// on the same feature. Cost: rows x leaves x depth^2 a tree. Source: Lundberg, Erion and Lee, "Consistent
// individualized feature attribution for tree ensembles", 2018, algorithm 2.
#pragma once

#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/boosting/tree_ensemble.h"

namespace smctrain::models::boosting {

// (rows, n_features + 1, width); the last entry of the middle axis is the base value. Raises InputError where
// the trees lack cover. Half of the answer would mislead: a stop request raises InputError.
std::vector<double> contributions(const TreeEnsemble& trees, MatrixView<const float> X,
                                  std::span<const int64_t> rows, const StopToken& stop);

// Splits, gain and cover of every feature.
struct SplitTotals {
  std::vector<double> weight;  // splits
  std::vector<double> gain;    // total over them
  std::vector<double> cover;
};
SplitTotals split_totals(const TreeArrays& trees);

}  // namespace smctrain::models::boosting
