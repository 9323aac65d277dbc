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
      column("trend_bias_atr", "atr", 14, bias, "(C - ema_first_50) / atr_wilder_14"),
      column("trend_abs_atr", "atr", 14, bias, "|trend_bias_atr|"),
      column("trend_strength", "ratio", 14, score,
             "centroid of weak 0.5, moderate 1.5, strong 3.0 at trend_abs_atr"),
      column("trend_bull", "ratio", 14, score, "clip(trend_bias_atr, 0, 1)"),
      column("trend_bear", "ratio", 14, score, "clip(-trend_bias_atr, 0, 1)"),
      column("trend_bias_atr_z100", "z", 113, ema_settle(50, 1e-9),
             "trend_bias_atr against its last 100 values (mean, sd1)"),
      column("mom_overbought", "ratio", 14, wilder_settle(14), "clip((rsi_wilder_14 - 60) / 20, 0, 1)"),
      column("mom_oversold", "ratio", 14, wilder_settle(14), "clip((40 - rsi_wilder_14) / 20, 0, 1)"),
      column("atr_z50", "z", 63, z, "atr_wilder_14 against its last 50 values (mean, sd1)"),
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
  TrendMachine() : TableMachine(trend_columns()) {}

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
      const double rsi = block.rsi_wilder_14[t];
      const double strength = trend_strength(std::abs(bias[t]));
      const double vol_high = clip_or_nan(atr_z[t] - 0.5, 0.0, 1.0);
      const double vol_low = clip_or_nan((0.5 - atr_z[t]) / 1.5, 0.0, 1.0);
      const double strong = clip_or_nan(strength - 1.0, 0.0, 1.0);
      const double weak = clip_or_nan((1.0 - strength) / 0.5, 0.0, 1.0);
      put(0, bias[t]);
      put(1, std::abs(bias[t]));
      put(2, strength);
      put(3, clip_or_nan(bias[t], 0.0, 1.0));
      put(4, clip_or_nan(-bias[t], 0.0, 1.0));
      put(6, clip_or_nan((rsi - 60.0) / 20.0, 0.0, 1.0));
      put(7, clip_or_nan((40.0 - rsi) / 20.0, 0.0, 1.0));
      put(8, atr_z[t]);
      put(9, vol_high);
      put(10, vol_low);
      put(11, strong);
      put(12, weak);
      const bool known = !std::isnan(atr_z[t]) && !std::isnan(strength);
      const size_t regime = regime_of(vol_high, vol_low, strong, weak);
      for (size_t i = 0; i < 5; ++i) put(13 + i, known ? (i == regime ? 1.0 : 0.0) : kNaN);
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
  static size_t regime_of(double vol_high, double vol_low, double strong, double weak) {
    if (vol_high > 0.6 && strong > 0.5) return 0;
    if (vol_low > 0.6 && weak > 0.5) return 1;
    if (vol_high > 0.6) return 2;
    return vol_low > 0.6 ? 3 : 4;
  }

  Recent biases_;
  RollingMoments<100> bias_;
  RollingMoments<50> atr_;
};

}  // namespace

std::unique_ptr<Machine> make_trend_machine() { return std::make_unique<TrendMachine>(); }

}  // namespace smctrain::features
