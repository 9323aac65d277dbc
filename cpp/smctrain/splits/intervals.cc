#include "smctrain/splits/intervals.h"

#include <algorithm>
#include <numeric>

#include "smctrain/base/error.h"

namespace smctrain::splits {

namespace {

constexpr int64_t kLatest = std::numeric_limits<int64_t>::max();
constexpr int64_t kEarliest = std::numeric_limits<int64_t>::min();

}  // namespace

int64_t later(int64_t value, int64_t span) { return value > kLatest - span ? kLatest : value + span; }
int64_t earlier(int64_t value, int64_t span) { return value < kEarliest + span ? kEarliest : value - span; }

void check(const Distance& distance) {
  if (distance.stamps < 0 || distance.span < 0) {
    raise("InputError", "gap, embargo and lookback must be at least 0, but are ", distance.stamps,
          " stamps and a span of ", distance.span, ".");
  }
}

void check(const Intervals& intervals) {
  if (intervals.t0.size() != intervals.t1.size()) {
    raise("InputError", "intervals must be two arrays of one length, but have ", intervals.t0.size(), " and ",
          intervals.t1.size(), " entries.");
  }
  for (size_t i = 0; i < intervals.t0.size(); ++i) {
    if (intervals.t0[i] == kMissing) {
      raise("InputError", "intervals: row ", i, " has no decision time t0. Pass only rows that have one.");
    }
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
  for (size_t i = 0; i < t0.size(); ++i) of_row_[i] = at_or_after(t0[i]);
}

int64_t Stamps::at_or_after(int64_t moment) const {
  return std::lower_bound(values_.begin(), values_.end(), moment) - values_.begin();
}

int64_t Stamps::embargo_end(int64_t end, const Distance& embargo) const {
  check(embargo);
  int64_t last = later(end, embargo.span);
  if (embargo.stamps > 0) {
    const auto next = std::upper_bound(values_.begin(), values_.end(), last);
    const int64_t left = values_.end() - next;
    if (left > 0) last = *(next + (std::min(embargo.stamps, left) - 1));
  }
  return last;
}

int64_t Stamps::before(int64_t first, const Distance& gap) const {
  check(gap);
  return back(first, gap);
}

int64_t Stamps::back(int64_t index, const Distance& lookback) const {
  if (lookback.stamps > index) return kEarliest;
  return earlier(value(index - lookback.stamps), lookback.span);
}

Timeline::Timeline(Intervals intervals)
    : intervals_(intervals),
      stamps_(intervals.t0),
      sorted_(std::is_sorted(intervals.t0.begin(), intervals.t0.end())) {
  if (intervals.t0.size() != intervals.t1.size()) check(intervals);
  if (sorted_) return;
  order_.resize(intervals.t0.size());
  std::iota(order_.begin(), order_.end(), int64_t{0});
  // Stable: equal decisions keep the order of their row ids.
  std::stable_sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) {
    return intervals.t0[static_cast<size_t>(a)] < intervals.t0[static_cast<size_t>(b)];
  });
}

int64_t longest_overlap(const Intervals& intervals) {
  const Timeline time(intervals);
  std::vector<int64_t> starts(static_cast<size_t>(time.size()));
  for (int64_t place = 0; place < time.size(); ++place) {
    starts[static_cast<size_t>(place)] = time.t0(time.row_at(place));
  }
  int64_t most = 0;
  for (int64_t place = 0; place < time.size(); ++place) {
    const auto reached = std::lower_bound(starts.begin(), starts.end(), time.t1(time.row_at(place)));
    most = std::max(most, reached - starts.begin() - place - 1);
  }
  return 1 + most;
}

void Segments::add(int64_t start, int64_t end) {
  if (!end_.empty() && start <= end_.back()) {
    end_.back() = std::max(end_.back(), end);
  } else {
    start_.push_back(start);
    end_.push_back(end);
  }
}

size_t Segments::first_reaching(int64_t moment) const {
  return static_cast<size_t>(std::lower_bound(end_.begin(), end_.end(), moment) - end_.begin());
}

bool Segments::overlaps(int64_t start, int64_t end) const {
  const size_t first = first_reaching(start);
  return first < size() && start_[first] <= end;
}

}  // namespace smctrain::splits
