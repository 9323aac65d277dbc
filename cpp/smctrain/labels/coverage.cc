#include "smctrain/labels/coverage.h"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "smctrain/base/error.h"

namespace smctrain::labels {

Coverage label_coverage(std::span<const int64_t> t0, std::span<const int64_t> t1) {
  if (t0.size() != t1.size()) {
    raise("InputError", "t0 and t1 must have the same length, but have ", t0.size(), " and ", t1.size(), ".");
  }
  Coverage out;
  if (t0.empty()) return out;
  if (t0.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    raise("InputError", "t0 must have less than 2^31 labels, but has ", t0.size(), ".");
  }
  int64_t lowest = t0[0];
  int64_t last = t1[0];
  for (size_t i = 0; i < t0.size(); ++i) {
    if (t1[i] <= t0[i]) {
      raise("InputError", "t1 must be later than t0, but label ", i, " is (", t0[i], ", ", t1[i],
            "). Pass only rows whose status is ok.");
    }
    lowest = std::min(lowest, t0[i]);
    last = std::max(last, t1[i]);
  }
  constexpr int64_t kLongest = int64_t{1} << 28;
  // The first test keeps the difference below from overflowing.
  if (lowest < -kLongest || last - kLongest > lowest) {
    raise("InputError", "t0 and t1 must be row indices, but reach from ", lowest, " to ", last,
          "; were times passed?");
  }
  out.first = lowest + 1;
  out.count.assign(static_cast<size_t>(last - lowest) + 1, 0);
  for (size_t i = 0; i < t0.size(); ++i) {
    ++out.count[out.begin(t0[i])];
    --out.count[out.end(t1[i])];
  }
  int32_t covering = 0;
  for (auto& count : out.count) count = covering += count;
  out.count.pop_back();  // the bar after the last label: nothing covers it
  return out;
}

}  // namespace smctrain::labels
