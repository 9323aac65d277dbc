// Swing highs and lows, confirmed `right` bars later.
//
//   pivot high at i   H[j] < H[i] for i-left <= j < i and H[j] <= H[i] for i < j <= i+right: of equal highs
//                     the first wins. Pivot lows are pivot highs of the mirrored prices.
//   known_at          i + right. Nothing forces a marker on the first or last row.
//
// Pivots of a block are found at once. A value beside a larger one is none, which leaves few; those are
// compared with both sides step by step. Of the values that are largest within k steps no two lie within k
// steps of each other, so a bar costs O(log w) amortised for windows of like width, whatever the prices.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/history.h"

namespace smctrain::features::smc {

class PivotFinder {
 public:
  PivotFinder(int left, int right) : left_(left), right_(right) {}
  // The n bars of `history` that come next: whether the bar `right` before each of them is a pivot.
  void find(const History& history, int n);
  bool is_high(int i) const { return highs_[static_cast<size_t>(i)] != 0; }
  bool is_low(int i) const { return lows_[static_cast<size_t>(i)] != 0; }

 private:
  int left_;
  int right_;
  std::array<uint8_t, History::kBlock> highs_{};
  std::array<uint8_t, History::kBlock> lows_{};
};

struct Swing {
  int64_t origin = kNever;
  int64_t known_at = kNever;
  double level = std::numeric_limits<double>::quiet_NaN();
  // +1 above the swing of the same side before it, -1 below, 0 equal, NaN for the first.
  double kind = std::numeric_limits<double>::quiet_NaN();

  double origin_number = std::numeric_limits<double>::quiet_NaN();  // see Moment

  bool exists() const { return origin != kNever; }
};

class Swings {
 public:
  Swings(int left, int right) : right_(right), pivots_(left, right) {}
  // Before the first of the n bars that come next.
  void begin(const History& history, int n) {
    pivots_.find(history, n);
    next_ = 0;
  }
  // The newest bar of `history` is bar t.
  void push(int64_t t, const History& history, EventLog* log) {
    const int i = next_++;
    if (pivots_.is_high(i)) renew(high_, t, history.high(right_), +1, log);
    if (pivots_.is_low(i)) renew(low_, t, history.low(right_), -1, log);
  }
  void reset();

  const Swing& high() const { return high_; }  // last known
  const Swing& low() const { return low_; }
  bool is_high_new(int64_t t) const { return high_.known_at == t; }
  bool is_low_new(int64_t t) const { return low_.known_at == t; }

 private:
  void renew(Swing& swing, int64_t t, double level, int side, EventLog* log) const;

  int64_t right_;
  PivotFinder pivots_;
  int next_ = 0;  // of the bars of the block
  Swing high_;
  Swing low_;
};

}  // namespace smctrain::features::smc
