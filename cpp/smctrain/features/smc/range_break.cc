#include "smctrain/features/smc/range_break.h"

namespace smctrain::features::smc {

void RangeBreak::push(int64_t t, const Candle& bar) {
  is_flip_ = false;
  is_ready_ = t >= kBars;
  const double highest = highest_;
  const double lowest = lowest_;
  highest_ = highs_.push(bar.high);
  lowest_ = -lows_.push(-bar.low);
  if (!is_ready_) return;
  const bool is_above = bar.close > highest;
  const bool is_below = bar.close < lowest;
  up_ = 2 * is_above + (!is_above & (bar.high > highest));
  down_ = 2 * is_below + (!is_below & (bar.low < lowest));
  up_distance_ = up_ > 0 ? bar.high - highest : kNone;
  down_distance_ = down_ > 0 ? lowest - bar.low : kNone;
  const int direction = up_ == 2 ? 1 : down_ == 2 ? -1 : direction_;
  is_flip_ = direction_ != 0 && direction != direction_;
  direction_ = direction;
}

}  // namespace smctrain::features::smc
