// Is the best of k models better than a benchmark, once the search over k is paid for?
//
//   d_m(t)    performance of model m less that of the benchmark in period t (larger is better), n periods
//   resample  stationary bootstrap of whole rows, so that the dependence between models survives
//   omega_m   sd of sqrt(n) mean(d_m) under that bootstrap, in closed form: g_0 + 2 sum_i kappa_i g_i,
//             kappa_i = (1 - i/n) (1 - 1/L)^i + (i/n) (1 - 1/L)^(n - i)
//   White     V = max_m sqrt(n) mean(d_m); resampled means less the sample means
//   SPA       T = max(0, max_m sqrt(n) mean(d_m) / omega_m); resampled means less g(mean), where g is the
//   mean itself
//             (upper p, the least favourable case), the mean where sqrt(n) mean / omega >= -sqrt(2 ln ln n)
//             and 0 elsewhere (consistent p: models that are clearly worse cannot spoil the test), max(mean,
//             0) (lower p)
//   StepM     models whose studentised statistic is above the (1 - level) quantile of the resampled maximum;
//   repeated
//             with the others until none is added: family-wise error rate at most `level`
//   MCS       models that cannot be told from the best: the worst, by t_i = mean(d_i.) / sd, d_i. = its loss
//   less the
//             mean loss of the set, leaves while the test of equal losses rejects
//   p         (1 + draws at least as large) / (draws + 1), never 0
//
// O(draws (n / L) k), MCS another O(draws k^2). Reported beside the verdict, never deciding: too liberal
// where few independent rows are left. Sources: White, Econometrica 68 (2000); Hansen, JBES 23 (2005); Romano
// and Wolf, Econometrica 73 (2005); Hansen, Lunde and Nason, Econometrica 79 (2011).
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/base/view.h"
#include "smctrain/stats/bootstrap.h"

namespace smctrain::stats {

struct SnoopingResult {
  std::vector<double> mean;
  std::vector<double> omega;
  int64_t best_model = 0;  // of the largest studentised statistic, the first on ties
  double white_statistic = 0.0;
  double white_p = 1.0;
  double spa_statistic = 0.0;
  double spa_lower_p = 1.0;
  double spa_p = 1.0;  // consistent
  double spa_upper_p = 1.0;
  std::vector<uint8_t> is_superior;     // StepM, per model
  std::vector<double> critical_values;  // StepM, per step
};

SnoopingResult data_snooping(MatrixView<const double> advantage, double level,
                             const BootstrapSettings& settings, const StopToken& stop);

// p per model; the set at `level` is every model with p > level. losses: n x k, smaller is better.
std::vector<double> model_confidence_set(MatrixView<const double> losses, const BootstrapSettings& settings,
                                         const StopToken& stop);

// Variance of sqrt(n) mean of the resampled series, the omega^2 above.
double stationary_bootstrap_variance(std::span<const double> values, double mean_block);

}  // namespace smctrain::stats
