// Weights of labels whose bars overlap (`coverage.h` says which bars a label covers).
//
//   uniqueness     mean of 1/c_b over the label's bars: 1 when no other label shares a bar.
//   return share   |sum of r_b/c_b| over the label's bars, r_b = ln(C[b]/C[b-1]), rescaled to mean 1: labels
//                  count by the part of the move that is theirs. All equal to 1 where no price moved.
//
// Prefix sums of 1/c and r/c: O(labels + covered range). Source: Lopez de Prado (2018), ch. 4.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/bars/bar.h"

namespace smctrain::labels {

void uniqueness(std::span<const int64_t> t0, std::span<const int64_t> t1, std::span<double> out);

std::vector<double> return_weights(const BarsView& bars, std::span<const int64_t> t0,
                                   std::span<const int64_t> t1);

}  // namespace smctrain::labels
