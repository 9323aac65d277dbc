// Where the close stands in the current dealing range, and how far price has retraced the last leg.
//
//   range        high = max(last swing high, highs since), low = min(last swing low, lows since)
//   leg          from swing a to swing b: b the last known swing, a the last of the other side known before
//                it. A bar that is both counts as low then high if it closed at or above its open, else high
//                then low.
//   retracement  0 at b, 1 at a; the deepest one counts from the bar after b, visible once b is known
#pragma once

#include <cstdint>
#include <limits>

#include "smctrain/features/smc/history.h"
#include "smctrain/features/smc/swings.h"

namespace smctrain::features::smc {

class RangePosition {
 public:
  void push(const Candle& bar);
  // After the swings of bar t; `right` bars old when known.
  void renew(int64_t t, int64_t right, const Swings& swings, const History& history);
  void reset() { *this = {}; }

  bool has_range() const { return has_high_ && has_low_ && high_ > low_; }
  double high() const { return has_high_ ? high_ : kNone; }
  double low() const { return has_low_ ? low_ : kNone; }
  bool has_leg() const { return has_a_ && has_b_ && a_ != b_; }
  bool leg_ends_high() const { return ends_high_; }  // whether b is a swing high
  int leg_direction() const { return b_ > a_ ? 1 : -1; }
  double retracement(double price) const { return (b_ - price) / (b_ - a_); }
  double deepest_retracement() const { return retracement(extreme_since_end()); }
  double extreme_since_end() const { return b_ > a_ ? lowest_since_b_ : highest_since_b_; }
  double leg_end() const { return b_; }
  double leg_height() const { return b_ - a_; }  // negative for a leg down

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  void start_leg(bool has_a, double a, double b, int64_t right, const History& history);

  bool has_high_ = false;
  bool has_low_ = false;
  double high_ = 0.0;
  double low_ = 0.0;
  bool ends_high_ = false;
  bool has_a_ = false;
  bool has_b_ = false;
  double a_ = 0.0;
  double b_ = 0.0;
  double lowest_since_b_ = kInfinity;
  double highest_since_b_ = -kInfinity;
};

}  // namespace smctrain::features::smc
