#include "smctrain/models/forest/permutation.h"

#include "smctrain/base/error.h"
#include "smctrain/models/tree_moves.h"

namespace smctrain::models {

MovedScores moved_scores(const Forest& forest, MatrixView<const float> X, const Score& score,
                         const Moves& moves, int threads, const StopToken& stop) {
  const ForestState& state = forest.state();
  if (X.cols != state.n_features) {
    raise("InputError", "X must have ", state.n_features, " columns, as in training, but has ", X.cols, ".");
  }
  std::vector<int64_t> leaf(state.feature.size(), 0);
  for (size_t t = 0; t + 1 < state.node_start.size(); ++t) {
    for (auto i = static_cast<size_t>(state.node_start[t]); i < static_cast<size_t>(state.node_start[t + 1]);
         ++i) {
      if (state.feature[i] < 0) leaf[i] = (state.leaf_start[t] + state.left[i]) * state.n_classes;
    }
  }
  TreesToMove trees;
  trees.tree_start = state.node_start;
  trees.feature = state.feature;
  trees.threshold = state.threshold;
  trees.left = state.left;
  trees.missing_left = state.missing_left;
  trees.leaf = leaf;
  trees.values = state.leaf_share;
  trees.width = state.n_classes;
  return tree_moves(trees, X, score, Link::kMean, static_cast<double>(forest.n_trees()), moves, threads,
                    stop);
}

}  // namespace smctrain::models
