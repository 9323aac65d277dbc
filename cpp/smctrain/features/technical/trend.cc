// Columns of trend, momentum and volatility regime; what they mean stands in regime.h, bar by bar, and is
// done here for a block with the same operations.
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
    const Kernels& k = kernels();
    const int n = block.n;
    const auto wanted = [&](int first, int last) {
      return std::any_of(out + first, out + last + 1, [](const double* column) { return column != nullptr; });
    };
    double* bias = biases_.extend(n);
    k.difference_ratio(block.close, block.ema_first_50, block.atr, 1.0, n, bias);
    if (out[0] != nullptr) std::copy_n(bias, n, out[0]);
    if (out[5] != nullptr) {
      BlockValues mean;
      BlockValues deviation;
      bias_.push(bias, block.row, n, 1, mean, deviation);
      k.standard_score(bias, mean, deviation, n, out[5]);
    }
    if (out[3] != nullptr) ramp(terms_.side, bias, n, out[3]);
    if (out[4] != nullptr) {
      BlockValues turned;
      for (int t = 0; t < n; ++t) turned[t] = -bias[t];
      ramp(terms_.side, turned, n, out[4]);
    }
    if (out[6] != nullptr) ramp(terms_.overbought, block.rsi_wilder_14, n, out[6]);
    if (out[7] != nullptr) ramp(terms_.oversold, block.rsi_wilder_14, n, out[7]);
    BlockValues scratch[6];
    const bool has_regime = wanted(13, 17);
    double* strong = or_else(out[11], scratch[0]);
    double* weak = or_else(out[12], scratch[1]);
    double* vol_high = or_else(out[9], scratch[2]);
    double* vol_low = or_else(out[10], scratch[3]);
    double* atr_z = or_else(out[8], scratch[4]);
    if (has_regime || wanted(1, 2) || wanted(11, 12)) {
      strengthen(bias, n, or_else(out[1], scratch[5]), out[2], strong, weak);
    }
    if (has_regime || wanted(8, 10)) score_atr(block, atr_z, vol_high, vol_low);
    if (has_regime) {
      const double* memberships[4] = {vol_high, vol_low, strong, weak};
      BlockValues regime;
      k.regime(atr_z, bias, memberships, terms_.vol_above, terms_.trend_above, n, regime);
      for (int i = 0; i < 5; ++i) {
        if (out[13 + i] != nullptr) k.is_equal(regime, i, n, out[13 + i]);
      }
    }
  }
  void reset() override {
    biases_.reset();
    bias_.reset();
    atr_.reset();
  }

 private:
  static void ramp(const Ramp& terms, const double* x, int n, double* out) {
    kernels().ramp(x, terms.zero(), terms.width(), terms.rises(), n, out);
  }

  // |bias|, its centroid (if wanted) and what the centroid makes strong and weak.
  void strengthen(const double* bias, int n, double* size, double* centroid, double* strong, double* weak) {
    BlockValues terms[4];
    BlockValues scratch;
    double* strength = or_else(centroid, scratch);
    kernels().absolute(bias, n, size);
    const Ramp* ramps[4] = {&terms_.weak, &terms_.moderate_rise, &terms_.moderate_fall, &terms_.strong};
    for (int i = 0; i < 4; ++i) ramp(*ramps[i], size, n, terms[i]);
    const double* memberships[4] = {terms[0], terms[1], terms[2], terms[3]};
    const double values[3] = {terms_.weak_value, terms_.moderate_value, terms_.strong_value};
    kernels().centroid(memberships, values, n, strength);
    ramp(terms_.tr_strong, strength, n, strong);
    ramp(terms_.tr_weak, strength, n, weak);
  }

  void score_atr(const Block& block, double* atr_z, double* vol_high, double* vol_low) {
    BlockValues mean;
    BlockValues deviation;
    atr_.push(block.atr, block.row, block.n, 1, mean, deviation);
    kernels().standard_score(block.atr, mean, deviation, block.n, atr_z);
    ramp(terms_.vol_high, atr_z, block.n, vol_high);
    ramp(terms_.vol_low, atr_z, block.n, vol_low);
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
