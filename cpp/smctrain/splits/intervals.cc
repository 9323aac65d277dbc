#include "smctrain/splits/intervals.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "smctrain/base/error.h"

namespace smctrain::splits {

namespace {

constexpr int64_t kLatest = std::numeric_limits<int64_t>::max();
constexpr int64_t kEarliest = std::numeric_limits<int64_t>::min();

int64_t add(int64_t value, int64_t span) { return value > kLatest - span ? kLatest : value + span; }
int64_t subtract(int64_t value, int64_t span) { return value < kEarliest + span ? kEarliest : value - span; }

// Stable: equal decisions keep the order of their row ids. Rows that come in the order of time cost one pass.
void sort_by_decision(const Intervals& intervals, std::vector<int64_t>& rows) {
  const auto earlier = [&](int64_t a, int64_t b) {
    return intervals.t0[static_cast<size_t>(a)] < intervals.t0[static_cast<size_t>(b)];
  };
  if (!std::is_sorted(rows.begin(), rows.end(), earlier)) std::stable_sort(rows.begin(), rows.end(), earlier);
}

}  // namespace

void check(const Distance& distance) {
  if (distance.stamps < 0 || distance.span < 0) {
    raise("InputError", "gap and embargo must be at least 0, but are ", distance.stamps,
          " stamps and a span of ", distance.span, ".");
  }
}

void check(const Intervals& intervals) {
  if (intervals.t0.size() != intervals.t1.size()) {
    raise("InputError", "intervals must be two arrays of one length, but have ", intervals.t0.size(), " and ",
          intervals.t1.size(), " entries.");
  }
  for (size_t i = 0; i < intervals.t0.size(); ++i) {
    if (intervals.t1[i] < intervals.t0[i]) {
      raise("InputError", "intervals: the label of row ", i,
            " has no end, or ends before its decision. Pass only rows whose label exists.");
    }
  }
}

Stamps::Stamps(std::span<const int64_t> t0) : values_(t0.begin(), t0.end()) {
  of_row_.resize(t0.size());
  if (std::is_sorted(t0.begin(), t0.end())) {  // the usual case: rows come in the order of time
    int64_t stamp = -1;
    for (size_t i = 0; i < t0.size(); ++i) {
      if (i == 0 || t0[i] != t0[i - 1]) ++stamp;
      of_row_[i] = stamp;
    }
    values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
    return;
  }
  std::sort(values_.begin(), values_.end());
  values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
  for (size_t i = 0; i < t0.size(); ++i) {
    of_row_[i] = std::lower_bound(values_.begin(), values_.end(), t0[i]) - values_.begin();
  }
}

int64_t Stamps::embargo_end(int64_t end, const Distance& embargo) const {
  check(embargo);
  int64_t last = add(end, embargo.span);
  if (embargo.stamps > 0) {
    const auto next = std::upper_bound(values_.begin(), values_.end(), last);
    const int64_t left = values_.end() - next;
    if (left > 0) last = *(next + (std::min(embargo.stamps, left) - 1));
  }
  return last;
}

int64_t Stamps::before(int64_t first, const Distance& gap) const {
  check(gap);
  if (gap.stamps > first) return kEarliest;
  return subtract(value(first - gap.stamps), gap.span);
}

TestSegments::TestSegments(const Intervals& intervals, std::span<const int64_t> test_rows) {
  std::vector<int64_t> order(test_rows.begin(), test_rows.end());
  sort_by_decision(intervals, order);
  for (const int64_t row : order) {
    const int64_t t0 = intervals.t0[static_cast<size_t>(row)];
    const int64_t t1 = intervals.t1[static_cast<size_t>(row)];
    if (!end_.empty() && t0 <= end_.back()) {
      end_.back() = std::max(end_.back(), t1);
    } else {
      start_.push_back(t0);
      end_.push_back(t1);
    }
  }
}

bool TestSegments::overlaps(int64_t t0, int64_t t1) const {
  const auto first = std::lower_bound(end_.begin(), end_.end(), t0);
  return first != end_.end() && start_[static_cast<size_t>(first - end_.begin())] <= t1;
}

std::vector<int64_t> block_ends(const Intervals& intervals, std::span<const uint8_t> is_test) {
  std::vector<int64_t> order(is_test.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  sort_by_decision(intervals, order);
  std::vector<int64_t> ends;
  bool inside = false;
  for (const int64_t row : order) {
    const auto i = static_cast<size_t>(row);
    if (is_test[i] != 0) {
      if (!inside) ends.push_back(intervals.t1[i]);
      ends.back() = std::max(ends.back(), intervals.t1[i]);
    }
    inside = is_test[i] != 0;
  }
  return ends;
}

std::vector<Fate> purge_and_embargo(const Intervals& intervals, const Stamps& stamps,
                                    std::span<const uint8_t> is_test, const Distance& embargo) {
  const auto n = static_cast<size_t>(intervals.size());
  std::vector<int64_t> test_rows;
  for (size_t i = 0; i < n; ++i) {
    if (is_test[i] != 0) test_rows.push_back(static_cast<int64_t>(i));
  }
  const TestSegments segments(intervals, test_rows);

  // Embargoed stamps, marked by a difference array over stamp indices.
  std::vector<int64_t> change(static_cast<size_t>(stamps.size()) + 1, 0);
  if (embargo.stamps > 0 || embargo.span > 0) {
    const auto first_after = [&](int64_t moment) {
      int64_t low = 0;
      int64_t high = stamps.size();
      while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        (stamps.value(middle) <= moment ? low = middle + 1 : high = middle);
      }
      return static_cast<size_t>(low);
    };
    for (const int64_t end : block_ends(intervals, is_test)) {
      ++change[first_after(end)];
      --change[first_after(stamps.embargo_end(end, embargo))];
    }
  }
  std::partial_sum(change.begin(), change.end(), change.begin());

  std::vector<Fate> fates(n, Fate::kTrain);
  for (size_t i = 0; i < n; ++i) {
    if (is_test[i] != 0) {
      fates[i] = Fate::kTest;
    } else if (segments.overlaps(intervals.t0[i], intervals.t1[i])) {
      fates[i] = Fate::kPurged;
    } else if (change[static_cast<size_t>(stamps.of_row()[i])] > 0) {
      fates[i] = Fate::kEmbargoed;
    }
  }
  return fates;
}

}  // namespace smctrain::splits
