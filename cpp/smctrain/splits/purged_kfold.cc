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

void check(const Window& window, const Stamps& stamps) {
  if (window.first < 0 || window.last > stamps.size() || window.first >= window.last) {
    raise("InputError", "a test window must hold stamps of 0..", stamps.size() - 1, ", but is ", window.first,
          "..", window.last - 1, ".");
  }
}

std::vector<Fate> window_split(const Timeline& time, std::span<const Window> test, const Rules& rules) {
  std::vector<Fate> fates(static_cast<size_t>(time.size()), Fate::kTrain);
  for (const Window& window : test) {
    check(window, time.stamps());
    time.for_rows_of(window.first, window.last,
                     [&](int64_t row) { fates[static_cast<size_t>(row)] = Fate::kTest; });
  }
  purge(time, rules, fates);
  return fates;
}

std::vector<Fate> symbol_split(const Timeline& time, std::span<const int64_t> symbol, int64_t held_out,
                               Window window, bool strict, const Distance& gap, const Rules& rules) {
  check(window, time.stamps());
  const int64_t limit = time.stamps().before(window.first, gap);
  std::vector<Fate> fates(static_cast<size_t>(time.size()), Fate::kUnused);
  for (size_t i = 0; i < fates.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const int64_t stamp = time.stamp_of(row);
    if (symbol[i] == held_out) {
      if (stamp >= window.first && stamp < window.last) fates[i] = Fate::kTest;
    } else if (!strict) {
      fates[i] = Fate::kTrain;
    } else if (stamp < window.first) {
      fates[i] = time.t1(row) < limit ? Fate::kTrain : Fate::kPurged;
    }
  }
  if (!strict) purge(time, rules, fates);
  return fates;
}

}  // namespace smctrain::splits
