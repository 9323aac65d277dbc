#include "smctrain/augment/columns.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace smctrain::augment {

std::vector<Column> describe_columns(const MatrixView<const double>& x, std::span<const uint8_t> forced) {
  std::vector<Column> columns(static_cast<size_t>(x.cols));
  for (int64_t j = 0; j < x.cols; ++j) {
    Column& column = columns[static_cast<size_t>(j)];
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    double sum = 0.0;
    int64_t count = 0;
    bool whole = true;
    for (int64_t i = 0; i < x.rows; ++i) {
      const double value = x(i, j);
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
      sum += value;
      ++count;
      whole = whole && value == std::round(value);
    }
    if (count == 0) continue;
    column.low = low;
    column.high = high;
    column.mean = sum / static_cast<double>(count);
    double squares = 0.0;
    int64_t at_low = 0;
    int64_t at_high = 0;
    for (int64_t i = 0; i < x.rows; ++i) {
      const double value = x(i, j);
      if (!std::isfinite(value)) continue;
      squares += (value - column.mean) * (value - column.mean);
      at_low += value == low ? 1 : 0;
      at_high += value == high ? 1 : 0;
    }
    if (count > 1) column.sd = std::sqrt(squares / static_cast<double>(count - 1));
    const bool two_values = low == high || at_low + at_high == count;
    column.discrete = whole || two_values || (!forced.empty() && forced[static_cast<size_t>(j)] != 0);
    column.neutral = column.mean;
    if (two_values) {
      column.neutral = at_high > at_low ? high : low;
    } else if (column.discrete) {
      // The value that occurs nearest the mean: on the column's own lattice, whatever its scale.
      double best = low;
      for (int64_t i = 0; i < x.rows; ++i) {
        const double value = x(i, j);
        if (std::isfinite(value) && std::abs(value - column.mean) < std::abs(best - column.mean))
          best = value;
      }
      column.neutral = best;
    }
  }
  return columns;
}

}  // namespace smctrain::augment
