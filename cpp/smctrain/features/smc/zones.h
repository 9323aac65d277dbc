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
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "smctrain/features/smc/event_z.h"
#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/history.h"
#include "smctrain/features/smc/options.h"
#include "smctrain/features/smc/zone_track.h"

namespace smctrain::features::smc {

// What the columns of the nearest zone show, in their order, so that a row takes them in one copy. Flags are
// 0 and 1.
struct ZoneFacts {
  double size_atr = 0.0;
  double quality = 0.0;
  double fill = 0.0;  // share of the height price has been in, 0 before the first touch
  double is_fresh = 1.0;
  double is_touched = 0.0;
  double is_filled = 0.0;
  double bounce_q = std::numeric_limits<double>::quiet_NaN();
  // Of blocks, frozen when the zone becomes known.
  double disp_atr = std::numeric_limits<double>::quiet_NaN();
  double body_ratio = std::numeric_limits<double>::quiet_NaN();
  double has_fvg = 0.0;
  double struct_aligned = 0.0;
  double bos_ctx = 0.0;
  double choch_ctx = 0.0;
  double ema_aligned = 0.0;
  double rsi_ok = 0.0;
};

struct Zone {
  double near = 0.0;
  double far = 0.0;
  ZoneFacts facts;
  ZoneState state = ZoneState::kFresh;
  bool is_resolved = false;
  int32_t merged = 0;
  int64_t origin = kNever;
  int64_t known_at = kNever;
  double known_number = std::numeric_limits<double>::quiet_NaN();  // see Moment; set when the zone is added
  int64_t touched_at = kNever;
  int64_t event = kNever;
  int32_t version = 0;  // in the track of the list, if it has one
  double deepest = std::numeric_limits<double>::infinity();
  double best = -std::numeric_limits<double>::infinity();
  double touch_atr = 0.0;
  double clean = std::numeric_limits<double>::quiet_NaN();

  // Signed distance of the close: positive in front of the near edge, 0 inside, negative beyond the far edge.
  double distance(double close) const { return close > near ? close - near : std::min(0.0, close - far); }
  // While price stays above, it does not change the zone. A candle whose close lies outside its range can
  // make a block with the edges exchanged, so both count.
  double wakes_at() const {
    if (touched_at == kNever) return std::max(near, far);
    return state == ZoneState::kFilled ? far : std::max(deepest, far);
  }
  void set_state(ZoneState next) {
    state = next;
    facts.is_fresh = static_cast<double>(next == ZoneState::kFresh);
    facts.is_touched = static_cast<double>(next == ZoneState::kTouched);
    facts.is_filled = static_cast<double>(next == ZoneState::kFilled);
  }
  // The same zone as a new one, known at t and never touched.
  void restart(int64_t t) {
    known_at = t;
    touched_at = kNever;
    event = kNever;
    deepest = std::numeric_limits<double>::infinity();
    best = -std::numeric_limits<double>::infinity();
    is_resolved = false;
    facts.fill = 0.0;
    facts.bounce_q = std::numeric_limits<double>::quiet_NaN();
    set_state(ZoneState::kFresh);
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
    const bool is_quiet = std::min(bar.low, bar.close) > wakes_at_ && t < due_at_;
    if (!is_quiet) advance_zones(t, bar, atr, log);
  }
  // A zone has become known at t of which only that is of interest.
  void mark_new(int64_t t) { last_new_ = Moment(t); }
  // Adds a zone known at t. One that is dead on arrival is only logged.
  void add(int64_t t, const Zone& zone, bool is_dead, EventLog* log);
  // Closes the zone known at `known_at` as MERGED and returns true with a copy of it, if it is still active.
  bool take_for_merge(int64_t known_at, int64_t t, Zone& taken, EventLog* log);
  bool has_origin(int64_t origin) const;
  // `within`: largest distance that counts as within 3 ATR.
  ZoneSummary summarize(double close, double within) const;
  // Keeps a track of every block from now on.
  void follow() { track_ = std::make_unique<ZoneTrack>(side_); }
  const ZoneTrack& track() const { return *track_; }
  void begin(int64_t t0, int n);  // the n bars from t0 on are next
  // Closes everything as EXPIRED at t: the segment has ended.
  void expire_all(int64_t t, EventLog* log);
  void reset();

  int side() const { return side_; }
  int size() const { return size_; }
  const Zone& operator[](int i) const { return zones_[static_cast<size_t>(i)]; }
  const Moment& last_new() const { return last_new_; }
  const Moment& last_invalidated() const { return last_invalidated_; }
  double hold_rate_20() const { return hold_rate_; }
  // Zones that advance() invalidated on its bar.
  const std::vector<Zone>& failed() const { return failed_; }

 private:
  void advance_zones(int64_t t, const Candle& bar, double atr, EventLog* log);
  void close(Zone& zone, ZoneState state, int64_t t, EventLog* log);
  void resolve(Zone& zone, double bounce_q, int64_t t, EventLog* log);
  void log_step(const Zone& zone, int64_t Event::* step, int64_t t, EventLog* log) const;
  int64_t append(const Zone& zone, EventLog* log) const;
  void erase(int i);
  void keep(int from, int to);  // in advance_zones(), which collects what all wait for
  int64_t due_of(const Zone& zone) const;

  EventKind kind_;
  int side_;
  int max_age_;
  int cap_;
  bool invalidate_on_wick_;
  int bounce_bars_;
  std::array<Zone, kCapacity> zones_;
  int size_ = 0;
  Moment last_new_;
  Moment last_invalidated_;
  uint32_t held_ = 0;  // one bit per resolved zone, newest lowest, 20 kept
  int resolved_ = 0;
  double hold_rate_ = std::numeric_limits<double>::quiet_NaN();
  // Of each zone: no low or close above the one, on no bar before the other, changes it. And of all of them.
  std::array<double, kCapacity> wakes_;
  std::array<int64_t, kCapacity> due_;
  double wakes_at_ = -std::numeric_limits<double>::infinity();
  int64_t due_at_ = std::numeric_limits<int64_t>::max();
  std::vector<Zone> failed_;
  std::unique_ptr<ZoneTrack> track_;
  EventZ size_z_;  // of the zone added last among the hundred before it; for the track
  EventZ displacement_z_;
};

inline ZoneSummary ZoneList::summarize(double close, double within) const {
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
  ZoneSummary summary;
  summary.active = size_;
  int64_t smallest = kFar;
  int64_t smallest_fresh = kFar;
  int nearest = -1;
  int nearest_fresh = -1;
  // Newest first: at equal distance the larger known_at wins. Which zone is the nearest is as good as random,
  // so selections instead of branches; sizes are compared by their bits, in the order of which they are.
  for (int i = size_ - 1; i >= 0; --i) {
    const Zone& zone = zones_[static_cast<size_t>(i)];
    const double size = std::abs(zone.distance(close));
    const auto key = std::bit_cast<int64_t>(size);
    const bool is_fresh = zone.state == ZoneState::kFresh;
    const int64_t key_if_fresh = is_fresh ? key : kFar;
    summary.fresh += is_fresh;
    summary.within_3_atr += size <= within;
    const bool is_nearer = key < smallest;
    nearest = is_nearer ? i : nearest;
    smallest = is_nearer ? key : smallest;
    const bool is_nearer_fresh = key_if_fresh < smallest_fresh;
    nearest_fresh = is_nearer_fresh ? i : nearest_fresh;
    smallest_fresh = is_nearer_fresh ? key_if_fresh : smallest_fresh;
  }
  if (nearest >= 0) {
    summary.nearest = &zones_[static_cast<size_t>(nearest)];
    summary.distance = summary.nearest->distance(close);
  }
  if (nearest_fresh >= 0) {
    summary.nearest_fresh = &zones_[static_cast<size_t>(nearest_fresh)];
    summary.fresh_distance = summary.nearest_fresh->distance(close);
  }
  return summary;
}

}  // namespace smctrain::features::smc
