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
  frozen("size_atr", "atr", kAtrWarmup,
         "height of the nearest active " + what + ", in ATR of the bar that made it known");
  frozen("quality", "score", kAtrWarmup,
         is_breaker(kind) ? "quality of the order block that the nearest active " + what + " was"
                          : "quality of the nearest active " + what);
  number("fill", "ratio", "how deep price has been in the nearest active " + what);
  mark("st_fresh", "1 if the nearest active " + what + " was never touched");
  mark("st_touched", "1 if the nearest active " + what + " was touched but not filled");
  mark("st_filled", "1 if the nearest active " + what + " was filled");
  mark("inside", "1 if the close is inside the nearest active " + what);
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

namespace {

// What the columns of the nearest zone say if there is none.
Zone no_zone() {
  Zone zone;
  zone.state = ZoneState::kExpired;
  zone.near = zone.far = zone.size_atr = zone.quality = zone.depth = kNaN;
  return zone;
}
const Zone kNoZone = no_zone();

template <EventKind kKind, int kSide>
double* write_zones_of(const Engine& engine, const MarketState& market, double* out) {
  const ZoneList& zones = engine.zones(kKind, kSide);
  const int64_t t = engine.now();
  const double atr = engine.bar().atr;
  const bool is_new = zones.last_new() == t && zones.size() > 0;
  const Zone& created = is_new ? zones[zones.size() - 1] : kNoZone;
  const ZoneSummary summary = zones.summarize(kSide * engine.bar().candle.close, atr);
  const bool has_zone = summary.nearest != nullptr;
  const Zone& zone = has_zone ? *summary.nearest : kNoZone;
  const Zone* fresh_zone = summary.nearest_fresh;

  *out++ = flag(is_new);
  *out++ = created.size_atr;
  if constexpr (is_block(kKind)) *out++ = created.disp_atr;
  if constexpr (!is_breaker(kKind)) {
    *out++ = created.quality;
    *out++ = is_new ? zones.last_size_z() : kNaN;
  }
  if constexpr (is_block(kKind)) *out++ = is_new ? zones.last_displacement_z() : kNaN;
  *out++ = bars_since(t, zones.last_new());
  *out++ = bars_since(t, zones.last_invalidated());
  *out++ = summary.active;
  *out++ = summary.fresh;
  *out++ = summary.within_3_atr;
  const double distance = in_atr(summary.distance, atr);
  *out++ = distance;
  *out++ = has_zone ? static_cast<double>(t - zone.known_at) : kNaN;
  *out++ = zone.size_atr;
  *out++ = zone.quality;
  *out++ = zone.fill();
  *out++ = flag(zone.state == ZoneState::kFresh);
  *out++ = flag(zone.state == ZoneState::kTouched);
  *out++ = flag(zone.state == ZoneState::kFilled);
  *out++ = flag(summary.distance == 0.0);
  *out++ = zone.bounce_q;
  if constexpr (is_block(kKind)) {
    *out++ = zone.disp_atr;
    *out++ = zone.body_ratio;
    *out++ = flag(zone.has_fvg);
    *out++ = flag(zone.struct_aligned);
    *out++ = flag(zone.bos_ctx);
    *out++ = flag(zone.choch_ctx);
    *out++ = flag(zone.ema_aligned);
    *out++ = flag(zone.rsi_ok);
  } else if constexpr (!is_breaker(kKind)) {
    *out++ = zone.merged;
  }
  *out++ = fresh_zone == summary.nearest ? distance : in_atr(summary.fresh_distance, atr);
  *out++ = fresh_zone != nullptr ? static_cast<double>(t - fresh_zone->known_at) : kNaN;
  *out++ = zones.hold_rate_20();
  if constexpr (!is_breaker(kKind)) {
    const double is_valid = market.is_valid(kSide);
    *out++ = has_zone ? is_valid : 0.0 * is_valid;  // unknown stays unknown
  }
  *out++ = kSide > 0 ? zone.near : -zone.far;
  *out++ = kSide > 0 ? zone.far : -zone.near;
  return out;
}

}  // namespace

double* write_zones(const Engine& engine, EventKind kind, int side, const MarketState& market, double* out) {
  const bool is_long = side > 0;
  if (is_block(kind)) {
    return is_long ? write_zones_of<EventKind::kOrderBlock, +1>(engine, market, out)
                   : write_zones_of<EventKind::kOrderBlock, -1>(engine, market, out);
  }
  if (is_breaker(kind)) {
    return is_long ? write_zones_of<EventKind::kBreaker, +1>(engine, market, out)
                   : write_zones_of<EventKind::kBreaker, -1>(engine, market, out);
  }
  return is_long ? write_zones_of<EventKind::kFvg, +1>(engine, market, out)
                 : write_zones_of<EventKind::kFvg, -1>(engine, market, out);
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

double* write_liquidity(const Engine& engine, double* out) {
  const int64_t t = engine.now();
  for (const int side : {+1, -1}) {
    const Liquidity& pools = engine.liquidity(side);
    const Pool* pool = pools.nearest();
    const double close = side * engine.bar().candle.close;
    *out++ = pool != nullptr ? in_atr(pool->level - close, engine.bar().atr) : kNaN;
    *out++ = pool != nullptr ? pool->members : 0.0;
    *out++ = pool != nullptr ? static_cast<double>(t - pool->last_joined) : kNaN;
    *out++ = pools.crowded_count();
    *out++ = pool != nullptr ? side * pool->level : kNaN;
  }
  for (const int side : {+1, -1}) {
    const Liquidity& pools = engine.liquidity(side);
    *out++ = flag(pools.is_sweep());
    *out++ = flag(pools.is_run());
    *out++ = bars_since(t, pools.last_sweep());
  }
  const Liquidity& up = engine.liquidity(+1);
  const Liquidity& down = engine.liquidity(-1);
  if (up.last_sweep() != down.last_sweep()) {
    *out++ = up.last_sweep() > down.last_sweep() ? up.last_depth_atr() : down.last_depth_atr();
  } else {
    *out++ = std::max(up.last_depth_atr(), down.last_depth_atr());  // both on one bar, or none yet
  }
  return out;
}

}  // namespace smctrain::features::smc
