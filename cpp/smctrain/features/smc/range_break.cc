#include "smctrain/features/smc/range_break.h"

#include <algorithm>

namespace smctrain::features::smc {

void RangeBreak::push(const History& history) {
  is_flip_ = false;
  is_ready_ = history.size() > kBars;
  if (!is_ready_) return;
  double highest = -std::numeric_limits<double>::infinity();
  double lowest = std::numeric_limits<double>::infinity();
  for (int ago = 1; ago <= kBars; ++ago) {
    highest = std::max(highest, history.back(ago).candle.high);
    lowest = std::min(lowest, history.back(ago).candle.low);
  }
  const Candle& bar = history.back(0).candle;
  up_ = bar.close > highest ? 2 : bar.high > highest ? 1 : 0;
  down_ = bar.close < lowest ? 2 : bar.low < lowest ? 1 : 0;
  up_distance_ = up_ > 0 ? bar.high - highest : kNone;
  down_distance_ = down_ > 0 ? lowest - bar.low : kNone;
  const int direction = up_ == 2 ? 1 : down_ == 2 ? -1 : direction_;
  is_flip_ = direction_ != 0 && direction != direction_;
  direction_ = direction;
}

}  // namespace smctrain::features::smc
