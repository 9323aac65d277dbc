// Zones (fair value gaps, order blocks or breakers of one side) and their life.
//
//   near, far     edges seen from the long side: price comes back to `near` first and leaves through `far`
//   FRESH         never touched since it was known
//   TOUCHED       a low at or below the near edge
//   FILLED        a low at or below the far edge: the end of a gap, an active state of a block
//   INVALIDATED   a close (or wick) beyond the far edge
//   EXPIRED       too old, or the oldest above the cap;  MERGED: became part of the next gap
//   bounce_q      best close of the `bounce_bars` bars after the first touch, above the near edge, in ATR of
//                 the touch, clipped to [0, 1]. A touched zone that dies before that resolves with 0; expired
//                 ones do not resolve.
//   hold rate     share of the last 20 resolved zones with bounce_q > 0.3
//
// The bar on which a zone becomes known never touches it. At most 64 zones live, so a bar costs a bounded
// loop.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "smctrain/features/smc/event_z.h"
#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/history.h"
#include "smctrain/features/smc/options.h"

namespace smctrain::features::smc {

struct Zone {
  double near = 0.0;
  double far = 0.0;
  double depth = 0.0;  // see fill()
  int64_t origin = kNever;
  int64_t known_at = kNever;
  int64_t touched_at = kNever;
  int64_t event = kNever;
  double deepest = std::numeric_limits<double>::infinity();
  double best = -std::numeric_limits<double>::infinity();
  double touch_atr = 0.0;
  double bounce_q = std::numeric_limits<double>::quiet_NaN();
  ZoneState state = ZoneState::kFresh;
  bool is_resolved = false;

  // Frozen when the zone becomes known.
  bool has_fvg = false;
  bool struct_aligned = false;
  bool bos_ctx = false;
  bool choch_ctx = false;
  bool ema_aligned = false;
  bool rsi_ok = false;
  int32_t merged = 0;
  double size_atr = 0.0;
  double disp_atr = std::numeric_limits<double>::quiet_NaN();
  double body_ratio = std::numeric_limits<double>::quiet_NaN();
  double clean = std::numeric_limits<double>::quiet_NaN();
  double quality = 0.0;

  // Signed distance of the close: positive in front of the near edge, 0 inside, negative beyond the far edge.
  double distance(double close) const {
    return close > near ? close - near : close < far ? close - far : 0.0;
  }
  // Share of the height price has been in, 0 before the first touch.
  double fill() const { return depth; }
  // The same zone as a new one, known at t and never touched.
  void restart(int64_t t) {
    known_at = t;
    touched_at = kNever;
    event = kNever;
    depth = 0.0;
    deepest = std::numeric_limits<double>::infinity();
    best = -std::numeric_limits<double>::infinity();
    bounce_q = std::numeric_limits<double>::quiet_NaN();
    state = ZoneState::kFresh;
    is_resolved = false;
  }
};

// What one row says about the zones of a list.
struct ZoneSummary {
  int active = 0;
  int fresh = 0;
  int within_3_atr = 0;
  const Zone* nearest = nullptr;
  const Zone* nearest_fresh = nullptr;
  double distance = std::numeric_limits<double>::quiet_NaN();        // of the nearest, in price
  double fresh_distance = std::numeric_limits<double>::quiet_NaN();  // of the nearest fresh one
};

class ZoneList {
 public:
  static constexpr int kCapacity = 64;

  ZoneList(EventKind kind, int side, const Options& options);
  // Life cycle of every zone for bar t (seen from this list's side). Call before zones of bar t are added.
  void advance(int64_t t, const Candle& bar, double atr, EventLog* log) {
    if (!failed_.empty()) failed_.clear();
    // Most bars reach no zone: nothing is too old, waits for its bounce, or lies where price went.
    const bool is_quiet = size_ == 0 || (std::min(bar.low, bar.close) > wakes_at_ && t > bounce_until_ &&
                                         t - zones_[0].known_at <= max_age_);
    if (!is_quiet) advance_zones(t, bar, atr, log);
  }
  // Adds a zone known at t. One that is dead on arrival is only logged.
  void add(int64_t t, const Zone& zone, bool is_dead, EventLog* log);
  // Closes the zone known at `known_at` as MERGED and returns true with a copy of it, if it is still active.
  bool take_for_merge(int64_t known_at, int64_t t, Zone& taken, EventLog* log);
  bool has_origin(int64_t origin) const;
  ZoneSummary summarize(double close, double atr) const;
  // Closes everything as EXPIRED at t: the segment has ended.
  void expire_all(int64_t t, EventLog* log);
  void reset();

  int side() const { return side_; }
  int size() const { return size_; }
  const Zone& operator[](int i) const { return zones_[static_cast<size_t>(i)]; }
  int64_t last_new() const { return last_new_; }
  int64_t last_invalidated() const { return last_invalidated_; }
  double hold_rate_20() const { return hold_rate_; }
  // Zones that advance() invalidated on its bar.
  const std::vector<Zone>& failed() const { return failed_; }
  // Size and displacement of the zone added last, among the hundred before it.
  double last_size_z() const { return last_size_z_; }
  double last_displacement_z() const { return last_displacement_z_; }

 private:
  void advance_zones(int64_t t, const Candle& bar, double atr, EventLog* log);
  void close(Zone& zone, ZoneState state, int64_t t, EventLog* log) const;
  void resolve(Zone& zone, double bounce_q, int64_t t, EventLog* log);
  void log_step(const Zone& zone, int64_t Event::* step, int64_t t, EventLog* log) const;
  int64_t append(const Zone& zone, EventLog* log) const;
  void erase(int i);

  EventKind kind_;
  int side_;
  int max_age_;
  int cap_;
  bool invalidate_on_wick_;
  int bounce_bars_;
  std::array<Zone, kCapacity> zones_;
  int size_ = 0;
  int64_t last_new_ = kNever;
  int64_t last_invalidated_ = kNever;
  uint32_t held_ = 0;  // one bit per resolved zone, newest lowest, 20 kept
  int resolved_ = 0;
  double hold_rate_ = std::numeric_limits<double>::quiet_NaN();
  double wakes_at_ = -std::numeric_limits<double>::infinity();  // no zone changes while price stays above
  int64_t bounce_until_ = kNever;                               // last bar on which a bounce is measured
  std::vector<Zone> failed_;
  EventZ size_z_;
  EventZ displacement_z_;
  double last_size_z_ = std::numeric_limits<double>::quiet_NaN();
  double last_displacement_z_ = std::numeric_limits<double>::quiet_NaN();
};

inline ZoneSummary ZoneList::summarize(double close, double atr) const {
  ZoneSummary summary;
  summary.active = size_;
  const double surely_within = 3.0 * atr * (1.0 - 1e-12);
  const double surely_beyond = 3.0 * atr * (1.0 + 1e-12);
  double smallest = std::numeric_limits<double>::infinity();
  double smallest_fresh = smallest;
  // Newest first: at equal distance the larger known_at wins.
  for (int i = size_ - 1; i >= 0; --i) {
    const Zone& zone = zones_[static_cast<size_t>(i)];
    const double distance = zone.distance(close);
    const double size = std::abs(distance);
    // The quotient decides; it is needed only where the product could round the other way.
    if (size < surely_within || (!(size > surely_beyond) && size / atr <= 3.0)) ++summary.within_3_atr;
    if (size < smallest) {
      smallest = size;
      summary.nearest = &zone;
      summary.distance = distance;
    }
    if (zone.state != ZoneState::kFresh) continue;
    ++summary.fresh;
    if (size < smallest_fresh) {
      smallest_fresh = size;
      summary.nearest_fresh = &zone;
      summary.fresh_distance = distance;
    }
  }
  return summary;
}

}  // namespace smctrain::features::smc
