#include "smctrain/splits/temporal.h"

#include <algorithm>
#include <limits>

#include "smctrain/base/error.h"

namespace smctrain::splits {

std::vector<Fate> forward_split(const Intervals& intervals, const Stamps& stamps, int64_t first, int64_t last,
                                int64_t window, const Distance& gap) {
  if (first < 0 || last > stamps.size() || first >= last) {
    raise("InputError", "a test window must hold stamps of 0..", stamps.size() - 1, ", but is ", first, "..",
          last - 1, ".");
  }
  const int64_t limit = stamps.before(first, gap);
  int64_t oldest = std::numeric_limits<int64_t>::min();
  if (window > 0) {
    int64_t allowed = 0;  // stamps before the limit
    while (allowed < first && stamps.value(allowed) < limit) ++allowed;
    oldest = stamps.value(std::max<int64_t>(0, allowed - window));
  }
  std::vector<Fate> fates(static_cast<size_t>(intervals.size()), Fate::kUnused);
  for (size_t i = 0; i < fates.size(); ++i) {
    const int64_t stamp = stamps.of_row()[i];
    if (stamp >= first && stamp < last) {
      fates[i] = Fate::kTest;
    } else if (stamp < first && intervals.t0[i] >= oldest) {
      fates[i] = intervals.t1[i] < limit ? Fate::kTrain : Fate::kPurged;
    }
  }
  return fates;
}

std::vector<Part> temporal_split(const Intervals& intervals, const Stamps& stamps, int64_t validation_first,
                                 int64_t test_first, const Distance& gap) {
  if (validation_first < 1 || test_first < validation_first || test_first >= stamps.size()) {
    raise("TooFewRows", "there are ", stamps.size(),
          " decision stamps, too few for a train, a validation and a test part of the given shares.");
  }
  const int64_t train_limit = stamps.before(validation_first, gap);
  const int64_t validation_limit = stamps.before(test_first, gap);
  std::vector<Part> parts(static_cast<size_t>(intervals.size()), Part::kPurged);
  for (size_t i = 0; i < parts.size(); ++i) {
    const int64_t stamp = stamps.of_row()[i];
    if (stamp >= test_first) {
      parts[i] = Part::kTest;
    } else if (stamp >= validation_first) {
      if (intervals.t1[i] < validation_limit) parts[i] = Part::kValidation;
    } else if (intervals.t1[i] < train_limit && intervals.t1[i] < validation_limit) {
      parts[i] = Part::kTrain;
    }
  }
  return parts;
}

}  // namespace smctrain::splits
