// Label intervals and the one rule that keeps a split honest.
//
//   interval   [t0, t1] of a row, closed: from its decision to the last moment its label used. Any int64
//   scale: row
//              indices, or nanoseconds so that it works across symbols.
//   stamp      a distinct t0. Folds and embargoes are counted in stamps, so all rows of one moment stay
//   together. overlap    t0_i <= t1_j and t0_j <= t1_i. block      maximal run of test rows in the order (t0,
//   row id) of all rows. purge      a training row that overlaps any test row is removed. embargo    a
//   training row with b < t0 <= b + e is removed, b = latest t1 of a block; e in stamps or in time.
//
// Purge: test intervals are merged into disjoint segments and every row finds its segment by binary search,
// O((n + m) log m). Embargo: one range of stamps per block. Source: Lopez de Prado (2018), ch. 7, made exact.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace smctrain::splits {

struct Intervals {
  std::span<const int64_t> t0;
  std::span<const int64_t> t1;
  int64_t size() const { return static_cast<int64_t>(t0.size()); }
};

// A distance after (embargo) or before (gap) a border: a number of stamps, plus a span on the scale of t0.
struct Distance {
  int64_t stamps = 0;
  int64_t span = 0;
};

enum class Fate : uint8_t { kTrain, kTest, kPurged, kEmbargoed, kUnused };

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
  // Latest moment that an embargo after `end` covers; `end` itself when it covers none.
  int64_t embargo_end(int64_t end, const Distance& embargo) const;
  // First moment a training label must not reach, for tests that start at stamp `first`.
  int64_t before(int64_t first, const Distance& gap) const;

 private:
  std::vector<int64_t> values_;
  std::vector<int64_t> of_row_;
};

// Test intervals merged into disjoint segments, for repeated overlap queries.
class TestSegments {
 public:
  TestSegments(const Intervals& intervals, std::span<const int64_t> test_rows);
  bool overlaps(int64_t t0, int64_t t1) const;

 private:
  std::vector<int64_t> start_, end_;
};

// Latest t1 of every test block, in time order.
std::vector<int64_t> block_ends(const Intervals& intervals, std::span<const uint8_t> is_test);

// The fate of every row, given which rows are tests.
std::vector<Fate> purge_and_embargo(const Intervals& intervals, const Stamps& stamps,
                                    std::span<const uint8_t> is_test, const Distance& embargo);

}  // namespace smctrain::splits
