#include <algorithm>
#include <bit>
#include <cstddef>
#include <string>

#include "smctrain/features/smc/columns.h"

namespace smctrain::features::smc {

namespace {

constexpr int64_t kAtrWarmup = 14;
constexpr int64_t kStructureSettle = 50;  // beyond the oldest zone: the structure it came from
constexpr int64_t kAtrSettle = 187;  // Wilder's mean of 14, for what was frozen when the oldest zone was new
constexpr int64_t kCrowdedSettle = 1000;  // pools live on as swings join them
constexpr int64_t kRegimeWarmup = 63;     // of atr_z50
constexpr int64_t kHoldSettle = 3000;     // twenty resolved zones of one kind and side

void add(Columns& columns, const std::string& name, const char* unit, int64_t warmup, int64_t settle,
         const char* known_at, const std::string& definition) {
  const bool is_level = std::string(unit) == "price";
  columns.push_back(
      {name, "zones", unit, is_level ? "level" : "feature", kForever, warmup, settle, known_at, definition});
}

// Which columns a kind has.
constexpr bool is_breaker(EventKind kind) { return kind == EventKind::kBreaker; }
constexpr bool is_block(EventKind kind) { return kind == EventKind::kOrderBlock; }

constexpr int kPlainFacts = offsetof(ZoneFacts, disp_atr) / sizeof(double);  // of gaps and breakers

std::string prefix_of(EventKind kind, int side) {
  const char* name = is_breaker(kind) ? "brk" : is_block(kind) ? "ob" : "fvg";
  return std::string(name) + (side > 0 ? "_bull_" : "_bear_");
}

}  // namespace

void define_zones(Columns& columns, EventKind kind, int side, int max_age_bars) {
  const std::string prefix = prefix_of(kind, side);
  const std::string what =
      std::string(side > 0 ? "bullish " : "bearish ") + (is_breaker(kind) ? "breaker"
                                                         : is_block(kind) ? "order block"
                                                                          : "fair value gap");
  const char* known_at = is_breaker(kind) ? "close of the bar that invalidates the order block"
                         : is_block(kind) ? "close of the bar that breaks the structure"
                                          : "close of the third bar of the gap";
  // A breaker was a block before, and may have been one for as long as it can be a breaker.
  const int64_t memory = is_breaker(kind) ? 2 * max_age_bars : max_age_bars;
  const auto put = [&](const char* name, const char* unit, int64_t warmup, const std::string& definition) {
    add(columns, prefix + name, unit, warmup, memory + kStructureSettle, known_at, definition);
  };
  const auto number = [&](const char* name, const char* unit, const std::string& definition) {
    put(name, unit, kAtrWarmup, definition);
  };
  const auto frozen = [&](const char* name, const char* unit, int64_t warmup, const std::string& definition) {
    add(columns, prefix + name, unit, warmup, memory + kAtrSettle, known_at, definition);
  };
  const auto mark = [&](const char* name, const std::string& definition) {
    put(name, "flag", 0, definition);
  };
  const auto event_z = [&](const char* name, const std::string& value) {
    add(columns, prefix + name, "z", kAtrWarmup, kForever, known_at,
        value + " on this bar among the 100 before it (at least 20), else NaN");
  };

  mark("new", "1 on the bar that makes a " + what + " known");
  number("new_size_atr", "atr", "height of the " + what + " that became known on this bar, else NaN");
  if (is_block(kind))
    number("new_disp_atr", "atr", "move away from the " + what + " that became known on this bar, else NaN");
  if (!is_breaker(kind)) {
    number("new_quality", "score", "quality of the " + what + " that became known on this bar, else NaN");
    event_z("new_size_atr_ez100", "height of the " + what + " that became known");
  }
  if (is_block(kind)) event_z("new_disp_atr_ez100", "move away from the " + what + " that became known");
  number("bars_since_new", "bars", "bars since a " + what + " became known");
  frozen("bars_since_inval", "bars", kAtrWarmup, "bars since a " + what + " was invalidated");
  put("n_active", "count", 0, "active zones: " + what);
  put("n_fresh", "count", 0, "active zones never touched: " + what);
  put("n_3atr", "count", 0, "active zones within 3 ATR of the close: " + what);
  number("dist_atr", "atr",
         "signed distance of the close to the nearest active " + what + ", 0 inside, >= 0 still ahead");
  number("age", "bars", "bars since the nearest active " + what + " became known");
  mark("inside", "1 if the close is inside the nearest active " + what);
  // From here on the order of ZoneFacts.
  frozen("size_atr", "atr", kAtrWarmup,
         "height of the nearest active " + what + ", in ATR of the bar that made it known");
  frozen("quality", "score", kAtrWarmup,
         is_breaker(kind) ? "quality of the order block that the nearest active " + what + " was"
                          : "quality of the nearest active " + what);
  number("fill", "ratio", "how deep price has been in the nearest active " + what);
  mark("st_fresh", "1 if the nearest active " + what + " was never touched");
  mark("st_touched", "1 if the nearest active " + what + " was touched but not filled");
  mark("st_filled", "1 if the nearest active " + what + " was filled");
  frozen("bounce_q", "score", kAtrWarmup,
         "bounce of the nearest active " + what + " after its first touch, NaN until measurable");
  if (is_block(kind)) {
    frozen("disp_atr", "atr", kAtrWarmup, "move away from the nearest active " + what);
    number("body_ratio", "ratio", "body share of the candle of the nearest active " + what);
    mark("has_fvg", "1 if a gap of the same side followed the candle of the nearest active " + what);
    mark("struct_aligned",
         "1 if the structure pointed to the side of the nearest active " + what + " when it became known");
    mark("bos_ctx", "1 if a BOS of the same side was at most 5 bars old then: nearest active " + what);
    mark("choch_ctx", "1 if a CHoCH of the same side was at most 5 bars old then: nearest active " + what);
    frozen("ema_aligned", "flag", 0,
           "1 if the close was on the right side of ema_first_50 then: nearest active " + what);
    frozen("rsi_ok", "flag", 0, "1 if rsi_wilder_14 was not stretched then: nearest active " + what);
  } else if (!is_breaker(kind)) {
    put("merged", "count", 0, "gaps merged into the nearest active " + what);
  }
  number("fresh_dist_atr", "atr", "signed distance of the close to the nearest untouched " + what);
  number("fresh_age", "bars", "bars since the nearest untouched " + what + " became known");
  add(columns, prefix + "hold_rate_20", "ratio", kAtrWarmup, is_breaker(kind) ? kForever : kHoldSettle,
      known_at, "share of the last 20 resolved zones that bounced: " + what);
  if (!is_breaker(kind)) {
    const std::string trend =
        side > 0 ? "trend_bull > 0.3, mom_overbought < 0.7" : "trend_bear > 0.3, mom_oversold < 0.7";
    frozen("valid", "flag", kRegimeWarmup,
           "1 if there is an active " + what + ", " + trend +
               " and the regime is normal or high_vol_trend; NaN while the regime is unknown");
  }
  number("top", "price", "upper edge of the nearest active " + what);
  number("bottom", "price", "lower edge of the nearest active " + what);
}

void find_within_3(const double* atr, int n, double* out) {
  // The quotient decides; the product may miss its bound by a rounding. Neighbours of a double are one bit
  // apart.
  Scratch next;
  Scratch share;
  Scratch next_share;
  for (int i = 0; i < n; ++i) {
    out[i] = 3.0 * atr[i];
    next[static_cast<size_t>(i)] = std::bit_cast<double>(std::bit_cast<int64_t>(out[i]) + 1);
  }
  kernels().scaled_ratio(out, atr, 1.0, n, share.data());
  kernels().scaled_ratio(next.data(), atr, 1.0, n, next_share.data());
  for (int i = 0; i < n; ++i) {
    const auto k = static_cast<size_t>(i);
    if (!(atr[i] > 0.0)) {
      out[i] = -1.0;
    } else if (share[k] > 3.0 || next_share[k] <= 3.0) {
      auto bits = std::bit_cast<int64_t>(out[i]);
      while (std::bit_cast<double>(bits) / atr[i] > 3.0) --bits;
      while (std::bit_cast<double>(bits + 1) / atr[i] <= 3.0) ++bits;
      out[i] = std::bit_cast<double>(bits);
    }
  }
}

void ZoneColumns::find_nearest(const ZoneTrack& track, const double* close, const BlockRows& rows) {
  const auto n = static_cast<size_t>(rows.n);
  std::fill_n(distance_.data(), n, kNaN);
  std::fill_n(fresh_distance_.data(), n, kNaN);
  std::fill_n(count_.data(), n, 0.0);
  std::fill_n(active_.data(), n + 1, 0.0);
  std::fill_n(fresh_.data(), n + 1, 0.0);
  std::fill_n(nearest_.data(), n, int64_t{0});
  std::fill_n(nearest_fresh_.data(), n, int64_t{0});
  const auto& nearest_zone = kernels().nearest_zone;
  const auto& versions = track.versions();
  // Older zones first: at equal distance the larger known_at wins.
  for (int32_t id : track.zones()) {
    for (; id != 0; id = versions[static_cast<size_t>(id)].next) {
      const ZoneVersion& version = versions[static_cast<size_t>(id)];
      const int begin = version.start;
      const int end = version.end;
      if (begin >= end) continue;
      nearest_zone(close, rows.within_3, version.near, version.far, id, begin, end, distance_.data(),
                   nearest_.data(), count_.data());
      active_[static_cast<size_t>(begin)] += 1.0;
      active_[static_cast<size_t>(end)] -= 1.0;
      if (!version.is_fresh) continue;
      nearest_zone(close, nullptr, version.near, version.far, id, begin, end, fresh_distance_.data(),
                   nearest_fresh_.data(), nullptr);
      fresh_[static_cast<size_t>(begin)] += 1.0;
      fresh_[static_cast<size_t>(end)] -= 1.0;
    }
  }
  double active = 0.0;
  double fresh = 0.0;
  for (size_t i = 0; i < n; ++i) {
    active += active_[i];
    fresh += fresh_[i];
    active_[i] = active;
    fresh_[i] = fresh;
  }
}

void ZoneColumns::find_runs(const ZoneTrack& track, const Ids& ids, int n, Runs& runs) const {
  runs.clear();
  int64_t last = -1;
  for (int i = 0; i < n; ++i) {
    const int64_t id = ids[static_cast<size_t>(i)];
    if (id == last) continue;
    last = id;
    runs.add(i, track.versions()[static_cast<size_t>(id)].values);
  }
}

void ZoneColumns::write(const ZoneTrack& track, EventKind kind, int side, const BlockRows& rows,
                        Outputs out) {
  const int n = rows.n;
  const double* close = side > 0 ? rows.close : rows.minus_close;
  find_nearest(track, close, rows);
  find_runs(track, nearest_, n, runs_);
  find_runs(track, nearest_fresh_, n, fresh_runs_);

  HeldColumns held(runs_, rows);
  HeldColumns held_fresh(fresh_runs_, rows);
  const auto put_new = [&](double nothing, auto&& read) {
    double* to = out.next();
    if (to == nullptr) return;
    std::fill_n(to, n, nothing);
    for (const NewZone& zone : track.news()) to[zone.row] = read(zone);
  };
  put_new(0.0, [](const NewZone&) { return 1.0; });
  put_new(kNaN, [](const NewZone& zone) { return zone.size_atr; });
  if (is_block(kind)) put_new(kNaN, [](const NewZone& zone) { return zone.disp_atr; });
  if (!is_breaker(kind)) {
    put_new(kNaN, [](const NewZone& zone) { return zone.quality; });
    put_new(kNaN, [](const NewZone& zone) { return zone.size_z; });
  }
  if (is_block(kind)) put_new(kNaN, [](const NewZone& zone) { return zone.displacement_z; });
  HeldColumns last_new(track.last_new().runs(), rows);
  last_new.since(0, out.next());
  last_new.write();
  HeldColumns last_invalidated(track.last_invalidated().runs(), rows);
  last_invalidated.since(0, out.next());
  last_invalidated.write();

  const auto copy = [&](const Values& values) {
    if (double* to = out.next(); to != nullptr) std::copy_n(values.data(), n, to);
  };
  copy(active_);
  copy(fresh_);
  copy(count_);
  if (double* to = out.next(); to != nullptr) kernels().scaled_ratio(distance_.data(), rows.atr, 1.0, n, to);
  held.since(kKnownNumber, out.next());
  if (double* to = out.next(); to != nullptr) {
    for (int i = 0; i < n; ++i) to[i] = flag(distance_[static_cast<size_t>(i)] == 0.0);
  }
  const int facts = is_block(kind) ? kMerged - kFirstFact : kPlainFacts;
  for (int i = 0; i < facts; ++i) held.hold(kFirstFact + i, out.next());
  if (kind == EventKind::kFvg) held.hold(kMerged, out.next());
  if (double* to = out.next(); to != nullptr)
    kernels().scaled_ratio(fresh_distance_.data(), rows.atr, 1.0, n, to);
  held_fresh.since(kKnownNumber, out.next());
  if (double* to = out.next(); to != nullptr) track.hold_rate().runs().write(0, n, to);
  if (!is_breaker(kind)) {
    if (double* to = out.next(); to != nullptr) {
      const double* is_valid = rows.is_valid[side < 0];
      for (int i = 0; i < n; ++i)  // unknown stays unknown
        to[i] = nearest_[static_cast<size_t>(i)] != 0 ? is_valid[i] : 0.0 * is_valid[i];
    }
  }
  held.hold(kTop, out.next());
  held.hold(kBottom, out.next());
  held.write();
  held_fresh.write();
}

void define_liquidity(Columns& columns, int max_age_bars) {
  const char* known_at = "close of the bar; members `right` bars after their pivot";
  const auto put = [&](const std::string& name, const char* unit, int64_t warmup,
                       const std::string& definition) {
    const int64_t settle = name.ends_with("_n") ? kCrowdedSettle : max_age_bars + kAtrSettle;
    add(columns, name, unit, warmup, settle, known_at, definition);
  };
  for (const int side : {+1, -1}) {
    const std::string prefix = side > 0 ? "liq_bsl_" : "liq_ssl_";
    const std::string pool = side > 0 ? "nearest pool above" : "nearest pool below";
    put(prefix + "dist_atr", "atr", kAtrWarmup, "distance of the close to the " + pool + ", in ATR");
    put(prefix + "members", "count", 0, "swings of the " + pool);
    put(prefix + "age", "bars", kAtrWarmup, "bars since a swing joined the " + pool);
    put(prefix + "n", "count", 0,
        side > 0 ? "live pools above with at least 2 swings" : "live pools below with at least 2 swings");
    put(prefix + "level", "price", kAtrWarmup, "level of the " + pool);
  }
  for (const int side : {+1, -1}) {
    const std::string end = side > 0 ? "up" : "dn";
    const std::string beyond = side > 0 ? "above" : "below";
    put("liq_sweep_" + end, "flag", 0, "1 if a pool " + beyond + " was taken by a wick on this bar");
    put("liq_run_" + end, "flag", 0, "1 if a pool " + beyond + " was taken by the close on this bar");
    put("liq_bars_since_sweep_" + end, "bars", kAtrWarmup, "bars since a pool " + beyond + " was swept");
  }
  put("liq_sweep_depth_atr", "atr", kAtrWarmup,
      "how far the last sweep of either side went beyond the level, in ATR of its bar");
}

namespace {

// Of each side, long side first, and of both.
enum PoolField : int {
  kPoolLevel,
  kPoolMembers,
  kPoolJoined,
  kPoolCrowded,
  kPoolPrice,
  kLastSweep,
  kPoolFields
};
constexpr int kDepth = 2 * kPoolFields;

}  // namespace

void LiquidityTrack::begin(const Engine& engine) {
  track_.begin();
  taken_.begin();
  take_down(engine, 0);
}

void LiquidityTrack::observe(const Engine& engine, int row) {
  const Liquidity& up = engine.liquidity(+1);
  const Liquidity& down = engine.liquidity(-1);
  if (up.changes() + down.changes() == changes_) return;
  take_down(engine, row);
  if (up.is_sweep() || up.is_run() || down.is_sweep() || down.is_run()) {
    taken_.add(row) = {flag(up.is_sweep()), flag(up.is_run()), flag(down.is_sweep()), flag(down.is_run())};
  }
}

void LiquidityTrack::take_down(const Engine& engine, int row) {
  double* to = track_.at(row);
  changes_ = 0;
  for (const int side : {+1, -1}) {
    const Liquidity& pools = engine.liquidity(side);
    const Pool* pool = pools.nearest();
    const bool exists = pool != nullptr;
    to[kPoolLevel] = exists ? pool->level : kNaN;
    to[kPoolMembers] = exists ? pool->members : 0.0;
    to[kPoolJoined] = exists ? static_cast<double>(pool->last_joined) : kNaN;
    to[kPoolCrowded] = pools.crowded_count();
    to[kPoolPrice] = exists ? side * pool->level : kNaN;
    to[kLastSweep] = pools.last_sweep().number;
    to += kPoolFields;
    changes_ += pools.changes();
  }
  const Liquidity& up = engine.liquidity(+1);
  const Liquidity& down = engine.liquidity(-1);
  if (up.last_sweep().at != down.last_sweep().at) {
    *to = up.last_sweep().at > down.last_sweep().at ? up.last_depth_atr() : down.last_depth_atr();
  } else {
    *to = std::max(up.last_depth_atr(), down.last_depth_atr());  // both on one bar, or none yet
  }
}

void LiquidityTrack::write(const BlockRows& rows, Outputs out) const {
  HeldColumns held(track_.runs(), rows);
  for (const int first : {0, static_cast<int>(kPoolFields)}) {
    held.above(first + kPoolLevel, first == 0 ? rows.close : rows.minus_close, out.next());
    held.hold(first + kPoolMembers, out.next());
    held.since(first + kPoolJoined, out.next());
    held.hold(first + kPoolCrowded, out.next());
    held.hold(first + kPoolPrice, out.next());
  }
  for (const size_t s : {size_t{0}, size_t{1}}) {
    taken_.write(2 * s, 0.0, rows.n, out.next());
    taken_.write(2 * s + 1, 0.0, rows.n, out.next());
    held.since(static_cast<int>(s) * kPoolFields + kLastSweep, out.next());
  }
  held.hold(kDepth, out.next());
  held.write();
}

}  // namespace smctrain::features::smc
