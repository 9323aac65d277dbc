#include "smctrain/features/smc/engine.h"

#include <algorithm>
#include <cmath>

namespace smctrain::features::smc {

namespace {

constexpr int kFewestBars = 3;  // read by gaps and by blocks of rule "seed"
constexpr int64_t kContextBars = 5;
constexpr double kOverbought = 70.0;
constexpr double kOversold = 30.0;

}  // namespace

bool is_finite(const Bar& bar) {
  return std::isfinite(bar.open) && std::isfinite(bar.high) && std::isfinite(bar.low) &&
         std::isfinite(bar.close);
}

Engine::Engine(const Options& options, EventLog* log)
    : log_(log),
      history_(std::max({options.swing_right, options.second_scale, kFewestBars}) + 1),
      scale_(options.swing_left, options.swing_right, options),
      second_scale_(std::max(options.second_scale, 1), std::max(options.second_scale, 1), options),
      gaps_{FairValueGaps(+1, options), FairValueGaps(-1, options)},
      blocks_{OrderBlocks(+1, options), OrderBlocks(-1, options)},
      breakers_{Breakers(+1, options), Breakers(-1, options)},
      liquidity_{Liquidity(+1, options), Liquidity(-1, options)} {
  parts_.second_scale = options.second_scale > 0;
}

bool Engine::push(const Bar& bar, const Context& context) {
  if (!is_finite(bar)) return false;
  const Candle candle{bar.open, bar.high, bar.low, bar.close};
  const std::array<Candle, 2> seen{candle, candle.seen_from(-1)};
  const double atr = context.atr;
  history_.push({candle, atr, bar.ts_open});
  const int64_t t = now();

  for (size_t s = 0; s < 2; ++s) {
    gaps_[s].zones().advance(t, seen[s], atr, log_);
    blocks_[s].zones().advance(t, seen[s], atr, log_);
    breakers_[s].zones().advance(t, seen[s], atr, log_);
  }
  for (size_t s = 0; s < 2; ++s) {
    const std::vector<Zone>& failed = blocks_[1 - s].zones().failed();
    if (parts_.breakers && !failed.empty()) breakers_[s].push(t, failed, seen[s], atr, log_);
  }

  auto& [right, swings, structure, range] = scale_;
  structure.push(t, candle, atr, log_);
  for (int i = 0; i < structure.break_count(); ++i) {
    const Break& broken = structure.break_at(i);
    blocks_[broken.direction < 0].on_break(broken);
  }

  if (parts_.liquidity) {
    for (size_t s = 0; s < 2; ++s) liquidity_[s].push(t, seen[s], atr, log_);
  }

  swings.push(t, history_, log_);
  range.push(candle);
  range.renew(t, right, swings, history_);
  if (swings.is_high_new(t)) {
    if (parts_.liquidity) liquidity_[0].join(t, swings.high(), atr, log_);
    if (structure.renew(+1, swings.high())) blocks_[0].on_level(t, right, history_);
  }
  if (swings.is_low_new(t)) {
    if (parts_.liquidity) liquidity_[1].join(t, swings.low(), atr, log_);
    if (structure.renew(-1, swings.low())) blocks_[1].on_level(t, right, history_);
  }
  if (parts_.zigzag && (swings.is_high_new(t) || swings.is_low_new(t))) {
    zigzag_.push(t, history_.back(right).candle, swings, log_);
  }
  if (parts_.second_scale) second_scale_.push(t, history_);

  for (FairValueGaps& gaps : gaps_) gaps.push(t, history_, log_);
  for (size_t s = 0; s < 2; ++s) {
    if (!blocks_[s].is_awake()) continue;
    blocks_[s].push(t, history_, block_context(t, s == 0 ? +1 : -1, candle, context), log_);
  }

  for (size_t s = 0; s < 2; ++s) blocks_[s].follow(t, seen[s]);
  if (parts_.range_break) range_break_.push(t, candle);
  return true;
}

BlockContext Engine::block_context(int64_t t, int side, const Candle& bar, const Context& context) const {
  const auto is_recent = [t](int64_t at) { return at != kNever && t - at <= kContextBars; };
  BlockContext facts;
  facts.struct_aligned = structure().direction() == side;
  facts.bos_ctx = is_recent(structure().last_bos(side));
  facts.choch_ctx = is_recent(structure().last_choch(side));
  facts.ema_aligned = side * (bar.close - context.ema_first_50) > 0.0;
  facts.rsi_ok = side > 0 ? context.rsi_wilder_14 < kOverbought : context.rsi_wilder_14 > kOversold;
  facts.last_gap = gaps(side).zones().last_new().at;
  return facts;
}

void Engine::end_segment(int64_t t) {
  for (FairValueGaps& gaps : gaps_) gaps.zones().expire_all(t, log_);
  for (OrderBlocks& blocks : blocks_) blocks.zones().expire_all(t, log_);
  for (Breakers& breakers : breakers_) breakers.zones().expire_all(t, log_);
  for (Liquidity& pools : liquidity_) pools.expire_all(t, log_);
}

void Engine::reset() {
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
