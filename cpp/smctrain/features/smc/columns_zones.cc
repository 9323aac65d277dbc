#include <algorithm>
#include <cstddef>
#include <cstring>
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

namespace {

// What the columns of the nearest zone say if there is none.
Zone no_zone() {
  Zone zone;
  zone.set_state(ZoneState::kExpired);
  zone.near = zone.far = kNaN;
  zone.facts.size_atr = zone.facts.quality = zone.facts.fill = kNaN;
  return zone;
}
const Zone kNoZone = no_zone();

constexpr size_t kBlockFacts = sizeof(ZoneFacts) / sizeof(double);
constexpr size_t kZoneFacts = offsetof(ZoneFacts, disp_atr) / sizeof(double);

template <EventKind kKind, int kSide>
double* write_zones_of(const ZoneList& zones, const Row& row, double is_valid, double* out) {
  constexpr int kNewColumns = is_block(kKind) ? 6 : is_breaker(kKind) ? 2 : 4;
  std::fill_n(out, kNewColumns, kNaN);
  out[0] = 0.0;
  if (zones.last_new().at == row.t && zones.size() > 0) {
    const ZoneFacts& created = zones[zones.size() - 1].facts;
    double* next = out;
    *next++ = 1.0;
    *next++ = created.size_atr;
    if constexpr (is_block(kKind)) *next++ = created.disp_atr;
    if constexpr (!is_breaker(kKind)) {
      *next++ = created.quality;
      *next++ = zones.last_size_z();
    }
    if constexpr (is_block(kKind)) *next++ = zones.last_displacement_z();
  }
  out += kNewColumns;
  *out++ = row.now - zones.last_new().number;
  *out++ = row.now - zones.last_invalidated().number;

  const ZoneSummary summary = zones.summarize(kSide * row.close, row.within_3);
  const bool has_zone = summary.nearest != nullptr;
  const Zone& zone = has_zone ? *summary.nearest : kNoZone;
  const Zone& fresh_zone = summary.nearest_fresh != nullptr ? *summary.nearest_fresh : kNoZone;
  *out++ = summary.active;
  *out++ = summary.fresh;
  *out++ = summary.within_3_atr;
  *out++ = summary.distance / row.atr;
  *out++ = row.now - zone.known_number;
  *out++ = flag(summary.distance == 0.0);
  constexpr size_t kFacts = is_block(kKind) ? kBlockFacts : kZoneFacts;
  std::memcpy(out, &zone.facts, kFacts * sizeof(double));
  out += kFacts;
  if constexpr (kKind == EventKind::kFvg) *out++ = zone.merged;
  *out++ = summary.fresh_distance / row.atr;
  *out++ = row.now - fresh_zone.known_number;
  *out++ = zones.hold_rate_20();
  if constexpr (!is_breaker(kKind)) *out++ = has_zone ? is_valid : 0.0 * is_valid;  // unknown stays unknown
  *out++ = kSide > 0 ? zone.near : -zone.far;
  *out++ = kSide > 0 ? zone.far : -zone.near;
  return out;
}

}  // namespace

double* write_zones(const Engine& engine, EventKind kind, int side, const Row& row, double is_valid,
                    double* out) {
  const ZoneList& zones = engine.zones(kind, side);
  const bool is_long = side > 0;
  if (is_block(kind)) {
    return is_long ? write_zones_of<EventKind::kOrderBlock, +1>(zones, row, is_valid, out)
                   : write_zones_of<EventKind::kOrderBlock, -1>(zones, row, is_valid, out);
  }
  if (is_breaker(kind)) {
    return is_long ? write_zones_of<EventKind::kBreaker, +1>(zones, row, is_valid, out)
                   : write_zones_of<EventKind::kBreaker, -1>(zones, row, is_valid, out);
  }
  return is_long ? write_zones_of<EventKind::kFvg, +1>(zones, row, is_valid, out)
                 : write_zones_of<EventKind::kFvg, -1>(zones, row, is_valid, out);
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

double* write_liquidity(const Engine& engine, const Row& row, double* out) {
  for (const int side : {+1, -1}) {
    const Liquidity& pools = engine.liquidity(side);
    const Pool* pool = pools.nearest();
    out[3] = pools.crowded_count();
    if (pool != nullptr) {
      out[0] = (pool->level - side * row.close) / row.atr;
      out[1] = pool->members;
      out[2] = static_cast<double>(row.t - pool->last_joined);
      out[4] = side * pool->level;
    } else {
      out[0] = out[2] = out[4] = kNaN;
      out[1] = 0.0;
    }
    out += 5;
  }
  for (const int side : {+1, -1}) {
    const Liquidity& pools = engine.liquidity(side);
    *out++ = flag(pools.is_sweep());
    *out++ = flag(pools.is_run());
    *out++ = row.now - pools.last_sweep().number;
  }
  const Liquidity& up = engine.liquidity(+1);
  const Liquidity& down = engine.liquidity(-1);
  if (up.last_sweep().at != down.last_sweep().at) {
    *out++ = up.last_sweep().at > down.last_sweep().at ? up.last_depth_atr() : down.last_depth_atr();
  } else {
    *out++ = std::max(up.last_depth_atr(), down.last_depth_atr());  // both on one bar, or none yet
  }
  return out;
}

}  // namespace smctrain::features::smc
