// Label intervals, moments and distances: the nouns of every split.
//
//   interval   [t0, t1] of a row, closed: from its decision to the last moment its label used. Any int64
//              scale: row indices, or nanoseconds so that it works across symbols.
//   stamp      a distinct t0. Folds and distances are counted in stamps, so all rows of one moment stay
//              together.
//   overlap    t0_i <= t1_j and t0_j <= t1_i.
//   segment    intervals that touch or overlap, merged; segments are disjoint and in the order of time.
//   timeline   the intervals of all rows, their stamps and their order (t0, row id), made once for many
//              splits.
//
// Sorting costs O(n log n) once, and nothing when rows come in the order of time.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace smctrain::splits {

// A moment that is not known: the end of a label that has not ended.
inline constexpr int64_t kMissing = std::numeric_limits<int64_t>::min();

struct Intervals {
  std::span<const int64_t> t0;
  std::span<const int64_t> t1;
  int64_t size() const { return static_cast<int64_t>(t0.size()); }
};

// A distance after (embargo) or before (gap, lookback) a moment: a number of stamps, plus a span on the scale
// of t0.
struct Distance {
  int64_t stamps = 0;
  int64_t span = 0;
  bool none() const { return stamps == 0 && span == 0; }
};

enum class Fate : uint8_t { kTrain, kTest, kPurged, kEmbargoed, kUnused, kExcluded };

// Raises InputError unless lengths agree and every t1 >= t0.
void check(const Intervals& intervals);
// Raises InputError unless both parts are at least 0.
void check(const Distance& distance);

class Stamps {
 public:
  explicit Stamps(std::span<const int64_t> t0);

  int64_t size() const { return static_cast<int64_t>(values_.size()); }
  int64_t value(int64_t index) const { return values_[static_cast<size_t>(index)]; }
  // Index of every row's stamp.
  const std::vector<int64_t>& of_row() const { return of_row_; }
  // Index of the first stamp at or after a moment; size() if there is none.
  int64_t at_or_after(int64_t moment) const;
  // Latest moment that an embargo after `end` covers; `end` itself when it covers none.
  int64_t embargo_end(int64_t end, const Distance& embargo) const;
  // First moment a training label must not reach, for tests that start at stamp `first`. A gap that reaches
  // behind the first stamp leaves no moment.
  int64_t before(int64_t first, const Distance& gap) const;
  // The moment a lookback before stamp `index`; before all stamps when it reaches behind them.
  int64_t back(int64_t index, const Distance& lookback) const;

 private:
  std::vector<int64_t> values_;
  std::vector<int64_t> of_row_;
};

class Timeline {
 public:
  // Views: the arrays must outlive the timeline. Lengths must agree; ends are not looked at (see check).
  explicit Timeline(Intervals intervals);

  int64_t size() const { return intervals_.size(); }
  const Intervals& intervals() const { return intervals_; }
  int64_t t0(int64_t row) const { return intervals_.t0[static_cast<size_t>(row)]; }
  int64_t t1(int64_t row) const { return intervals_.t1[static_cast<size_t>(row)]; }
  const Stamps& stamps() const { return stamps_; }
  int64_t stamp_of(int64_t row) const { return stamps_.of_row()[static_cast<size_t>(row)]; }
  // Whether row ids are in the order of time; `order` is empty then.
  bool sorted() const { return sorted_; }
  int64_t row_at(int64_t place) const { return sorted_ ? place : order_[static_cast<size_t>(place)]; }

  // Calls visit(row) for the rows of stamps [first, last).
  template <class Visit>
  void for_rows_of(int64_t first, int64_t last, Visit&& visit) const;

 private:
  Intervals intervals_;
  Stamps stamps_;
  bool sorted_;
  std::vector<int64_t> order_;
};

// h = 1 + max_i #{rows j behind i in the order (t0, row id) : t0_j < t1_i}: how far neighbouring rows share
// their outcome. 1 without rows. Rows in any order of time; O(n log n).
int64_t longest_overlap(const Intervals& intervals);

// Intervals merged into disjoint segments, for repeated overlap queries.
class Segments {
 public:
  // Starts must not descend from call to call.
  void add(int64_t start, int64_t end);
  bool overlaps(int64_t start, int64_t end) const;
  // Index of the first segment that ends at or after a moment; size() if there is none.
  size_t first_reaching(int64_t moment) const;

  size_t size() const { return end_.size(); }
  int64_t start(size_t index) const { return start_[index]; }
  int64_t end(size_t index) const { return end_[index]; }

 private:
  std::vector<int64_t> start_, end_;
};

// value +- span, kept inside the scale.
int64_t later(int64_t value, int64_t span);
int64_t earlier(int64_t value, int64_t span);

template <class Visit>
void Timeline::for_rows_of(int64_t first, int64_t last, Visit&& visit) const {
  if (first >= last) return;
  const auto& t0 = intervals_.t0;
  const auto place = [&](int64_t stamp) -> int64_t {  // of the first row at or after a stamp
    if (stamp >= stamps_.size()) return size();
    int64_t low = 0;
    int64_t high = size();
    const int64_t moment = stamps_.value(stamp);
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      (t0[static_cast<size_t>(row_at(middle))] < moment ? low = middle + 1 : high = middle);
    }
    return low;
  };
  const int64_t end = place(last);
  for (int64_t i = place(first); i < end; ++i) visit(row_at(i));
}

}  // namespace smctrain::splits
