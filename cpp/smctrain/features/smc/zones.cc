#include "smctrain/features/smc/zones.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "smctrain/features/smc/fuzzy.h"

namespace smctrain::features::smc {

namespace {

constexpr int kHoldWindow = 20;
constexpr int kHoldMinimum = 5;
constexpr double kHoldBounce = 0.3;

}  // namespace

ZoneList::ZoneList(EventKind kind, int side, const Options& options)
    : kind_(kind),
      side_(side),
      max_age_(options.zone_max_age_bars),
      cap_(std::min(options.zone_cap, kCapacity)),
      invalidate_on_wick_(options.zone_invalidate_on_wick),
      bounce_bars_(options.bounce_bars) {
  failed_.reserve(kCapacity);
}

inline void ZoneList::keep(int from, int to) {
  const auto i = static_cast<size_t>(from);
  const auto k = static_cast<size_t>(to);
  if (k != i) {
    zones_[k] = zones_[i];
    wakes_[k] = wakes_[i];
    due_[k] = due_[i];
  }
  wakes_at_ = std::max(wakes_at_, wakes_[k]);
  due_at_ = std::min(due_at_, due_[k]);
}

void ZoneList::advance_zones(int64_t t, const Candle& bar, double atr, EventLog* log) {
  wakes_at_ = -std::numeric_limits<double>::infinity();
  due_at_ = std::numeric_limits<int64_t>::max();
  int kept = 0;
  const double reached = std::min(bar.low, bar.close);
  for (int i = 0; i < size_; ++i) {
    const auto at = static_cast<size_t>(i);
    if (reached > wakes_[at] && t < due_[at]) {
      keep(i, kept++);
      continue;
    }
    Zone& zone = zones_[at];
    bool is_dead = false;
    bool has_changed = false;
    if (t - zone.known_at > max_age_) {
      close(zone, ZoneState::kExpired, t, log);
      continue;
    }
    const bool awaits_bounce =
        zone.touched_at != kNever && !zone.is_resolved && t - zone.touched_at <= bounce_bars_;
    if (awaits_bounce) zone.best = std::max(zone.best, bar.close);
    if (bar.low <= zone.near) {
      if (zone.touched_at == kNever) {
        zone.touched_at = t;
        zone.touch_atr = atr;
        zone.set_state(ZoneState::kTouched);
        has_changed = true;
        log_step(zone, &Event::touched_at, t, log);
      }
      if (bar.low < zone.deepest) {
        zone.deepest = bar.low;
        has_changed = true;
        zone.facts.fill =
            zone.near > zone.far ? clip((zone.near - bar.low) / (zone.near - zone.far), 0.0, 1.0) : 1.0;
      }
    }
    if ((invalidate_on_wick_ ? bar.low : bar.close) < zone.far) {
      if (!zone.is_resolved) resolve(zone, 0.0, t, log);
      close(zone, ZoneState::kInvalidated, t, log);
      last_invalidated_ = Moment(t);
      if (track_ != nullptr) track_->add_invalidated(t);
      failed_.push_back(zone);
      continue;
    }
    if (bar.low <= zone.far && zone.state != ZoneState::kFilled) {
      zone.set_state(ZoneState::kFilled);
      has_changed = true;
      log_step(zone, &Event::filled_at, t, log);
      is_dead = kind_ == EventKind::kFvg;
    }
    if (awaits_bounce && t - zone.touched_at == bounce_bars_) {
      // A touch on a bar without range (ATR 0) has no scale; it counts as no bounce.
      has_changed = true;
      resolve(zone, zone.touch_atr > 0.0 ? clip((zone.best - zone.near) / zone.touch_atr, 0.0, 1.0) : 0.0, t,
              log);
    }
    if (is_dead) {
      if (!zone.is_resolved) resolve(zone, 0.0, t, log);
      close(zone, ZoneState::kFilled, t, log);
      continue;
    }
    wakes_[at] = zone.wakes_at();
    due_[at] = due_of(zone);
    if (has_changed && track_ != nullptr) zone.version = track_->renew(zone, t);
    keep(i, kept++);
  }
  size_ = kept;
}

int64_t ZoneList::due_of(const Zone& zone) const {
  // While its bounce is measured, every bar counts.
  if (zone.touched_at != kNever && !zone.is_resolved) return kNever;
  return zone.known_at + max_age_ + 1;
}

void ZoneList::add(int64_t t, const Zone& zone, bool is_dead, EventLog* log) {
  Zone added = zone;
  added.known_number = static_cast<double>(zone.known_at);
  added.event = append(added, log);
  if (track_ != nullptr) added.version = track_->open(added, t);
  if (is_dead) {
    close(added, ZoneState::kInvalidated, t, log);
    return;
  }
  last_new_ = Moment(t);
  if (size_ == cap_) {
    close(zones_[0], ZoneState::kExpired, t, log);  // zones stand in the order of known_at
    erase(0);
  }
  if (track_ != nullptr) {
    const double size_z = size_z_.push(zone.facts.size_atr);
    track_->add_new(t, added, size_z, displacement_z_.push(zone.facts.disp_atr));
  }
  const auto at = static_cast<size_t>(size_++);
  zones_[at] = added;
  wakes_[at] = added.wakes_at();
  due_[at] = due_of(added);
  wakes_at_ = std::max(wakes_at_, wakes_[at]);
  due_at_ = std::min(due_at_, due_[at]);
}

void ZoneList::begin(int64_t t0, int n) {
  if (track_ == nullptr) return;
  track_->begin(t0, n, last_new_.number, last_invalidated_.number, hold_rate_);
  for (int i = 0; i < size_; ++i) {
    Zone& zone = zones_[static_cast<size_t>(i)];
    zone.version = track_->open(zone, t0);
  }
}

bool ZoneList::take_for_merge(int64_t known_at, int64_t t, Zone& taken, EventLog* log) {
  if (size_ == 0 || zones_[static_cast<size_t>(size_ - 1)].known_at != known_at) return false;
  Zone& zone = zones_[static_cast<size_t>(--size_)];
  close(zone, ZoneState::kMerged, t, log);
  taken = zone;
  return true;
}

bool ZoneList::has_origin(int64_t origin) const {
  return std::any_of(zones_.begin(), zones_.begin() + size_,
                     [origin](const Zone& zone) { return zone.origin == origin; });
}

void ZoneList::expire_all(int64_t t, EventLog* log) {
  for (int i = 0; i < size_; ++i) close(zones_[static_cast<size_t>(i)], ZoneState::kExpired, t, log);
  size_ = 0;
}

void ZoneList::reset() {
  size_ = 0;
  last_new_ = {};
  last_invalidated_ = {};
  held_ = 0;
  resolved_ = 0;
  hold_rate_ = std::numeric_limits<double>::quiet_NaN();
  wakes_at_ = -std::numeric_limits<double>::infinity();
  due_at_ = std::numeric_limits<int64_t>::max();
  failed_.clear();
  size_z_.reset();
  displacement_z_.reset();
}

void ZoneList::close(Zone& zone, ZoneState state, int64_t t, EventLog* log) {
  zone.set_state(state);
  if (track_ != nullptr) track_->close(zone.version, t);
  log_step(zone, &Event::invalidated_at, t, log);
}

void ZoneList::resolve(Zone& zone, double bounce_q, int64_t t, EventLog* log) {
  zone.is_resolved = true;
  zone.facts.bounce_q = bounce_q;
  held_ = ((held_ << 1) | (bounce_q > kHoldBounce ? 1U : 0U)) & ((1U << kHoldWindow) - 1U);
  resolved_ = std::min(resolved_ + 1, kHoldWindow);
  if (resolved_ >= kHoldMinimum) hold_rate_ = static_cast<double>(std::popcount(held_)) / resolved_;
  if (track_ != nullptr) track_->add_hold_rate(t, hold_rate_);
  if (log != nullptr) (*log)[zone.event].bounce_q = bounce_q;
  log_step(zone, &Event::resolved_at, t, log);
}

void ZoneList::log_step(const Zone& zone, int64_t Event::* step, int64_t t, EventLog* log) const {
  if (log == nullptr) return;
  Event& event = (*log)[zone.event];
  event.*step = t;
  event.state = zone.state;
}

int64_t ZoneList::append(const Zone& zone, EventLog* log) const {
  if (log == nullptr) return kNever;
  const ZoneFacts& facts = zone.facts;
  Event event;
  event.kind = kind_;
  event.side = static_cast<int8_t>(side_);
  event.origin = zone.origin;
  event.known_at = zone.known_at;
  event.top = side_ > 0 ? zone.near : -zone.far;
  event.bottom = side_ > 0 ? zone.far : -zone.near;
  event.size_atr = facts.size_atr;
  event.disp_atr = facts.disp_atr;
  event.body_ratio = facts.body_ratio;
  event.clean = zone.clean;
  event.quality = facts.quality;
  event.members = zone.merged;
  event.has_fvg = facts.has_fvg != 0.0;
  event.struct_aligned = facts.struct_aligned != 0.0;
  event.bos_ctx = facts.bos_ctx != 0.0;
  event.choch_ctx = facts.choch_ctx != 0.0;
  event.ema_aligned = facts.ema_aligned != 0.0;
  event.rsi_ok = facts.rsi_ok != 0.0;
  return log->append(event);
}

void ZoneList::erase(int i) {
  std::move(zones_.begin() + i + 1, zones_.begin() + size_, zones_.begin() + i);
  std::move(wakes_.begin() + i + 1, wakes_.begin() + size_, wakes_.begin() + i);
  std::move(due_.begin() + i + 1, due_.begin() + size_, due_.begin() + i);
  --size_;
}

}  // namespace smctrain::features::smc
