// Trend, stretch and volatility regime of one bar: what the trend columns show and what `*_valid` judges by.
//
//   bias        (C - ema_first_50) / ATR;  bull, bear: its part above and below 0, at most 1
//   strength    centroid of the fuzzy terms weak, moderate, strong of |bias|
//   overbought, oversold   how far rsi_wilder_14 is above 60 or below 40, in 20 points
//   terms       the breakpoints of all memberships; the numbers here are their defaults
//   atr_z       the ATR against its own last 50 values
//   regime      first match of high_vol_trend (vol_high > 0.6, strong > 0.5), low_vol_chop (vol_low > 0.6,
//   weak >
//               0.5), high_vol, low_vol, normal; unknown while atr_z or the bias is
//
// One implementation for columns, filters, training and serving.
#pragma once

#include <cmath>

#include "smctrain/features/machine.h"
#include "smctrain/features/technical/fuzzy.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {

enum class Regime { kUnknown = -1, kHighVolTrend, kLowVolChop, kHighVol, kLowVol, kNormal };

// Everything is derived from three numbers by the terms, and only what is asked for. NaN inputs (warm-up, a
// bar with a missing price) give NaN and an unknown regime.
struct MarketState {
  const TrendTerms* terms = nullptr;
  double bias = kNaN;
  double rsi = kNaN;
  double atr_z = kNaN;

  double strength() const { return trend_strength(std::abs(bias), *terms); }
  double bull() const { return terms->side.at(bias); }
  double bear() const { return terms->side.at(-bias); }
  double overbought() const { return terms->overbought.at(rsi); }
  double oversold() const { return terms->oversold.at(rsi); }
  double vol_high() const { return terms->vol_high.at(atr_z); }
  double vol_low() const { return terms->vol_low.at(atr_z); }
  double strong() const { return terms->tr_strong.at(strength()); }
  double weak() const { return terms->tr_weak.at(strength()); }

  Regime regime() const {
    if (std::isnan(atr_z) || std::isnan(bias)) return Regime::kUnknown;
    const bool is_high = vol_high() > terms->vol_above;
    if (is_high && strong() > terms->trend_above) return Regime::kHighVolTrend;
    const bool is_low = vol_low() > terms->vol_above;
    if (is_low && weak() > terms->trend_above) return Regime::kLowVolChop;
    if (is_high) return Regime::kHighVol;
    return is_low ? Regime::kLowVol : Regime::kNormal;
  }
  // Whether a zone of this side may be traded: with the trend, not stretched, in a regime that carries it.
  // NaN while the regime is unknown.
  double is_valid(int side) const { return is_valid(side, regime()); }
  double is_valid(int side, Regime now) const {
    if (now == Regime::kUnknown) return kNaN;
    // No shortcuts: each answer is a comparison, and guessing it wrong would cost more than all of them.
    const bool is_carried = (now == Regime::kNormal) | (now == Regime::kHighVolTrend);
    const bool is_with_trend = (side > 0 ? bull() : bear()) > terms->valid_trend_above;
    const bool is_fresh = (side > 0 ? overbought() : oversold()) < terms->valid_stretch_below;
    return static_cast<double>(is_carried & is_with_trend & is_fresh);
  }
};

class MarketStateMachine {
 public:
  explicit MarketStateMachine(const TrendTerms& terms) : terms_(terms) {}

  // The state refers to the terms of this machine.
  MarketState push(double close, const Context& context) {
    const double atr = context.atr;
    atr_.push(atr);
    const bool has_scale = atr != 0.0 && std::isfinite(atr);
    return {&terms_, has_scale ? (close - context.ema_first_50) / atr : kNaN, context.rsi_wilder_14,
            atr_.z()};
  }
  void reset() { atr_.reset(); }

 private:
  TrendTerms terms_;
  RollingVariance atr_{50};
};

}  // namespace smctrain::features
