// Permutation importance of a forest: see models/moves.h.
#pragma once

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/forest/forest.h"
#include "smctrain/models/moves.h"

namespace smctrain::models {

// Scores of the forest's class shares or means. Raises InputError where X, the moves or the score do not fit.
MovedScores moved_scores(const Forest& forest, MatrixView<const float> X, const Score& score,
                         const Moves& moves, int threads, const StopToken& stop);

}  // namespace smctrain::models
