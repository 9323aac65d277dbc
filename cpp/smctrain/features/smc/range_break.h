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

namespace smctrain::features::smc {

class RangeBreak {
 public:
  static constexpr int kBars = 10;

  void push(const History& history);
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
  bool is_ready_ = false;
  int up_ = 0;
  int down_ = 0;
  double up_distance_ = kNone;
  double down_distance_ = kNone;
  int direction_ = 0;
  bool is_flip_ = false;
};

}  // namespace smctrain::features::smc
