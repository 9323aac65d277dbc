// Sequential bootstrap: draws labels with replacement, preferring those that overlap little with what is
// drawn.
//
//   d_b    draws so far that cover bar b.        v_i    mean of 1/(1+d_b) over label i's bars.
//   draw   label i with probability v_i / sum of v: the first label (in the caller's order) whose cumulative
//   v
//          exceeds u * total, u uniform from Philox(seed, "labels/sequential_bootstrap").
//   after  d_b += 1 on the drawn label's bars. Each of them lowers the share 1/(1+d_b) by a step; prefix sums
//   of
//          these steps give every overlapping label its new v in O(1). Overlapping labels are found in order
//          of their first bar, with a running maximum of the last.
//
// The v live in a Fenwick tree: a draw is a walk down the tree; a change costs O(log n), and where most
// labels change the tree is rebuilt in O(n). All v are recomputed every 1,024 draws, so that rounding does
// not pile up. A draw costs O(bars + overlapping labels * log n); memory is O(labels + covered range).
// Source: Lopez de Prado (2018), section 4.5, whose algorithm uses a dense bars x labels table.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/labels/coverage.h"

namespace smctrain::labels {

class SequentialBootstrap {
 public:
  // The arrays must outlive the object.
  SequentialBootstrap(std::span<const int64_t> t0, std::span<const int64_t> t1);

  // Label that the uniform number u in [0, 1) picks.
  int64_t pick(double u) const;
  // Counts label i as drawn.
  void take(int64_t i);
  // v of every label; a label's probability is its share of the sum.
  const std::vector<double>& values() const { return value_; }

 private:
  void recompute();
  void rebuild_tree();
  void add(size_t i, double change);

  std::span<const int64_t> t0_, t1_;
  Coverage cover_;
  std::vector<int64_t> drawn_;   // d_b
  std::vector<int64_t> order_;   // labels by first bar
  std::vector<int64_t> start_;   // t0 in that order
  std::vector<int64_t> latest_;  // running maximum of t1 in that order
  std::vector<double> value_, tree_, prefix_;
  size_t top_ = 1;  // largest power of two not above the number of labels
  int64_t taken_ = 0;
};

std::vector<int64_t> sequential_bootstrap(std::span<const int64_t> t0, std::span<const int64_t> t1,
                                          int64_t size, uint64_t seed, const StopToken& stop = StopToken());

}  // namespace smctrain::labels
