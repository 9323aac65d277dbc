#include "smctrain/features/smc/swings.h"

#include <algorithm>
#include <bit>

namespace smctrain::features::smc {

PivotFinder::PivotFinder(int left, int right)
    : left_(left),
      right_(right),
      span_(std::max(left, right)),
      mask_(std::bit_ceil(static_cast<size_t>(span_) + 2) - 1),
      entries_(mask_ + 1),
      deque_(mask_ + 1) {}

bool PivotFinder::push(double value) {
  const int64_t t = count_++;
  const auto at = [this](int64_t position) -> int64_t& {
    return deque_[static_cast<size_t>(position) & mask_];
  };
  if (head_ < tail_ && at(head_) < t - span_) ++head_;
  while (head_ < tail_ && entry(at(tail_ - 1)).value < value) entry(at(--tail_)).is_standing = false;
  const bool is_clear_left = head_ == tail_ || at(tail_ - 1) < t - left_;
  entry(t) = {value, is_clear_left, true};
  at(tail_++) = t;
  const int64_t i = t - right_;
  if (i < left_) return false;
  return entry(i).is_clear_left && entry(i).is_standing;
}

void PivotFinder::reset() {
  head_ = 0;
  tail_ = 0;
  count_ = 0;
}

void Swings::push(int64_t t, const History& history, EventLog* log) {
  const Candle& bar = history.back(0).candle;
  const bool is_high = highs_.push(bar.high);
  const bool is_low = lows_.push(-bar.low);
  const auto renew = [&](Swing& swing, double level, EventKind kind, int side) {
    const double order = !swing.exists()       ? Event::kNone
                         : level > swing.level ? 1.0
                         : level < swing.level ? -1.0
                                               : 0.0;
    swing = {t - right_, t, level, order};
    if (log != nullptr) {
      Event event;
      event.kind = kind;
      event.side = static_cast<int8_t>(side);
      event.origin = swing.origin;
      event.known_at = t;
      event.level = level;
      log->append(event);
    }
  };
  if (is_high) renew(high_, history.back(right_).candle.high, EventKind::kSwingHigh, +1);
  if (is_low) renew(low_, history.back(right_).candle.low, EventKind::kSwingLow, -1);
}

void Swings::reset() {
  highs_.reset();
  lows_.reset();
  high_ = {};
  low_ = {};
}

}  // namespace smctrain::features::smc
