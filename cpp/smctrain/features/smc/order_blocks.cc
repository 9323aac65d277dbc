#include "smctrain/features/smc/order_blocks.h"

#include <algorithm>
#include <cmath>

namespace smctrain::features::smc {

OrderBlocks::OrderBlocks(int side, const Options& options)
    : zones_(EventKind::kOrderBlock, side, options),
      rule_(options.block_rule),
      min_displacement_atr_(options.block_min_displacement_atr),
      min_quality_(options.block_min_quality),
      is_body_(options.block_body),
      displacement_score_(options.displacement_score),
      body_score_(options.body_score),
      clean_(options.clean_body) {}

void OrderBlocks::on_break(const Break& broken) {
  const Candidate& candidate = rule_ == BlockRule::kExtreme ? lowest_ : opposite_;
  if (candidate.origin > broken.level.origin) pending_ = candidate;
}

void OrderBlocks::on_level(int64_t t, int64_t right, const History& history) {
  if (rule_ != BlockRule::kExtreme) return;
  lowest_ = {};
  for (int64_t ago = right - 1; ago >= 1; --ago) {
    follow_lowest(t - ago, history.candle(ago).seen_from(zones_.side()));
  }
}

void OrderBlocks::push(int64_t t, const History& history, const BlockContext& context, EventLog* log) {
  const PastBar bar = history.back(0);
  const int side = zones_.side();
  const Candle last = bar.candle.seen_from(side);
  const Candidate candidate = pending_;
  pending_ = {};
  if (!(bar.atr > 0.0)) return;
  if (rule_ != BlockRule::kSeed) {
    if (candidate.origin == kNever) return;
    const double highest = std::max(candidate.highest_since, last.high);
    if ((highest - candidate.candle.low) / bar.atr < min_displacement_atr_) return;
    add(t, candidate, last, highest, bar.atr, context, log);
    return;
  }
  if (history.size() < 4) return;
  const Candle first = history.candle(3).seen_from(side);
  const Candle second = history.candle(2).seen_from(side);
  const Candle third = history.candle(1).seen_from(side);
  if (!(first.close < first.open && second.close > second.open && third.close > second.close)) return;
  const double reference_atr = history.back(2).atr;
  if (!(reference_atr > 0.0) || !((last.high - first.low) / reference_atr > min_displacement_atr_)) return;
  add(t, {t - 3, first, 0.0}, last, last.high, reference_atr, context, log);
}

void OrderBlocks::add(int64_t t, const Candidate& candidate, const Candle& last, double highest,
                      double reference_atr, const BlockContext& context, EventLog* log) {
  const Candle& candle = candidate.candle;
  const double body = std::abs(candle.close - candle.open);
  Zone zone;
  zone.near = is_body_ ? std::max(candle.open, candle.close) : candle.high;
  zone.far = is_body_ ? std::min(candle.open, candle.close) : candle.low;
  zone.origin = candidate.origin;
  zone.known_at = t;
  zone.facts.size_atr = (zone.near - zone.far) / reference_atr;
  zone.facts.disp_atr = (highest - candle.low) / reference_atr;
  zone.facts.body_ratio = candle.high > candle.low ? body / (candle.high - candle.low) : 0.0;
  zone.clean = clean_.at(zone.facts.body_ratio);
  zone.facts.quality =
      std::min(displacement_score_.at(zone.facts.disp_atr), body_score_.at(body / reference_atr));
  if (rule_ == BlockRule::kSeed && zone.facts.quality < min_quality_) return;
  if (zones_.has_origin(zone.origin)) return;
  zone.facts.has_fvg = context.last_gap > zone.origin;
  zone.facts.struct_aligned = context.struct_aligned;
  zone.facts.bos_ctx = context.bos_ctx;
  zone.facts.choch_ctx = context.choch_ctx;
  zone.facts.ema_aligned = context.ema_aligned;
  zone.facts.rsi_ok = context.rsi_ok;
  zones_.add(t, zone, last.close < zone.far, log);
}

void OrderBlocks::follow_lowest(int64_t t, const Candle& bar) {
  if (lowest_.origin == kNever || bar.low <= lowest_.candle.low) {
    lowest_ = {t, bar};
  } else {
    lowest_.highest_since = std::max(lowest_.highest_since, bar.high);
  }
}

void OrderBlocks::reset() {
  zones_.reset();
  opposite_ = {};
  lowest_ = {};
  pending_ = {};
}

}  // namespace smctrain::features::smc
