#include "smctrain/features/smc/liquidity.h"

#include <algorithm>
#include <cmath>

namespace smctrain::features::smc {

void Liquidity::take(int64_t t, const Candle& bar, double atr, EventLog* log) {
  double depth = -std::numeric_limits<double>::infinity();
  int kept = 0;
  for (int i = 0; i < size_; ++i) {
    const Pool pool = pools_[static_cast<size_t>(i)];
    if (bar.high > pool.level) {
      const bool is_run = bar.close > pool.level;
      (is_run ? is_run_ : is_sweep_) = true;
      if (!is_run) depth = std::max(depth, bar.high - pool.level);
      log_closed(pool, ZoneState::kInvalidated, t, log);
      log_taken(is_run ? EventKind::kRun : EventKind::kSweep, t, pool, log);
      continue;
    }
    if (t - pool.last_joined > max_age_) {
      log_closed(pool, ZoneState::kExpired, t, log);
      continue;
    }
    pools_[static_cast<size_t>(kept++)] = pool;
  }
  size_ = kept;
  take_stock();
  if (is_sweep_) {
    last_sweep_ = Moment(t);
    last_depth_atr_ = atr > 0.0 ? depth / atr : Event::kNone;
  }
}

void Liquidity::join(int64_t t, const Swing& swing, double atr, EventLog* log) {
  if (!(atr > 0.0)) return;
  const double level = side_ * swing.level;
  const double tolerance = tolerance_atr_ * atr;
  int best = -1;
  double smallest = tolerance;
  for (int i = 0; i < size_; ++i) {
    const Pool& pool = pools_[static_cast<size_t>(i)];
    const double distance = std::abs(pool.level - level);
    const bool is_better =
        best < 0 ? distance <= smallest
                 : distance < smallest || (distance == smallest &&
                                           pool.last_joined > pools_[static_cast<size_t>(best)].last_joined);
    if (is_better) {
      best = i;
      smallest = distance;
    }
  }

  Pool pool{level, swing.origin, t, kNever, 1};
  if (best >= 0) {
    const Pool& older = pools_[static_cast<size_t>(best)];
    log_closed(older, ZoneState::kMerged, t, log);
    pool.level = std::max(older.level, level);
    pool.origin = older.origin;
    pool.members = older.members + 1;
  } else if (size_ == kCapacity) {
    best = static_cast<int>(
        std::min_element(pools_.begin(), pools_.end(),
                         [](const Pool& a, const Pool& b) { return a.last_joined < b.last_joined; }) -
        pools_.begin());
    log_closed(pools_[static_cast<size_t>(best)], ZoneState::kExpired, t, log);
  } else {
    best = size_++;
  }
  if (log != nullptr) {
    Event event;
    event.kind = EventKind::kPool;
    event.side = static_cast<int8_t>(side_);
    event.origin = pool.origin;
    event.known_at = t;
    event.level = side_ * pool.level;
    event.members = pool.members;
    pool.event = log->append(event);
  }
  pools_[static_cast<size_t>(best)] = pool;
  take_stock();
}

void Liquidity::expire_all(int64_t t, EventLog* log) {
  for (int i = 0; i < size_; ++i) log_closed(pools_[static_cast<size_t>(i)], ZoneState::kExpired, t, log);
  size_ = 0;
  take_stock();
}

void Liquidity::reset() {
  size_ = 0;
  take_stock();
  is_sweep_ = false;
  is_run_ = false;
  last_sweep_ = {};
  last_depth_atr_ = std::numeric_limits<double>::quiet_NaN();
}

void Liquidity::take_stock() {
  ++changes_;
  nearest_ = 0;
  crowded_ = 0;
  oldest_join_ = kLater;
  for (int i = 0; i < size_; ++i) {
    const Pool& pool = pools_[static_cast<size_t>(i)];
    const Pool& best = pools_[static_cast<size_t>(nearest_)];
    if (pool.level < best.level || (pool.level == best.level && pool.last_joined > best.last_joined))
      nearest_ = i;
    if (pool.members >= 2) ++crowded_;
    oldest_join_ = std::min(oldest_join_, pool.last_joined);
  }
  lowest_level_ =
      size_ > 0 ? pools_[static_cast<size_t>(nearest_)].level : std::numeric_limits<double>::infinity();
}

void Liquidity::log_taken(EventKind kind, int64_t t, const Pool& pool, EventLog* log) const {
  if (log == nullptr) return;
  Event event;
  event.kind = kind;
  event.side = static_cast<int8_t>(side_);
  event.origin = pool.origin;
  event.known_at = t;
  event.level = side_ * pool.level;
  event.members = pool.members;
  log->append(event);
}

void Liquidity::log_closed(const Pool& pool, ZoneState state, int64_t t, EventLog* log) const {
  if (log == nullptr) return;
  (*log)[pool.event].state = state;
  (*log)[pool.event].invalidated_at = t;
}

}  // namespace smctrain::features::smc
