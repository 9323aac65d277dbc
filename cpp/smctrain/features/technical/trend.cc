// Columns of trend, momentum and volatility regime; what they mean stands in regime.h.
#include <algorithm>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/regime.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {
namespace {

std::vector<ColumnInfo> trend_columns() {
  const int64_t bias = std::max(ema_settle(50), wilder_settle(14, 1e-7));
  const int64_t score = ema_settle(50, 1e-7);  // scores stretch the bias, so its seed must fade further
  const int64_t z =
      wilder_settle(14, 1e-9);  // a z-score divides by a small deviation, so its seed must fade further
  const int64_t regime = std::max(score - 49, z);
  const auto column = [](const char* name, const char* unit, int64_t warmup, int64_t settle,
                         const char* definition) {
    return make_column(name, "trend", unit, kForever, warmup, settle, definition);
  };
  return {
      column("trend_bias_atr", "atr", 14, bias, "(C - ema_first_50) / ATR"),
      column("trend_abs_atr", "atr", 14, bias, "|trend_bias_atr|"),
      column("trend_strength", "ratio", 14, score,
             "centroid of the terms weak, moderate, strong at trend_abs_atr"),
      column("trend_bull", "ratio", 14, score, "clip(trend_bias_atr, 0, 1)"),
      column("trend_bear", "ratio", 14, score, "clip(-trend_bias_atr, 0, 1)"),
      column("trend_bias_atr_z100", "z", 113, ema_settle(50, 1e-9),
             "trend_bias_atr against its last 100 values (mean, sd1)"),
      column("mom_overbought", "ratio", 14, wilder_settle(14),
             "how far rsi_wilder_14 is above 60: 0 there, 1 from 80"),
      column("mom_oversold", "ratio", 14, wilder_settle(14),
             "how far rsi_wilder_14 is below 40: 0 there, 1 from 20 down"),
      column("atr_z50", "z", 63, z, "ATR against its last 50 values (mean, sd1)"),
      column("vol_high", "ratio", 63, z, "clip(atr_z50 - 0.5, 0, 1)"),
      column("vol_low", "ratio", 63, z, "clip((0.5 - atr_z50) / 1.5, 0, 1)"),
      column("tr_strong", "ratio", 14, score, "clip(trend_strength - 1, 0, 1)"),
      column("tr_weak", "ratio", 14, score, "clip((1 - trend_strength) / 0.5, 0, 1)"),
      column("reg_high_vol_trend", "flag", 63, regime, "vol_high > 0.6 and tr_strong > 0.5"),
      column("reg_low_vol_chop", "flag", 63, regime, "else vol_low > 0.6 and tr_weak > 0.5"),
      column("reg_high_vol", "flag", 63, regime, "else vol_high > 0.6"),
      column("reg_low_vol", "flag", 63, regime, "else vol_low > 0.6"),
      column("reg_normal", "flag", 63, regime, "else"),
  };
}

class TrendMachine final : public TableMachine {
 public:
  explicit TrendMachine(const TrendTerms& terms) : TableMachine(trend_columns()), state_(terms) {}

  void push(const Bar& bar, const Context& context, double* out) override {
    const MarketState state = state_.push(bar.close, context);
    bias_.push(state.bias);
    out[0] = state.bias;
    out[1] = std::abs(state.bias);
    out[2] = state.strength();
    out[3] = state.bull();
    out[4] = state.bear();
    out[5] = bias_.z();
    out[6] = state.overbought();
    out[7] = state.oversold();
    out[8] = state.atr_z;
    out[9] = state.vol_high();
    out[10] = state.vol_low();
    out[11] = state.strong();
    out[12] = state.weak();
    const Regime regime = state.regime();
    std::fill_n(out + 13, 5, regime == Regime::kUnknown ? kNaN : 0.0);
    if (regime != Regime::kUnknown) out[13 + static_cast<int>(regime)] = 1.0;
  }
  void reset() override {
    bias_.reset();
    state_.reset();
  }

 private:
  RollingVariance bias_{100};
  MarketStateMachine state_;
};

}  // namespace

std::unique_ptr<Machine> make_trend_machine(const TrendTerms& terms) {
  return std::make_unique<TrendMachine>(terms);
}

}  // namespace smctrain::features
