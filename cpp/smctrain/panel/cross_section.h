// Where a symbol stands among all symbols at one moment.
//
//   cross-section   the finite values of one column at one stamp, n of them; NaN and infinities do not count,
//                   nor do rows that the caller excludes. Fewer than `min_count`: every result is NaN.
//   rank            (average rank - 1) / (n - 1), ranks from 1, ties share their average: 0 is the lowest, 1
//   the
//                   highest, the mean is exactly 1/2. n = 1 and all equal give 1/2.
//   z               (value - mean) / sd1; NaN if all values are equal, n < 2, or sd1 is beyond doubles.
//
// Values are sorted first and summed in that order, so that the results do not depend on the order or the
// names of the symbols, to the bit. O(rows log symbols) a column. Source: ranks scaled to an interval as in
// Gu, Kelly, Xiu, "Empirical Asset Pricing via Machine Learning" (RFS 2020), there [-1, 1].
#pragma once

#include <cstdint>
#include <span>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::panel {

struct CrossSection {
  int64_t min_count = 10;
  bool rank = true;
  bool z = true;
};

// start: first row of every stamp, and the number of rows. columns: which columns of `values`. where: 1 for
// rows that count (empty: all); the others get NaN. out: per column its rank, then its z, as far as wanted.
template <class T>
void cross_section(MatrixView<const T> values, std::span<const int64_t> start,
                   std::span<const int64_t> columns, std::span<const uint8_t> where,
                   const CrossSection& options, MatrixView<T> out, const StopToken& stop = StopToken());

}  // namespace smctrain::panel
