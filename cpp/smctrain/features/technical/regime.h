// Trend, stretch and volatility regime of one bar: what the trend columns show and what `*_valid` judges by.
//
//   bias        (C - ema_first_50) / ATR;  bull, bear: its part above and below 0, at most 1
//   strength    centroid of the fuzzy terms weak, moderate, strong of |bias|
//   overbought, oversold   how far rsi_wilder_14 is above 60 or below 40, in 20 points
//   atr_z       the ATR against its own last 50 values
//   regime      first match of high_vol_trend, low_vol_chop, high_vol, low_vol, normal; unknown while atr_z
//   or
//               strength is
//
// One implementation for columns, filters, training and serving.
#pragma once

#include <cmath>

#include "smctrain/features/machine.h"
#include "smctrain/features/technical/fuzzy.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {

enum class Regime { kUnknown = -1, kHighVolTrend, kLowVolChop, kHighVol, kLowVol, kNormal };

struct MarketState {
  double bias = kNaN;
  double strength = kNaN;
  double bull = kNaN;
  double bear = kNaN;
  double overbought = kNaN;
  double oversold = kNaN;
  double atr_z = kNaN;
  double vol_high = kNaN;
  double vol_low = kNaN;
  double strong = kNaN;
  double weak = kNaN;
  Regime regime = Regime::kUnknown;

  // Whether a zone of this side may be traded: with the trend, not stretched, in a regime that carries it.
  bool is_valid(int side) const {
    const bool is_with_trend = (side > 0 ? bull : bear) > 0.3;
    const bool is_stretched = !((side > 0 ? overbought : oversold) < 0.7);
    return is_with_trend && !is_stretched && (regime == Regime::kNormal || regime == Regime::kHighVolTrend);
  }
};

class MarketStateMachine {
 public:
  // NaN inputs (warm-up, a bar with a missing price) give NaN and an unknown regime.
  MarketState push(double close, const Context& context) {
    const auto clipped = [](double x) { return std::isnan(x) ? x : clip(x, 0.0, 1.0); };
    atr_.push(context.atr);
    MarketState state;
    state.bias = context.atr != 0.0 && std::isfinite(context.atr)
                     ? (close - context.ema_first_50) / context.atr
                     : kNaN;
    state.strength = trend_strength(std::abs(state.bias));
    state.bull = clipped(state.bias);
    state.bear = clipped(-state.bias);
    state.overbought = clipped((context.rsi_wilder_14 - 60.0) / 20.0);
    state.oversold = clipped((40.0 - context.rsi_wilder_14) / 20.0);
    state.atr_z = atr_.z();
    state.vol_high = clipped(state.atr_z - 0.5);
    state.vol_low = clipped((0.5 - state.atr_z) / 1.5);
    state.strong = clipped(state.strength - 1.0);
    state.weak = clipped((1.0 - state.strength) / 0.5);
    if (std::isnan(state.atr_z) || std::isnan(state.strength)) return state;
    state.regime = state.vol_high > 0.6 && state.strong > 0.5 ? Regime::kHighVolTrend
                   : state.vol_low > 0.6 && state.weak > 0.5  ? Regime::kLowVolChop
                   : state.vol_high > 0.6                     ? Regime::kHighVol
                   : state.vol_low > 0.6                      ? Regime::kLowVol
                                                              : Regime::kNormal;
    return state;
  }
  void reset() { atr_.reset(); }

 private:
  RollingVariance atr_{50};
};

}  // namespace smctrain::features
