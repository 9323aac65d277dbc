// Swing highs and lows, confirmed `right` bars later.
//
//   pivot high at i   H[j] < H[i] for i-left <= j < i and H[j] <= H[i] for i < j <= i+right: of equal highs
//                     the first wins. Pivot lows are pivot highs of the mirrored prices.
//   known_at          i + right. Nothing forces a marker on the first or last row.
//
// A value is a candidate if it is above the largest of the `left` values before it, and a pivot if `right`
// values later none is above it. Sliding maxima make both O(1), any window; of windows of one width the same
// maximum serves both sides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/history.h"
#include "smctrain/features/smc/sliding_max.h"

namespace smctrain::features::smc {

class PivotFinder {
 public:
  PivotFinder(int left, int right);
  // True if the value pushed `right` pushes ago is a pivot high.
  bool push(double value) {
    const bool is_candidate = count_ >= left_ && value > left_max_;
    candidates_[static_cast<size_t>(count_) & mask_] = is_candidate ? value : kNone;
    const double right_max = right_window_.push(value);
    left_max_ = is_symmetric_ ? right_max : left_window_.push(value);
    return candidates_[static_cast<size_t>(count_++ - right_) & mask_] >= right_max;
  }
  void reset();

 private:
  static constexpr double kNone = -std::numeric_limits<double>::infinity();

  int64_t left_;
  int64_t right_;
  bool is_symmetric_;
  size_t mask_;
  std::vector<double> candidates_;  // of the last `right` values: the value, or kNone
  SlidingMax left_window_;
  SlidingMax right_window_;
  double left_max_ = kNone;
  int64_t count_ = 0;
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
  Swings(int left, int right) : right_(right), highs_(left, right), lows_(left, right) {}
  // The newest bar of `history` is bar t.
  void push(int64_t t, const History& history, EventLog* log) {
    const Candle& bar = history.back(0).candle;
    const bool is_high = highs_.push(bar.high);
    const bool is_low = lows_.push(-bar.low);
    if (is_high) renew(high_, t, history.back(right_).candle.high, +1, log);
    if (is_low) renew(low_, t, history.back(right_).candle.low, -1, log);
  }
  void reset();

  const Swing& high() const { return high_; }  // last known
  const Swing& low() const { return low_; }
  bool is_high_new(int64_t t) const { return high_.known_at == t; }
  bool is_low_new(int64_t t) const { return low_.known_at == t; }

 private:
  void renew(Swing& swing, int64_t t, double level, int side, EventLog* log) const;

  int64_t right_;
  PivotFinder highs_;
  PivotFinder lows_;
  Swing high_;
  Swing low_;
};

}  // namespace smctrain::features::smc
