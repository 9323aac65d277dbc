#include "smctrain/splits/audit.h"

#include <algorithm>
#include <limits>

namespace smctrain::splits {

namespace {

constexpr size_t kNamed = 10;  // rows named per leak

void add(Leak& leak, int64_t row) {
  if (leak.rows.size() < kNamed) leak.rows.push_back(row);
  ++leak.count;
}

}  // namespace

Leak audit_split(const Intervals& intervals, const Stamps& stamps, std::span<const int64_t> train,
                 std::span<const int64_t> test, bool forward, const Distance& embargo) {
  const int64_t n = intervals.size();
  if (train.empty()) return {"empty train", {}, 1};
  if (test.empty()) return {"empty test", {}, 1};

  Leak leak{"no such row", {}, 0};
  for (const auto& side : {train, test}) {
    for (const int64_t row : side) {
      if (row < 0 || row >= n) add(leak, row);
    }
  }
  if (leak.count > 0) return leak;

  std::vector<uint8_t> is_train(static_cast<size_t>(n), 0);
  std::vector<uint8_t> is_test(static_cast<size_t>(n), 0);
  leak.code = "duplicate row";
  for (const int64_t row : train) {
    if (is_train[static_cast<size_t>(row)]++ == 1) add(leak, row);
  }
  for (const int64_t row : test) {
    if (is_test[static_cast<size_t>(row)]++ == 1) add(leak, row);
  }
  if (leak.count > 0) return leak;

  leak.code = "row in both";
  for (const int64_t row : train) {
    if (is_test[static_cast<size_t>(row)] != 0) add(leak, row);
  }
  if (leak.count > 0) return leak;

  leak.code = "stamp in both";
  std::vector<uint8_t> test_stamp(static_cast<size_t>(stamps.size()), 0);
  for (const int64_t row : test) {
    test_stamp[static_cast<size_t>(stamps.of_row()[static_cast<size_t>(row)])] = 1;
  }
  for (const int64_t row : train) {
    if (test_stamp[static_cast<size_t>(stamps.of_row()[static_cast<size_t>(row)])] != 0) add(leak, row);
  }
  if (leak.count > 0) return leak;

  leak.code = "overlap";
  const TestSegments segments(intervals, test);
  for (const int64_t row : train) {
    const auto i = static_cast<size_t>(row);
    if (segments.overlaps(intervals.t0[i], intervals.t1[i])) add(leak, row);
  }
  if (leak.count > 0) return leak;

  if (forward) {
    leak.code = "order";
    int64_t first = std::numeric_limits<int64_t>::max();
    for (const int64_t row : test) first = std::min(first, intervals.t0[static_cast<size_t>(row)]);
    for (const int64_t row : train) {
      if (intervals.t1[static_cast<size_t>(row)] >= first) add(leak, row);
    }
    if (leak.count > 0) return leak;
  }

  leak.code = "embargo";
  for (const int64_t end : block_ends(intervals, is_test)) {
    const int64_t last = stamps.embargo_end(end, embargo);
    for (const int64_t row : train) {
      const int64_t t0 = intervals.t0[static_cast<size_t>(row)];
      if (t0 > end && t0 <= last) add(leak, row);
    }
  }
  if (leak.count > 0) return leak;
  leak.code.clear();
  return leak;
}

}  // namespace smctrain::splits
