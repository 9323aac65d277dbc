// Fold hygiene: bad columns out, missing values in, outliers clipped, columns scaled. Fitted on training rows
// only.
//
//   fit rows   rows the statistics come from; no other row is read while fitting
//   missing    NaN or infinite
//   kept       columns that survive; dropped alike wherever the fitted object is applied
//   indicator  1 where a column is missing: for kept columns that miss enough values
//
// Fitting, in this order, column by column: infinite -> missing; drop all-missing, more than half missing,
// constant, exact duplicate of an earlier kept column; median (or mean, or a constant) of the finite values
// in place of missing ones; clip to the quantiles [low, high] of the imputed column; center and scale of the
// clipped column: mean and standard deviation (n - 1), or median and interquartile range, or minimum and
// range. A column that clipping made constant is dropped, too, and so is one whose scale is zero. Indicators
// are neither clipped nor scaled; one of several with the same pattern stays. Quantiles interpolate linearly,
// as numpy's default. Cost: one sort a column. Definition: validation.md section 2.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "smctrain/base/view.h"
#include "smctrain/prepare/columns.h"

namespace smctrain::prepare {

enum class Impute : int8_t { kMedian = 0, kMean, kConstant, kNone };
enum class Scale : int8_t { kStandard = 0, kRobust, kMinMax, kNone };

struct PreprocessSettings {
  double max_missing = 0.5;  // a column with a larger share is dropped
  bool clips = true;
  double clip_low = 0.001;
  double clip_high = 0.999;
  Impute impute = Impute::kMedian;
  double fill = 0.0;  // of Impute::kConstant
  Scale scale = Scale::kStandard;
  // Least share of missing values that earns an indicator; beyond 1: none.
  double indicator = std::numeric_limits<double>::infinity();
};

struct Preprocessing {
  ColumnProgram columns;
  std::vector<Drop> drop;             // of every column
  std::vector<int64_t> duplicate_of;  // of a duplicate: the kept column it equals; else -1
};

// Raises TooFewRows below two fit rows, TooFewColumns when no column is left, InputError for rows out of
// range.
Preprocessing fit_preprocessing(MatrixView<const float> X, std::span<const int64_t> fit_rows,
                                const PreprocessSettings& settings, int threads);

// Kept columns only; infinite becomes NaN and NaN stays.
void select(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const int64_t> kept,
            int threads, float* out);

}  // namespace smctrain::prepare
