// Permutation importance of boosted trees: see models/moves.h.
#pragma once

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/boosting/tree_ensemble.h"
#include "smctrain/models/moves.h"

namespace smctrain::models::boosting {

// Scores of probabilities, of values, or of quantiles in ascending order. Sums are in double, so that they
// may differ from margins of float32 in their last digits.
MovedScores moved_scores(const TreeEnsemble& trees, MatrixView<const float> X, const Score& score,
                         const Moves& moves, int threads, const StopToken& stop);

}  // namespace smctrain::models::boosting
