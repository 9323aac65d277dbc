// The shared indicators of one segment, for callers without a feature engine around them.
#pragma once

#include <cmath>
#include <cstdint>

#include "smctrain/features/machine.h"
#include "smctrain/features/scaling_atr.h"
#include "smctrain/features/technical/recursive.h"

namespace smctrain::features::smc {

class ContextFeed {
 public:
  explicit ContextFeed(bool atr_is_sma = false) : atr_(atr_is_sma) {}
  Context push(const Bar& raw) {
    // A bar with one unusable price has none, here as in the feature engine.
    Bar bar = raw;
    if (!std::isfinite(bar.open + bar.high + bar.low + bar.close)) bar.high = bar.low = bar.close = kNaN;
    Context context;
    context.row = row_++;
    atr_.push(bar, context);
    context.ema_first_50 = ema_.push(bar.close);
    context.rsi_wilder_14 = rsi_.push(bar.close);
    return context;
  }
  // The ATR alone, for callers who never ask for the rest.
  double push_atr(const Bar& raw) {
    Bar bar = raw;
    if (!std::isfinite(bar.open + bar.high + bar.low + bar.close)) bar.high = bar.low = bar.close = kNaN;
    Context context;
    atr_.push(bar, context);
    return context.atr;
  }
  void reset() {
    row_ = 0;
    atr_.reset();
    ema_.reset();
    rsi_.reset();
  }

 private:
  int64_t row_ = 0;
  ScalingAtr atr_;
  EmaFirst ema_{50};
  WilderRsi rsi_{14};
};

}  // namespace smctrain::features::smc
