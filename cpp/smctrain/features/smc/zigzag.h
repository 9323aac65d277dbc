// Swings that alternate: of several highs in a row only the highest is kept, of several lows the lowest.
//
//   kept      a pivot of the other side than the last kept one is kept; one of the same side replaces it if
//   it
//             is more extreme and is passed over otherwise. A bar that is both counts as low then high if it
//             closed at or above its open, else high then low.
//   leg       from the kept point before to the last one
//
// Replacing appends: in the event log the replaced entry closes on the bar that makes its successor known and
// keeps its level. Whoever reads row t sees the list as it stood then; a loop over the finished series, as
// charting packages have it, moves points of the past. O(1) per swing.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/swings.h"

namespace smctrain::features::smc {

class Zigzag {
 public:
  struct Point {
    int side = 0;  // +1 high, -1 low, 0 none
    int64_t origin = kNever;
    int64_t event = kNever;
    double level = std::numeric_limits<double>::quiet_NaN();
  };

  // The swings known at t, `pivot` being the candle they sit on.
  void push(int64_t t, const Candle& pivot, const Swings& swings, EventLog* log) {
    const bool is_high_last = pivot.close >= pivot.open;
    for (const bool is_high : {!is_high_last, is_high_last}) {
      if (is_high ? swings.is_high_new(t) : swings.is_low_new(t)) {
        accept(t, is_high ? +1 : -1, is_high ? swings.high() : swings.low(), log);
      }
    }
  }
  void reset() { *this = {}; }

  const Point& last() const { return points_[0]; }
  bool is_new(int64_t t) const { return last_kept_ == t; }
  // Level of the last point above that of the one before, and the same a leg earlier; NaN without one.
  double leg() const { return points_[0].level - points_[1].level; }
  double leg_before() const { return points_[1].level - points_[2].level; }

 private:
  void accept(int64_t t, int side, const Swing& swing, EventLog* log) {
    const bool is_same = points_[0].side == side;
    if (is_same && side * (swing.level - points_[0].level) <= 0.0) return;
    if (is_same) {
      if (log != nullptr) {
        Event& replaced = (*log)[points_[0].event];
        replaced.state = ZoneState::kMerged;
        replaced.invalidated_at = t;
      }
    } else {
      points_[2] = points_[1];
      points_[1] = points_[0];
    }
    points_[0] = {side, swing.origin, kNever, swing.level};
    last_kept_ = t;
    if (log == nullptr) return;
    Event event;
    event.kind = side > 0 ? EventKind::kZigzagHigh : EventKind::kZigzagLow;
    event.side = static_cast<int8_t>(side);
    event.origin = swing.origin;
    event.known_at = t;
    event.level = swing.level;
    points_[0].event = log->append(event);
  }

  std::array<Point, 3> points_;  // newest first
  int64_t last_kept_ = kNever;
};

}  // namespace smctrain::features::smc
