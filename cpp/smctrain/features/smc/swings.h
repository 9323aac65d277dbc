// Swing highs and lows, confirmed `right` bars later.
//
//   pivot high at i   H[j] < H[i] for i-left <= j < i and H[j] <= H[i] for i < j <= i+right: of equal highs
//                     the first wins. Pivot lows are pivot highs of the mirrored prices.
//   known_at          i + right. Nothing forces a marker on the first or last row.
//
// One monotonic deque per side. A new value removes the smaller ones before it: they have lost their right
// side. If a value at least as large stands within `left` bars, the new one has lost its left side. O(1)
// amortised, any window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/history.h"

namespace smctrain::features::smc {

class PivotFinder {
 public:
  PivotFinder(int left, int right);
  // True if the value pushed `right` pushes ago is a pivot high.
  bool push(double value);
  void reset();

 private:
  struct Entry {
    double value = 0.0;
    bool is_clear_left = false;
    bool is_standing = false;
  };
  Entry& entry(int64_t t) { return entries_[static_cast<size_t>(t) & mask_]; }

  int64_t left_;
  int64_t right_;
  int64_t span_;  // how far back the deque reaches
  size_t mask_;
  std::vector<Entry> entries_;
  std::vector<int64_t> deque_;
  int64_t head_ = 0;  // deque_ holds positions [head_, tail_)
  int64_t tail_ = 0;
  int64_t count_ = 0;
};

struct Swing {
  int64_t origin = kNever;
  int64_t known_at = kNever;
  double level = std::numeric_limits<double>::quiet_NaN();
  // +1 above the swing of the same side before it, -1 below, 0 equal, NaN for the first.
  double kind = std::numeric_limits<double>::quiet_NaN();

  bool exists() const { return origin != kNever; }
};

class Swings {
 public:
  Swings(int left, int right) : right_(right), highs_(left, right), lows_(left, right) {}
  // The newest bar of `history` is bar t.
  void push(int64_t t, const History& history, EventLog* log);
  void reset();

  const Swing& high() const { return high_; }  // last known
  const Swing& low() const { return low_; }
  bool is_high_new(int64_t t) const { return high_.known_at == t; }
  bool is_low_new(int64_t t) const { return low_.known_at == t; }

 private:
  int64_t right_;
  PivotFinder highs_;
  PivotFinder lows_;
  Swing high_;
  Swing low_;
};

}  // namespace smctrain::features::smc
