// Columns of trend, momentum and volatility regime; what they mean stands in regime.h.
#include <algorithm>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/regime.h"
#include "smctrain/features/technical/windows.h"

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
      column("mom_overbought", "ratio", 14, wilder_settle(14, 1e-7),
             "how far rsi_wilder_14 is above 60: 0 there, 1 from 80"),
      column("mom_oversold", "ratio", 14, wilder_settle(14, 1e-7),
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
  explicit TrendMachine(const TrendTerms& terms) : TableMachine(trend_columns()), terms_(terms) {}

  void push_block(const Block& block, double* const* out) override {
    const int n = block.n;
    double* bias = biases_.extend(n);
    BlockValues mean;
    BlockValues deviation;
    BlockValues atr_z;
    kernels().difference_ratio(block.close, block.ema_first_50, block.atr, 1.0, n, bias);
    if (out[5] != nullptr) {
      bias_.push(bias, block.row, n, 1, mean, deviation);
      for (int t = 0; t < n; ++t) out[5][t] = z(bias[t], mean[t], deviation[t]);
    }
    atr_.push(block.atr, block.row, n, 1, mean, deviation);
    for (int t = 0; t < n; ++t) atr_z[t] = z(block.atr[t], mean[t], deviation[t]);
    for (int t = 0; t < n; ++t) {
      const auto put = [&](size_t column, double value) {
        if (out[column] != nullptr) out[column][t] = value;
      };
      const MarketState state{&terms_, bias[t], block.rsi_wilder_14[t], atr_z[t]};
      put(0, state.bias);
      put(1, std::abs(state.bias));
      put(2, state.strength());
      put(3, state.bull());
      put(4, state.bear());
      put(6, state.overbought());
      put(7, state.oversold());
      put(8, state.atr_z);
      put(9, state.vol_high());
      put(10, state.vol_low());
      put(11, state.strong());
      put(12, state.weak());
      const Regime regime = state.regime();
      for (int i = 0; i < 5; ++i) {
        const double is_it = static_cast<int>(regime) == i ? 1.0 : 0.0;
        put(13 + static_cast<size_t>(i), regime == Regime::kUnknown ? kNaN : is_it);
      }
    }
  }
  void reset() override {
    biases_.reset();
    bias_.reset();
    atr_.reset();
  }

 private:
  static double z(double x, double mean, double deviation) {
    return deviation > 0.0 ? (x - mean) / deviation : kNaN;
  }

  TrendTerms terms_;
  Recent biases_;
  RollingMoments<100> bias_;
  RollingMoments<50> atr_;
};

}  // namespace

std::unique_ptr<Machine> make_trend_machine(const TrendTerms& terms) {
  return std::make_unique<TrendMachine>(terms);
}

}  // namespace smctrain::features
