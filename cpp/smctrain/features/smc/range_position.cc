#include "smctrain/features/smc/range_position.h"

#include <algorithm>

namespace smctrain::features::smc {

void RangePosition::push(const Candle& bar) {
  high_ = std::max(high_, bar.high);
  low_ = std::min(low_, bar.low);
  lowest_since_b_ = std::min(lowest_since_b_, bar.low);
  highest_since_b_ = std::max(highest_since_b_, bar.high);
}

void RangePosition::renew(int64_t t, int64_t right, const Swings& swings, const History& history) {
  const bool is_high = swings.is_high_new(t);
  const bool is_low = swings.is_low_new(t);
  if (!is_high && !is_low) return;
  const bool had_high = has_high_;
  const bool had_low = has_low_;
  // No bar since the pivot is beyond it, so the running extreme restarts at the level itself.
  if (is_high) {
    has_high_ = true;
    high_ = swings.high().level;
  }
  if (is_low) {
    has_low_ = true;
    low_ = swings.low().level;
  }
  const Candle pivot = history.candle(right);
  ends_high_ = is_high && (!is_low || pivot.close >= pivot.open);
  if (ends_high_) {
    start_leg(is_low || had_low, swings.low().level, swings.high().level, right, history);
  } else {
    start_leg(is_high || had_high, swings.high().level, swings.low().level, right, history);
  }
}

void RangePosition::start_leg(bool has_a, double a, double b, int64_t right, const History& history) {
  has_a_ = has_a;
  has_b_ = true;
  a_ = a;
  b_ = b;
  lowest_since_b_ = kInfinity;
  highest_since_b_ = -kInfinity;
  for (int64_t ago = right - 1; ago >= 0; --ago) {
    lowest_since_b_ = std::min(lowest_since_b_, history.low(ago));
    highest_since_b_ = std::max(highest_since_b_, history.high(ago));
  }
}

}  // namespace smctrain::features::smc
