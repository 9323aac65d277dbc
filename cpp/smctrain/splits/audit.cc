#include "smctrain/splits/audit.h"

#include <algorithm>

namespace smctrain::splits {

namespace {

constexpr size_t kNamed = 10;         // rows named per leak
constexpr size_t kAllPairs = 20'000;  // up to here every pair is compared
constexpr uint8_t kTrainSide = 1;
constexpr uint8_t kTestSide = 2;

void add(Leak& leak, int64_t row) {
  if (leak.rows.size() < kNamed) leak.rows.push_back(row);
  ++leak.count;
}

// Marks the rows of both sides; faults of single rows, the first kind found.
Leak mark(const Timeline& time, std::span<const int64_t> train, std::span<const int64_t> test,
          std::vector<uint8_t>& sides) {
  Leak absent{"no such row", {}, {}, 0};
  Leak twice{"duplicate row", {}, {}, 0};
  Leak both{"row in both", {}, {}, 0};
  Leak open{"label without t1", {}, {}, 0};
  const auto size = static_cast<uint64_t>(time.size());
  const auto take = [&](int64_t row, uint8_t side) {
    if (static_cast<uint64_t>(row) >= size) return add(absent, row);
    uint8_t& seen = sides[static_cast<size_t>(row)];
    if ((seen & side) != 0) return add(twice, row);
    if (seen != 0) add(both, row);
    seen |= side;
    if (time.t0(row) == kMissing || time.t1(row) < time.t0(row)) add(open, row);
  };
  for (const int64_t row : test) take(row, kTestSide);
  for (const int64_t row : train) take(row, kTrainSide);
  for (Leak* leak : {&absent, &twice, &both, &open}) {
    if (leak->count > 0) return std::move(*leak);
  }
  return {};
}

class Overlaps {
 public:
  Overlaps(const Timeline& time, std::span<const int64_t> train, std::span<const int64_t> test,
           const Distance& lookback)
      : time_(time), test_(test), lookback_(lookback), all_pairs_(train.size() * test.size() <= kAllPairs) {
    if (all_pairs_) return;
    if (std::is_sorted(test.begin(), test.end(),
                       [&](int64_t a, int64_t b) { return time.t0(a) < time.t0(b); })) {
      for (const int64_t row : test) segments_.add(time.t0(row), time.t1(row));
      return;
    }
    std::vector<int64_t> order(test.begin(), test.end());
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return time.t0(a) < time.t0(b); });
    for (const int64_t row : order) segments_.add(time.t0(row), time.t1(row));
  }

  bool has(int64_t row) {
    if (all_pairs_) return partner(row) >= 0;
    const int64_t start = start_of(row);
    // Rows mostly come in the order of time, so the search goes on where it ended.
    if (start < latest_) place_ = segments_.first_reaching(start);
    latest_ = start;
    while (place_ < segments_.size() && segments_.end(place_) < start) ++place_;
    return place_ < segments_.size() && segments_.start(place_) <= time_.t1(row);
  }

  // A test row that overlaps, if possible one of the same moment; -1: none.
  int64_t partner(int64_t row) const {
    const int64_t start = start_of(row);
    int64_t found = -1;
    for (const int64_t other : test_) {
      if (start > time_.t1(other) || time_.t0(other) > time_.t1(row)) continue;
      if (time_.t0(other) == time_.t0(row)) return other;
      if (found < 0) found = other;
    }
    return found;
  }

 private:
  int64_t start_of(int64_t row) const {
    return lookback_.none() ? time_.t0(row) : time_.stamps().back(time_.stamp_of(row), lookback_);
  }

  const Timeline& time_;
  std::span<const int64_t> test_;
  Distance lookback_;
  bool all_pairs_;
  Segments segments_;
  size_t place_ = 0;
  int64_t latest_ = kMissing;
};

// The test rows of one moment, to tell a moment on both sides from an overlap; made only once a fault is
// known.
Leak stamp_in_both(const Timeline& time, std::span<const int64_t> train, std::span<const int64_t> test) {
  Leak leak{"stamp in both", {}, {}, 0};
  std::vector<int64_t> of_stamp(static_cast<size_t>(time.stamps().size()), -1);
  for (const int64_t row : test) of_stamp[static_cast<size_t>(time.stamp_of(row))] = row;
  for (const int64_t row : train) {
    const int64_t other = of_stamp[static_cast<size_t>(time.stamp_of(row))];
    if (other < 0) continue;
    add(leak, row);
    if (leak.partners.size() < leak.rows.size()) leak.partners.push_back(other);
  }
  return leak;
}

}  // namespace

Leak audit_split(const Timeline& time, std::span<const int64_t> train, std::span<const int64_t> test,
                 const Demands& demands) {
  check(demands.gap);
  check(demands.embargo);
  check(demands.lookback);
  if (train.empty()) return {"empty train", {}, {}, 1};
  if (test.empty()) return {"empty test", {}, {}, 1};
  std::vector<uint8_t> sides(static_cast<size_t>(time.size()), 0);
  if (Leak leak = mark(time, train, test, sides); leak.count > 0) return leak;

  Leak overlap{"overlap", {}, {}, 0};
  Overlaps overlaps(time, train, test, demands.lookback);
  int64_t last_end = kMissing;
  for (const int64_t row : train) {
    last_end = std::max(last_end, time.t1(row));
    if (overlaps.has(row)) add(overlap, row);
  }
  if (overlap.count > 0) {
    if (Leak leak = stamp_in_both(time, train, test); leak.count > 0) return leak;
    for (const int64_t row : overlap.rows) overlap.partners.push_back(overlaps.partner(row));
    return overlap;
  }

  if (demands.forward) {
    int64_t first = test.front();
    for (const int64_t row : test) {
      if (time.t0(row) < time.t0(first)) first = row;
    }
    const int64_t limit = time.stamps().before(time.stamp_of(first), demands.gap);
    if (last_end >= limit) {
      Leak order{"order", {}, {}, 0};
      for (const int64_t row : train) {
        if (time.t1(row) >= limit) add(order, row);
      }
      order.partners.assign(order.rows.size(), first);
      return order;
    }
  }

  if (!demands.embargo.none()) {
    std::vector<Fate> fates(sides.size(), Fate::kPurged);  // rows on neither side end a block as well
    for (const int64_t row : test) fates[static_cast<size_t>(row)] = Fate::kTest;
    for (const int64_t row : train) fates[static_cast<size_t>(row)] = Fate::kTrain;
    purge(time, {demands.embargo, {}, false}, fates);
    Leak embargo{"embargo", {}, {}, 0};
    for (const int64_t row : train) {
      if (fates[static_cast<size_t>(row)] == Fate::kEmbargoed) add(embargo, row);
    }
    if (embargo.count > 0) return embargo;
  }
  return {};
}

}  // namespace smctrain::splits
