// Column transforms: what is learned from rows, and how it is applied to others.
//
//   rows      the rows statistics come from, or that are transformed; no other row is read
//   missing   NaN or infinite
//   program   for each output column: which input column, and the numbers that turn it into output
//
// Applying, value by value: missing -> fill; clip to [low, high]; (x - center) / scale. A fill of NaN leaves
// missing values missing. What would be too large for the type becomes its largest number. Behind these
// columns come indicators: 1 where the source is missing, else 0.
//
// Statistics are of the values present. Means and squares are summed over rows in the order given, in two
// passes; quantiles interpolate linearly, as numpy's default. Work is split by column (fitting) or by row
// (applying), so no result depends on the number of threads. Cost: O(rows x columns), quantiles by selection.
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
  kConstantAfterClip,
  kZeroScale
};

struct ColumnProgram {
  std::vector<int64_t> kept;  // ascending input columns
  std::vector<double> fill, low, high, center, scale;
  std::vector<int64_t> indicators;  // input columns, ascending

  int64_t width() const { return static_cast<int64_t>(kept.size() + indicators.size()); }
};

// Of each column. NaN where no value is present.
struct ColumnNumbers {
  std::vector<int64_t> count;                  // values present in rows of positive weight
  std::vector<double> mean, deviation;         // weighted; the deviation is unbiased: see describe()
  std::vector<double> minimum, maximum;        // of rows of positive weight
  std::vector<std::vector<double>> quantiles;  // one vector for each share asked for; unweighted
};

// deviation^2 = sum w (x - mean)^2 / (W - sum w^2 / W), W = sum w: n - 1 in the denominator for equal
// weights, the same for w and 2 w. 0 for a constant column. `weight` is empty or has one entry for each of
// `rows`.
template <class T>
ColumnNumbers describe(MatrixView<const T> X, std::span<const int64_t> rows, std::span<const double> weight,
                       std::span<const double> shares, int threads);

struct FilterSettings {
  double max_missing = 0.5;  // a column with a larger share is dropped
  bool constant = true;      // drop columns whose values present are all equal
  bool duplicates = true;    // drop columns that equal an earlier kept one, missing values included
};

struct Filtered {
  std::vector<Drop> drop;             // of every column; all-missing columns always go
  std::vector<int64_t> duplicate_of;  // of a duplicate: the kept column it equals; else -1
};

template <class T>
Filtered filter_columns(MatrixView<const T> X, std::span<const int64_t> rows, const FilterSettings& settings,
                        int threads);

// Among columns still kept, those that equal an earlier kept one over `rows`, missing values included.
template <class T>
void mark_duplicates(MatrixView<const T> X, std::span<const int64_t> rows, int threads, Filtered& result);

// Columns of `columns` whose pattern of missing values over `rows` occurs in no earlier one of them.
template <class T>
std::vector<int64_t> distinct_patterns(MatrixView<const T> X, std::span<const int64_t> rows,
                                       std::span<const int64_t> columns);

// out is rows x program.width(), row-major.
template <class T>
void apply(MatrixView<const T> X, std::span<const int64_t> rows, const ColumnProgram& program, int threads,
           T* out);

// x * scale + center for every value; out is X.rows x X.cols, row-major.
template <class T>
void restore(MatrixView<const T> X, std::span<const double> center, std::span<const double> scale,
             int threads, T* out);

// Raises InputError for a row out of [0, n).
void check_rows(std::span<const int64_t> rows, int64_t n);
// Raises InputError when X lacks a column.
void check_columns(std::span<const int64_t> columns, int64_t cols);

}  // namespace smctrain::prepare
