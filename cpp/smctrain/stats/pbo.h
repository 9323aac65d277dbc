// Probability of backtest overfitting by combinatorially symmetric cross-validation (CSCV).
//
//   matrix   T x N: performance of N configurations per period
//   blocks   S even; the T mod S oldest rows are dropped; every choice of S/2 blocks is in-sample once
//   n*       configuration with the best in-sample mean (the first on ties)
//   w        rank of n* out of sample / (N + 1), average rank on ties;  logit = ln(w / (1 - w))
//   PBO      share of logits <= 0: how often the in-sample winner ends in the worse half
//
// `purge` rows at the end of each block but the last are left out: their labels reach into the next block.
// About 0.5 on noise and also when all configurations are equally good; reported, never deciding.
// O(T N + C(S, S/2) S N). Source: Bailey, Borwein, Lopez de Prado and Zhu (2017).
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::stats {

struct PboResult {
  double pbo;
  std::vector<double> logits;  // one per choice of in-sample blocks, in lexicographic order
};

PboResult pbo(MatrixView<const double> matrix, int64_t n_blocks, int64_t purge, const StopToken& stop);

}  // namespace smctrain::stats
