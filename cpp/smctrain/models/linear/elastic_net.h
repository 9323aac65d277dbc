// Lasso and elastic net along a path of penalties, by coordinate descent with warm starts.
//
//   min  1/2 sum share (y - b0 - z b)^2 + alpha (l1_ratio |b|_1 + (1 - l1_ratio) / 2 |b|^2)
//
//   solvers   d < n and d <= 4096: descent on the gram (`descend`), the rows are read once;
//             else on residuals: columns are walked, the gram is never formed
//   stop      duality gap at most tol * mean square of the centred target (as scikit-learn)
//   path      alphas in descending order, each starts from the solution before; a grid when none are given,
//   from the
//             smallest alpha with b = 0 down to eps times it
//
// Cost: n d^2 once, then d (changed coordinates) a sweep; with residuals n d a sweep.
// Source: Friedman, Hastie, Tibshirani (2010); gap: Kim et al., "An Interior-Point Method for Large-Scale
// l1-Regularized Least Squares" (2007), for the elastic net as lasso with d extra rows.
#pragma once

#include <span>

#include "smctrain/base/progress.h"
#include "smctrain/models/linear/design.h"
#include "smctrain/models/linear/path.h"

namespace smctrain::models::linear {

struct ElasticNetSettings {
  double l1_ratio = 1.0;       // in (0, 1]
  std::vector<double> alphas;  // positive, descending; empty: a grid
  int64_t n_alphas = 100;
  double eps = 1e-3;
  double tol = 1e-6;
  int64_t max_iter = 10'000;  // sweeps an alpha
  Progress progress;          // after every alpha
};

PathResult fit_elastic_net(const Design& design, std::span<const double> y,
                           const ElasticNetSettings& settings, const StopToken& stop);

}  // namespace smctrain::models::linear
