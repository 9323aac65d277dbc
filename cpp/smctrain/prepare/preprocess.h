// Fold hygiene: bad columns out, missing values in, outliers clipped, columns scaled. Fitted on training rows
// only.
//
//   fit rows   rows the statistics come from; no other row is read while fitting
//   missing    NaN or infinite
//   kept       columns that survive; dropped alike wherever the fitted object is applied
//
// Fitting, in this order, column by column: infinite -> missing; drop all-missing, more than half missing,
// constant, exact duplicate of an earlier kept column; median of the finite values in place of missing ones;
// clip to the quantiles [low, high] of the imputed column; mean and standard deviation (n - 1) of the clipped
// column; a column that clipping made constant is dropped, too. Quantiles interpolate linearly, as numpy's
// default. Cost: one sort a column. Definition: validation.md section 2.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::prepare {

enum class Drop : int8_t {
  kKept = 0,
  kAllMissing,
  kMostlyMissing,
  kConstant,
  kDuplicate,
  kConstantAfterClip
};

struct PreprocessSettings {
  double max_missing = 0.5;  // a column with a larger share is dropped
  double clip_low = 0.001;
  double clip_high = 0.999;
};

// What applying needs, for each kept column.
struct ColumnStatistics {
  std::vector<int64_t> kept;  // ascending column numbers
  std::vector<double> median, low, high, mean, scale;
};

struct Preprocessing {
  ColumnStatistics columns;
  std::vector<Drop> drop;             // of every column
  std::vector<int64_t> duplicate_of;  // of a duplicate: the kept column it equals; else -1
};

// Raises TooFewRows below two fit rows, TooFewColumns when no column is left, InputError for rows out of
// range.
Preprocessing fit_preprocessing(MatrixView<const float> X, std::span<const int64_t> fit_rows,
                                const PreprocessSettings& settings, int threads);

// Kept columns, imputed, clipped and scaled, of the given rows: out is rows x kept, row-major.
void transform(MatrixView<const float> X, std::span<const int64_t> rows, const ColumnStatistics& columns,
               int threads, float* out);

// Kept columns only; infinite becomes NaN and NaN stays.
void select(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const int64_t> kept,
            int threads, float* out);

}  // namespace smctrain::prepare
