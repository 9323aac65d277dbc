// Regression metrics: how far forecasts are from what happened, and whether their order is right.
//
//   R2         1 - sum (y - forecast)^2 / sum (y - training mean)^2: 0 is what forecasting the training mean
//   gives IC         information coefficient: Spearman's correlation of forecast and outcome, average ranks
//   Pearson    the same of the values
//   influence  what row t adds to the IC: u_t v_t - IC/2 (u_t^2 + v_t^2) on ranks u, v of mean 0 and
//   variance 1.
//              Its mean is 0; the long-run variance of its mean is that of the IC, overlapping labels
//              included.
//   rank IC    of a panel: the IC over the rows of one stamp, for each stamp
//   pinball    mean of max(q (y - f), (q - 1)(y - f)) for the quantile q; coverage: share of y <= f
//
// Quantities that do not exist are NaN. O(n log n). Definitions: validation.md section 4.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::metrics {

struct RegressionMetrics {
  double r2;
  double rmse;
  double mae;
  double bias;  // mean of forecast - y
  double ic;
  double pearson;
  std::vector<double> influence;  // of the IC; empty where there is none
};

RegressionMetrics regression_metrics(std::span<const double> y_true, std::span<const double> forecast,
                                     double train_mean);

struct StampIc {
  std::vector<int64_t> stamp;  // ascending
  std::vector<double> ic;      // NaN where one side has no spread
  std::vector<int64_t> rows;
};

// Stamps with fewer than `min_rows` rows are left out.
StampIc rank_ic(std::span<const double> y_true, std::span<const double> forecast,
                std::span<const int64_t> stamp, int64_t min_rows);

struct QuantileMetrics {
  std::vector<double> pinball;   // per level
  std::vector<double> coverage;  // per level
  int64_t crossings;             // rows whose quantiles are out of order
};

// forecasts: n x levels, levels ascending in (0, 1).
QuantileMetrics quantile_metrics(std::span<const double> y_true, MatrixView<const double> forecasts,
                                 std::span<const double> levels);

}  // namespace smctrain::metrics
