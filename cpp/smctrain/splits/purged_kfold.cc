#include "smctrain/splits/purged_kfold.h"

#include <algorithm>

#include "smctrain/base/error.h"

namespace smctrain::splits {

std::vector<int64_t> group_borders(int64_t n_stamps, int64_t n_groups) {
  if (n_groups < 2) raise("InputError", "the number of folds must be at least 2, but is ", n_groups, ".");
  if (n_groups > n_stamps) {
    raise("TooFewRows", "there are ", n_stamps, " decision stamps, too few for ", n_groups, " folds.");
  }
  std::vector<int64_t> borders(static_cast<size_t>(n_groups) + 1, 0);
  for (int64_t g = 0; g < n_groups; ++g) {
    borders[static_cast<size_t>(g) + 1] =
        borders[static_cast<size_t>(g)] + n_stamps / n_groups + (g < n_stamps % n_groups ? 1 : 0);
  }
  return borders;
}

std::vector<Fate> group_split(const Intervals& intervals, const Stamps& stamps, int64_t n_groups,
                              std::span<const int64_t> test_groups, const Distance& embargo) {
  const auto borders = group_borders(stamps.size(), n_groups);
  std::vector<uint8_t> chosen(static_cast<size_t>(n_groups), 0);
  for (const int64_t group : test_groups) {
    if (group < 0 || group >= n_groups)
      raise("InputError", "test group ", group, " is not in 0..", n_groups - 1, ".");
    chosen[static_cast<size_t>(group)] = 1;
  }
  const auto n = static_cast<size_t>(intervals.size());
  std::vector<uint8_t> is_test(n, 0);
  for (size_t i = 0; i < n; ++i) {
    const int64_t stamp = stamps.of_row()[i];
    const auto group = std::upper_bound(borders.begin(), borders.end(), stamp) - borders.begin() - 1;
    is_test[i] = chosen[static_cast<size_t>(group)];
  }
  return purge_and_embargo(intervals, stamps, is_test, embargo);
}

}  // namespace smctrain::splits
