#include "smctrain/features/smc/engine.h"

#include <algorithm>
#include <cmath>

namespace smctrain::features::smc {

namespace {

constexpr int64_t kContextBars = 5;
constexpr double kOverbought = 70.0;
constexpr double kOversold = 30.0;

}  // namespace

bool is_finite(const Bar& bar) {
  return std::isfinite(bar.open) && std::isfinite(bar.high) && std::isfinite(bar.low) &&
         std::isfinite(bar.close);
}

Engine::Engine(const Options& options, EventLog* log)
    : right_(options.swing_right),
      log_(log),
      history_(std::max(options.swing_right, RangeBreak::kBars) + 1),
      swings_(options.swing_left, options.swing_right),
      structure_(options.break_on_wick, options.keep_extreme_level),
      gaps_{FairValueGaps(+1, options), FairValueGaps(-1, options)},
      blocks_{OrderBlocks(+1, options), OrderBlocks(-1, options)},
      liquidity_{Liquidity(+1, options), Liquidity(-1, options)} {}

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
  }

  structure_.push(t, candle, atr, log_);
  for (int i = 0; i < structure_.break_count(); ++i) {
    const Break& broken = structure_.break_at(i);
    blocks_[broken.direction < 0].on_break(broken);
  }

  for (size_t s = 0; s < 2; ++s) liquidity_[s].push(t, seen[s], atr, log_);

  swings_.push(t, history_, log_);
  range_.push(candle);
  range_.renew(t, right_, swings_, history_);
  if (swings_.is_high_new(t)) {
    liquidity_[0].join(t, swings_.high(), atr, log_);
    if (structure_.renew(+1, swings_.high())) blocks_[0].on_level(t, right_, history_);
  }
  if (swings_.is_low_new(t)) {
    liquidity_[1].join(t, swings_.low(), atr, log_);
    if (structure_.renew(-1, swings_.low())) blocks_[1].on_level(t, right_, history_);
  }

  for (FairValueGaps& gaps : gaps_) gaps.push(t, history_, log_);
  for (size_t s = 0; s < 2; ++s) {
    blocks_[s].push(t, history_, block_context(t, s == 0 ? +1 : -1, candle, context), log_);
  }

  for (size_t s = 0; s < 2; ++s) blocks_[s].follow(t, seen[s]);
  range_break_.push(history_);
  return true;
}

BlockContext Engine::block_context(int64_t t, int side, const Candle& bar, const Context& context) const {
  const auto is_recent = [t](int64_t at) { return at != kNever && t - at <= kContextBars; };
  BlockContext facts;
  facts.struct_aligned = structure_.direction() == side;
  facts.bos_ctx = is_recent(structure_.last_bos(side));
  facts.choch_ctx = is_recent(structure_.last_choch(side));
  facts.ema_aligned = side * (bar.close - context.ema_first_50) > 0.0;
  facts.rsi_ok = side > 0 ? context.rsi_wilder_14 < kOverbought : context.rsi_wilder_14 > kOversold;
  facts.last_gap = gaps(side).zones().last_new();
  return facts;
}

void Engine::end_segment(int64_t t) {
  for (FairValueGaps& gaps : gaps_) gaps.zones().expire_all(t, log_);
  for (OrderBlocks& blocks : blocks_) blocks.zones().expire_all(t, log_);
  for (Liquidity& pools : liquidity_) pools.expire_all(t, log_);
}

void Engine::reset() {
  history_.reset();
  swings_.reset();
  structure_.reset();
  for (FairValueGaps& gaps : gaps_) gaps.zones().reset();
  for (OrderBlocks& blocks : blocks_) blocks.reset();
  for (Liquidity& pools : liquidity_) pools.reset();
  range_.reset();
  range_break_.reset();
}

}  // namespace smctrain::features::smc
