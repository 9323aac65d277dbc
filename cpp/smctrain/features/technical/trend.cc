// Trend, momentum and volatility regime of one timeframe.
//
//   bias       (C - ema_first_50) / ATR
//   strength   centroid of the fuzzy terms weak, moderate, strong of |bias|
//   z          atr_z50: the ATR against its own last 50 values
//   regime     five one-hots, first match: high_vol_trend, low_vol_chop, high_vol, low_vol, normal
#include <algorithm>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/fuzzy.h"
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

double clip_or_nan(double x, double low, double high) { return std::isnan(x) ? x : clip(x, low, high); }

class TrendMachine final : public TableMachine {
 public:
  explicit TrendMachine(const TrendTerms& terms) : TableMachine(trend_columns()), terms_(terms) {}

  void push(const Bar& bar, const Context& context, double* out) override {
    const double bias = safe_div(bar.close - context.ema_first_50, context.atr);
    const double strength = trend_strength(std::abs(bias), terms_);
    bias_.push(bias);
    atr_.push(context.atr);
    const double z = atr_.z();
    out[0] = bias;
    out[1] = std::abs(bias);
    out[2] = strength;
    out[3] = clip_or_nan(bias, 0.0, 1.0);
    out[4] = clip_or_nan(-bias, 0.0, 1.0);
    out[5] = bias_.z();
    out[6] = terms_.overbought.at(context.rsi_wilder_14);
    out[7] = terms_.oversold.at(context.rsi_wilder_14);
    out[8] = z;
    const double vol_high = out[9] = terms_.vol_high.at(z);
    const double vol_low = out[10] = terms_.vol_low.at(z);
    const double strong = out[11] = terms_.tr_strong.at(strength);
    const double weak = out[12] = terms_.tr_weak.at(strength);
    const bool known = !std::isnan(z) && !std::isnan(strength);
    std::fill_n(out + 13, 5, known ? 0.0 : kNaN);
    if (!known) return;
    int regime = 4;
    if (vol_high > terms_.vol_above && strong > terms_.trend_above) {
      regime = 0;
    } else if (vol_low > terms_.vol_above && weak > terms_.trend_above) {
      regime = 1;
    } else if (vol_high > terms_.vol_above) {
      regime = 2;
    } else if (vol_low > terms_.vol_above) {
      regime = 3;
    }
    out[13 + regime] = 1.0;
  }
  void reset() override {
    bias_.reset();
    atr_.reset();
  }

 private:
  TrendTerms terms_;
  RollingVariance bias_{100};
  RollingVariance atr_{50};
};

}  // namespace

std::unique_ptr<Machine> make_trend_machine(const TrendTerms& terms) {
  return std::make_unique<TrendMachine>(terms);
}

}  // namespace smctrain::features
