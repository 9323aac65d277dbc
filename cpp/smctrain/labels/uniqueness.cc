#include "smctrain/labels/uniqueness.h"

#include <algorithm>

#include "smctrain/base/error.h"

namespace smctrain::labels {

std::vector<double> uniqueness(std::span<const int64_t> t0, std::span<const int64_t> t1) {
  if (t0.size() != t1.size()) {
    raise("InputError", "t0 and t1 must have the same length, but have ", t0.size(), " and ", t1.size(), ".");
  }
  if (t0.empty()) return {};
  for (size_t i = 0; i < t0.size(); ++i) {
    if (t1[i] <= t0[i]) {
      raise("InputError", "t1 must be later than t0, but label ", i, " is (", t0[i], ", ", t1[i],
            "). Pass only rows whose status is ok.");
    }
  }
  const int64_t first = *std::min_element(t0.begin(), t0.end()) + 1;
  const int64_t last = *std::max_element(t1.begin(), t1.end());
  constexpr uint64_t kLongest = uint64_t{1} << 28;
  const uint64_t span = static_cast<uint64_t>(last) - static_cast<uint64_t>(first);  // of any two int64
  if (span >= kLongest) {
    raise("InputError", "t0 and t1 must be row indices, but span ", span, " rows; were times passed?");
  }
  const auto length = static_cast<size_t>(last - first + 1);
  std::vector<int64_t> change(length + 1, 0);
  for (size_t i = 0; i < t0.size(); ++i) {
    ++change[static_cast<size_t>(t0[i] + 1 - first)];
    --change[static_cast<size_t>(t1[i] + 1 - first)];
  }
  std::vector<double> sum(length + 1, 0.0);
  int64_t covering = 0;
  for (size_t b = 0; b < length; ++b) {
    covering += change[b];
    sum[b + 1] = sum[b] + (covering > 0 ? 1.0 / static_cast<double>(covering) : 0.0);
  }
  std::vector<double> out(t0.size());
  for (size_t i = 0; i < t0.size(); ++i) {
    const double total =
        sum[static_cast<size_t>(t1[i] + 1 - first)] - sum[static_cast<size_t>(t0[i] + 1 - first)];
    out[i] = total / static_cast<double>(t1[i] - t0[i]);
  }
  return out;
}

}  // namespace smctrain::labels
