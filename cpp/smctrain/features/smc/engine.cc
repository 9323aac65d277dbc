#include "smctrain/features/smc/engine.h"

#include <algorithm>
#include <cmath>

namespace smctrain::features::smc {

namespace {

constexpr int64_t kFewestBars = 3;  // read by gaps and by blocks of rule "seed"
constexpr int64_t kContextBars = 5;
constexpr double kOverbought = 70.0;
constexpr double kOversold = 30.0;

}  // namespace

Parts LoggedKinds::parts() const {
  Parts parts;
  parts.breakers = has(EventKind::kBreaker);
  parts.blocks = parts.breakers || has(EventKind::kOrderBlock);
  parts.structure = has(EventKind::kBos) || has(EventKind::kChoch);
  parts.gaps = has(EventKind::kFvg);
  parts.liquidity = has(EventKind::kPool) || has(EventKind::kSweep) || has(EventKind::kRun);
  parts.zigzag = has(EventKind::kZigzagHigh) || has(EventKind::kZigzagLow);
  parts.range = parts.range_break = parts.second_scale = false;
  return parts;
}

Engine::Engine(const Options& options, EventLog* log, LoggedKinds kinds)
    : has_second_scale_(options.second_scale > 0),
      history_(std::max({int64_t{options.swing_left} + options.swing_right, int64_t{2} * options.second_scale,
                         kFewestBars}) +
               1),
      scale_(options.swing_left, options.swing_right, options),
      second_scale_(std::max(options.second_scale, 1), std::max(options.second_scale, 1), options),
      gaps_{FairValueGaps(+1, options), FairValueGaps(-1, options)},
      blocks_{OrderBlocks(+1, options), OrderBlocks(-1, options)},
      breakers_{Breakers(+1, options), Breakers(-1, options)},
      liquidity_{Liquidity(+1, options), Liquidity(-1, options)} {
  parts_.second_scale = has_second_scale_;
  if (log == nullptr) return;
  work_on(kinds.parts());
  const auto log_if = [&](EventKind one, EventKind other) {
    return kinds.has(one) || kinds.has(other) ? log : nullptr;
  };
  logs_.swings = log_if(EventKind::kSwingHigh, EventKind::kSwingLow);
  logs_.structure = log_if(EventKind::kBos, EventKind::kChoch);
  logs_.gaps = log_if(EventKind::kFvg, EventKind::kFvg);
  logs_.blocks = log_if(EventKind::kOrderBlock, EventKind::kOrderBlock);
  logs_.breakers = log_if(EventKind::kBreaker, EventKind::kBreaker);
  logs_.liquidity = parts_.liquidity ? log : nullptr;
  logs_.zigzag = log_if(EventKind::kZigzagHigh, EventKind::kZigzagLow);
}

void Engine::work_on(Parts parts) {
  parts.blocks = parts.blocks || parts.breakers;
  parts.structure = parts.structure || parts.blocks;
  parts.second_scale = parts.second_scale && has_second_scale_;
  parts_ = parts;
  sees_gaps_ = parts.gaps || parts.blocks;
  for (FairValueGaps& gaps : gaps_) gaps.only_mark(!parts.gaps);
}

void Engine::follow(EventKind kind, int side) {
  const size_t s = side < 0;
  ZoneList& zones = kind == EventKind::kFvg          ? gaps_[s].zones()
                    : kind == EventKind::kOrderBlock ? blocks_[s].zones()
                                                     : breakers_[s].zones();
  zones.follow();
}

void Engine::begin(const BarColumns& bars) {
  bars_ = bars;
  next_ = 0;
  history_.extend(bars);
  scale_.swings.begin(history_, bars.n);
  if (parts_.second_scale) second_scale_.swings.begin(history_, bars.n);
  for (size_t s = 0; s < 2; ++s) {
    for (ZoneList* zones : {&gaps_[s].zones(), &blocks_[s].zones(), &breakers_[s].zones()})
      zones->begin(now() + 1, bars.n);
  }
}

void Engine::step() {
  history_.step();
  const Candle candle = history_.candle(0);
  const std::array<Candle, 2> seen{candle, candle.seen_from(-1)};
  const double atr = history_.atr();
  const int64_t t = now();

  if (parts_.gaps) {
    for (size_t s = 0; s < 2; ++s) gaps_[s].zones().advance(t, seen[s], atr, logs_.gaps);
  }
  if (parts_.blocks) {
    for (size_t s = 0; s < 2; ++s) blocks_[s].zones().advance(t, seen[s], atr, logs_.blocks);
  }
  if (parts_.breakers) {
    for (size_t s = 0; s < 2; ++s) breakers_[s].zones().advance(t, seen[s], atr, logs_.breakers);
    for (size_t s = 0; s < 2; ++s) {
      const std::vector<Zone>& failed = blocks_[1 - s].zones().failed();
      if (!failed.empty()) breakers_[s].push(t, failed, seen[s], atr, logs_.breakers);
    }
  }

  auto& [right, swings, structure, range] = scale_;
  if (parts_.structure) {
    structure.push(t, candle, atr, logs_.structure);
    if (parts_.blocks) {
      for (int i = 0; i < structure.break_count(); ++i) {
        const Break& broken = structure.break_at(i);
        blocks_[broken.direction < 0].on_break(broken);
      }
    }
  }

  if (parts_.liquidity) {
    for (size_t s = 0; s < 2; ++s) liquidity_[s].push(t, seen[s], atr, logs_.liquidity);
  }

  swings.push(t, history_, logs_.swings);
  if (parts_.range) range.push(candle);
  if (swings.is_high_new(t) || swings.is_low_new(t)) on_swings(t, atr);
  if (parts_.second_scale) second_scale_.push(t, history_);

  if (sees_gaps_) {
    for (FairValueGaps& gaps : gaps_) gaps.push(t, history_, logs_.gaps);
  }
  if (parts_.blocks) {
    for (size_t s = 0; s < 2; ++s) {
      if (!blocks_[s].is_awake()) continue;
      blocks_[s].push(t, history_, block_context(t, s == 0 ? +1 : -1, candle.close), logs_.blocks);
    }
    for (size_t s = 0; s < 2; ++s) blocks_[s].follow(t, seen[s]);
  }
  if (parts_.range_break) range_break_.push(t, candle);
  ++next_;
}

void Engine::on_swings(int64_t t, double atr) {
  auto& [right, swings, structure, range] = scale_;
  if (parts_.range) range.renew(t, right, swings, history_);
  for (const int side : {+1, -1}) {
    if (side > 0 ? !swings.is_high_new(t) : !swings.is_low_new(t)) continue;
    const Swing& swing = side > 0 ? swings.high() : swings.low();
    const size_t s = side < 0;
    if (parts_.liquidity) liquidity_[s].join(t, swing, atr, logs_.liquidity);
    if (parts_.structure && structure.renew(side, swing) && parts_.blocks)
      blocks_[s].on_level(t, right, history_);
  }
  if (parts_.zigzag) zigzag_.push(t, history_.candle(right), swings, logs_.zigzag);
}

BlockContext Engine::block_context(int64_t t, int side, double close) const {
  const auto is_recent = [t](int64_t at) { return at != kNever && t - at <= kContextBars; };
  const double mean = bars_.ema_first_50[next_];
  const double rsi = bars_.rsi_wilder_14[next_];
  BlockContext facts;
  facts.struct_aligned = structure().direction() == side;
  facts.bos_ctx = is_recent(structure().last_bos(side));
  facts.choch_ctx = is_recent(structure().last_choch(side));
  facts.ema_aligned = side * (close - mean) > 0.0;
  facts.rsi_ok = side > 0 ? rsi < kOverbought : rsi > kOversold;
  facts.last_gap = gaps(side).zones().last_new().at;
  return facts;
}

void Engine::end_segment(int64_t t) {
  for (FairValueGaps& gaps : gaps_) gaps.zones().expire_all(t, logs_.gaps);
  for (OrderBlocks& blocks : blocks_) blocks.zones().expire_all(t, logs_.blocks);
  for (Breakers& breakers : breakers_) breakers.zones().expire_all(t, logs_.breakers);
  for (Liquidity& pools : liquidity_) pools.expire_all(t, logs_.liquidity);
}

void Engine::reset() {
  bars_ = {};
  next_ = 0;
  history_.reset();
  scale_.reset();
  second_scale_.reset();
  zigzag_.reset();
  for (FairValueGaps& gaps : gaps_) gaps.zones().reset();
  for (OrderBlocks& blocks : blocks_) blocks.reset();
  for (Breakers& breakers : breakers_) breakers.zones().reset();
  for (Liquidity& pools : liquidity_) pools.reset();
  range_break_.reset();
}

}  // namespace smctrain::features::smc
