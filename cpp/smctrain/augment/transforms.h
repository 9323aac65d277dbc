// Copies of training rows: jitter, row shift, feature dropout.
//
//   jitter     x + std * sd_j * N(0, 1) on continuous columns, clipped to the training range.
//   dropout    every value becomes the column's neutral value with probability `rate`.
//   shift      features of an older row with the label of this one: 1..max_shift rows back in the same
//   segment. Never
//              a later row: it would put part of the label's path into the features.
//
// Every function writes one row per source and draws the same number of random values whatever the data
// holds.
#pragma once

#include <cstdint>
#include <span>

#include "smctrain/augment/columns.h"
#include "smctrain/base/rng.h"
#include "smctrain/base/view.h"

namespace smctrain::augment {

void jitter_row(std::span<const double> source, std::span<const Column> columns, double std, Philox& random,
                std::span<double> out);

void dropout_row(std::span<const double> source, std::span<const Column> columns, double rate, Philox& random,
                 std::span<double> out);

// The row to copy for `row`: itself when its segment has no older row. segment may be empty (one stretch).
int64_t shifted_row(int64_t row, std::span<const int32_t> segment, int64_t max_shift, Philox& random);

}  // namespace smctrain::augment
