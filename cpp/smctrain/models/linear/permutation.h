// Permutation importance of linear models: see models/moves.h. A moved column changes a score by
// coef x (its new value - its old one). Cost: rows x repeats x columns x scores.
#pragma once

#include <span>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/moves.h"

namespace smctrain::models::linear {

// coefs: intercepts x columns of X.
MovedScores moved_scores(std::span<const double> coefs, std::span<const double> intercepts, Link link,
                         MatrixView<const float> X, const Score& score, const Moves& moves, int threads,
                         const StopToken& stop);

}  // namespace smctrain::models::linear
