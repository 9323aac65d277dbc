#include "smctrain/features/smc/swings.h"

#include <algorithm>
#include <bit>

namespace smctrain::features::smc {

PivotFinder::PivotFinder(int left, int right)
    : left_(left),
      right_(right),
      is_symmetric_(left == right),
      mask_(std::bit_ceil(static_cast<size_t>(right) + 1) - 1),
      candidates_(mask_ + 1, kNone),
      left_window_(left),
      right_window_(right) {}

void PivotFinder::reset() {
  std::fill(candidates_.begin(), candidates_.end(), kNone);
  left_window_.reset();
  right_window_.reset();
  left_max_ = kNone;
  count_ = 0;
}

void Swings::renew(Swing& swing, int64_t t, double level, int side, EventLog* log) const {
  const double order = !swing.exists()       ? Event::kNone
                       : level > swing.level ? 1.0
                       : level < swing.level ? -1.0
                                             : 0.0;
  swing = {t - right_, t, level, order, static_cast<double>(t - right_)};
  if (log == nullptr) return;
  Event event;
  event.kind = side > 0 ? EventKind::kSwingHigh : EventKind::kSwingLow;
  event.side = static_cast<int8_t>(side);
  event.origin = swing.origin;
  event.known_at = t;
  event.level = level;
  log->append(event);
}

void Swings::reset() {
  highs_.reset();
  lows_.reset();
  high_ = {};
  low_ = {};
}

}  // namespace smctrain::features::smc
