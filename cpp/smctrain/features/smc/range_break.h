// Breaks of the ten-bar range: the rule the seed pipeline called "break of structure".
//
//   hi, lo     highest high and lowest low of the ten bars before t
//   up, down   0 inside, 1 a wick beyond, 2 a close beyond
//   direction  side of the last close break
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "smctrain/features/smc/history.h"
#include "smctrain/features/smc/sliding_max.h"

namespace smctrain::features::smc {

class RangeBreak {
 public:
  static constexpr int kBars = 10;

  // Bar t.
  void push(int64_t t, const Candle& bar);
  void reset() { *this = {}; }

  bool is_ready() const { return is_ready_; }
  int up() const { return up_; }
  int down() const { return down_; }
  double up_distance() const { return up_distance_; }  // price, NaN without a break
  double down_distance() const { return down_distance_; }
  int direction() const { return direction_; }
  bool is_flip() const { return is_flip_; }

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  SlidingMax highs_{kBars};
  SlidingMax lows_{kBars};  // of mirrored prices
  double highest_ = kNone;  // of the ten bars before the next one
  double lowest_ = kNone;
  bool is_ready_ = false;
  int up_ = 0;
  int down_ = 0;
  double up_distance_ = kNone;
  double down_distance_ = kNone;
  int direction_ = 0;
  bool is_flip_ = false;
};

}  // namespace smctrain::features::smc
