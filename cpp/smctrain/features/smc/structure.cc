#include "smctrain/features/smc/structure.h"

#include <cmath>

namespace smctrain::features::smc {

void Structure::judge(int64_t t, const Candle& bar, double atr, EventLog* log) {
  const bool is_beyond_up = up_.exists && bar.high > up_.price;
  const bool is_beyond_down = down_.exists && bar.low < down_.price;
  const bool breaks_up = break_on_wick_ ? is_beyond_up : up_.exists && bar.close > up_.price;
  const bool breaks_down = break_on_wick_ ? is_beyond_down : down_.exists && bar.close < down_.price;
  is_wick_up_ = is_beyond_up && !breaks_up;
  is_wick_down_ = is_beyond_down && !breaks_down;
  const int first = bar.close >= bar.open ? -1 : +1;
  for (const int direction : {first, -first}) {
    if (direction > 0 ? breaks_up : breaks_down) break_level(t, direction, bar.close, atr, log);
  }
}

void Structure::break_level(int64_t t, int direction, double close, double atr, EventLog* log) {
  Level& level = direction > 0 ? up_ : down_;
  const Break broken{direction, direction_ == -direction, level};
  level = {};
  direction_ = direction;
  breaks_[static_cast<size_t>(break_count_++)] = broken;
  (broken.is_choch ? last_choch_ : last_bos_)[direction > 0] = t;
  (broken.is_choch ? last_any_choch_ : last_any_bos_) = Moment(t);
  facts_ = {static_cast<double>(direction), static_cast<double>(direction > 0),
            static_cast<double>(direction < 0)};
  bos_run_ = broken.is_choch ? 0 : bos_run_ + 1;
  has_break_ = true;
  last_break_ = broken;
  last_break_distance_atr_ = atr > 0.0 ? std::abs(close - broken.level.price) / atr : Event::kNone;
  last_break_z_ = break_z_.push(last_break_distance_atr_);
  if (log != nullptr) {
    Event event;
    event.kind = broken.is_choch ? EventKind::kChoch : EventKind::kBos;
    event.side = static_cast<int8_t>(direction);
    event.origin = broken.level.origin;
    event.known_at = t;
    event.level = broken.level.price;
    log->append(event);
  }
}

bool Structure::renew(int side, const Swing& swing) {
  Level& level = side > 0 ? up_ : down_;
  if (keep_extreme_level_ && level.exists && side * (swing.level - level.price) <= 0.0) return false;
  level = {true, swing.level, swing.origin};
  return true;
}

}  // namespace smctrain::features::smc
