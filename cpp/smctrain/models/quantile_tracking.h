// Quantile tracking: predicted quantiles that follow their own coverage, row by row, whatever the data does.
//
//   predict   prediction of level q in row t, plus the shift of q so far
//   learn     once the outcome of row t is known, in row t + delay:
//             shift += rate * (q - 1)  if the outcome lay at or below the shifted prediction, else rate * q
//   order     levels of one row are sorted, so that they never cross
//
// No row's prediction uses an outcome that was not known by then. If every error of the predictions lies in
// [-b, b], the share of outcomes at or below a level q that never needs sorting is within
// (b + rate * (1 + delay)) / (rate * T) of q over T rows, without any assumption about the data. Source:
// Angelopoulos, Candes and Tibshirani, "Conformal PID control for time series prediction", NeurIPS 2023,
// section 2.1 (quantile tracking); delay and sorting are ours.
// Cost: rows x levels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::models {

struct TrackedQuantiles {
  std::vector<double> values;  // (rows, levels), ascending in every row
  std::vector<double> shift;   // levels: after the last row, outcomes known only later included
};

// `prediction` (rows, levels) with levels ascending; `shift` is where it starts. delay >= 1: 1 means that an
// outcome is known before the next row. Raises InputError for what contradicts itself or is not finite.
TrackedQuantiles track_quantiles(MatrixView<const double> prediction, std::span<const double> y,
                                 std::span<const double> levels, std::span<const double> shift, double rate,
                                 int64_t delay);

}  // namespace smctrain::models
