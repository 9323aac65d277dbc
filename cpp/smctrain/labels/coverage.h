// Which bars labels cover, and how many labels share each bar.
//
//   covered bars   a label (t0, t1) covers bars t0+1..t1: what moved between the decision and its end.
//   concurrency    c_b = number of labels that cover bar b, by a difference array: O(labels + covered range).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace smctrain::labels {

struct Coverage {
  int64_t first = 0;           // bar of the first entry
  std::vector<int32_t> count;  // labels that cover bar first + i

  size_t begin(int64_t t0) const { return static_cast<size_t>(t0 + 1 - first); }
  size_t end(int64_t t1) const { return static_cast<size_t>(t1 + 1 - first); }
};

// Raises InputError for labels without bars, arrays of different length, or rows that look like times.
Coverage label_coverage(std::span<const int64_t> t0, std::span<const int64_t> t1);

}  // namespace smctrain::labels
