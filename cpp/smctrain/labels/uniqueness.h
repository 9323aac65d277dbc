// Uniqueness of labels whose bars overlap.
//
//   covered bars   a label (t0, t1) covers bars t0+1..t1: what moved between the decision and its end.
//   concurrency    c_b = number of labels that cover bar b.
//   uniqueness     mean of 1/c_b over the label's bars: 1 when no other label shares a bar.
//
// Difference array for c, prefix sums of 1/c: O(labels + covered range). Source: Lopez de Prado (2018),
// ch. 4.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace smctrain::labels {

std::vector<double> uniqueness(std::span<const int64_t> t0, std::span<const int64_t> t1);

}  // namespace smctrain::labels
