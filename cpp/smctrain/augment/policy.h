// How many copies of which rows, made in which way: exactly the promised number, class shares kept.
//
//   stratified   every class gets copies in proportion to its rows (largest remainder), and every row of a
//   class
//                equally often but for the remainder, which is drawn.
//   methods      equal parts jitter, row shift and dropout; what does not divide goes to jitter. Without an
//   order in
//                time there is no row shift. A row without an older row in its segment is jittered instead.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/augment/columns.h"
#include "smctrain/base/rng.h"
#include "smctrain/base/view.h"

namespace smctrain::augment {

enum class Method : uint8_t { kOriginal, kJitter, kShift, kDropout, kSmote };

struct CopyOptions {
  bool order_is_time = false;
  double std = 0.15;
  int64_t max_shift = 2;
  double dropout_rate = 0.1;
};

struct CopiedRows {
  std::vector<double> x;         // copies x columns
  std::vector<int64_t> parents;  // copies x 2: source of the features, source of the label
  std::vector<uint8_t> method;
};

// classes: codes 0..n_classes-1 per row; segment may be empty.
CopiedRows copy_rows(const MatrixView<const double>& x, std::span<const Column> columns,
                     std::span<const int64_t> classes, std::span<const int32_t> segment, int64_t copies,
                     const CopyOptions& options, Philox& random);

// Largest-remainder shares of `total` in proportion to `counts`; ties go to the earlier entry.
std::vector<int64_t> largest_remainder(std::span<const int64_t> counts, int64_t total);

}  // namespace smctrain::augment
