#include "smctrain/splits/temporal.h"

#include <algorithm>
#include <limits>

#include "smctrain/base/error.h"

namespace smctrain::splits {

std::vector<Fate> forward_split(const Timeline& time, Window test, int64_t width, const Distance& gap) {
  const Stamps& stamps = time.stamps();
  check(test, stamps);
  const int64_t limit = stamps.before(test.first, gap);
  int64_t oldest = 0;  // stamp
  if (width > 0) {
    const int64_t allowed = std::min(test.first, stamps.at_or_after(limit));  // stamps before the limit
    oldest = std::max<int64_t>(0, allowed - width);
  }
  std::vector<Fate> fates(static_cast<size_t>(time.size()), Fate::kUnused);
  time.for_rows_of(oldest, test.first, [&](int64_t row) {
    fates[static_cast<size_t>(row)] = time.t1(row) < limit ? Fate::kTrain : Fate::kPurged;
  });
  time.for_rows_of(test.first, test.last,
                   [&](int64_t row) { fates[static_cast<size_t>(row)] = Fate::kTest; });
  return fates;
}

std::vector<Part> temporal_split(const Timeline& time, int64_t validation_first, int64_t test_first,
                                 const Distance& gap) {
  const Stamps& stamps = time.stamps();
  if (validation_first < 1 || test_first < validation_first || test_first >= stamps.size()) {
    raise("TooFewRows", "there are ", stamps.size(),
          " decision stamps, too few for a train, a validation and a test part of the given shares.");
  }
  const int64_t train_limit = stamps.before(validation_first, gap);
  const int64_t validation_limit = stamps.before(test_first, gap);
  std::vector<Part> parts(static_cast<size_t>(time.size()), Part::kPurged);
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const int64_t stamp = time.stamp_of(row);
    if (stamp >= test_first) {
      parts[i] = Part::kTest;
    } else if (stamp >= validation_first) {
      if (time.t1(row) < validation_limit) parts[i] = Part::kValidation;
    } else if (time.t1(row) < train_limit && time.t1(row) < validation_limit) {
      parts[i] = Part::kTrain;
    }
  }
  return parts;
}

}  // namespace smctrain::splits
