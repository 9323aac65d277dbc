#include "smctrain/models/boosting/permutation.h"

#include <numeric>

#include "smctrain/models/tree_moves.h"

namespace smctrain::models::boosting {

MovedScores moved_scores(const TreeEnsemble& ensemble, MatrixView<const float> X, const Score& score,
                         const Moves& moves, int threads, const StopToken& stop) {
  const TreeArrays& arrays = ensemble.arrays();
  std::vector<int64_t> rows(static_cast<size_t>(X.rows));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  check_rows(X, rows, arrays.n_features, "rows");
  std::vector<int64_t> leaf(arrays.feature.size());
  std::iota(leaf.begin(), leaf.end(), int64_t{0});
  TreesToMove trees;
  trees.tree_start = arrays.tree_offset;
  trees.feature = arrays.feature;
  trees.threshold = arrays.threshold;
  trees.left = arrays.left;
  trees.missing_left = arrays.default_left;
  trees.leaf = leaf;
  trees.values = arrays.value;
  trees.tree_sum = arrays.tree_class;
  trees.base = arrays.base_margin;
  trees.width = arrays.width();
  trees.equal_goes_left = false;
  trees.zero_is_missing = arrays.zero_is_missing;
  const Link link = arrays.n_classes == 2  ? Link::kLogistic
                    : arrays.n_classes > 2 ? Link::kSoftmax
                    : arrays.width() > 1   ? Link::kSorted
                                           : Link::kIdentity;
  return tree_moves(trees, X, score, link, 1.0, moves, threads, stop);
}

}  // namespace smctrain::models::boosting
