// Interleaved e-process: a bettor who starts with 1 and bets on each prediction; on noise the money does not
// grow.
//
//   stream j   rows t = j mod h, h = longest label in rows: within a stream no two labels overlap
//   bet        wealth factor 1 + lam * D for lam in {0.05, 0.1, 0.2, 0.3}
//              constant odds q0:   D = (1{right} - q0) / max(q0, 1 - q0); q0 = 1/2 gives +1 / -1
//              class odds:         the same with q = share of the predicted class, the larger of its training
//              share
//                                  and its share among out-of-sample labels resolved by row t (rows i <= t -
//                                  h), kept within [0.05, 0.95]
//   E_T        mean over models, streams and lam of the wealth after rows t <= T; E_0 = 1 stands first
//
// E_end is an e-value: on noise P(E_end >= 1/a) <= a. A row without a prediction (a code outside 0..K-1) is
// not bet on. Wealth is capped at 1e250, which only gives money away. A binary tree over streams keeps the
// mean exact without re-adding: O(n (k + log h)). Source: validation by betting (Shafer 2021; Waudby-Smith
// and Ramdas 2024), streams against label overlap.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::stats {

struct EProcessSettings {
  int64_t horizon = 1;
  double baseline = 0.5;                 // q0, used when train_shares is empty
  std::span<const double> train_shares;  // per class code; empty: constant odds
};

// path[0] = 1, path[t + 1] = E after row t.
std::vector<double> e_process(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                              int64_t n_classes, const EProcessSettings& settings);

}  // namespace smctrain::stats
