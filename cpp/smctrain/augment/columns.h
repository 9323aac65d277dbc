// What augmentation must know about every column of the training rows.
//
//   discrete   flags, one-hot and integer columns: all finite values are whole numbers, or there are at most
//   two
//              different ones. Jitter leaves them alone; dropout gives them the value that occurs nearest the
//              mean (of two values: the more frequent one).
//   range      smallest and largest finite value; synthetic values are clipped to it.
//
// Non-finite values are missing: they enter no statistic and stay as they are. O(rows * columns).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::augment {

struct Column {
  double mean = 0.0;
  double sd = 0.0;  // ddof 1; 0 when fewer than two values
  double low = 0.0;
  double high = 0.0;
  double neutral = 0.0;  // what dropout writes
  bool discrete = true;
};

// forced: 1 where a column is discrete whatever it looks like; may be empty.
std::vector<Column> describe_columns(const MatrixView<const double>& x, std::span<const uint8_t> forced);

}  // namespace smctrain::augment
