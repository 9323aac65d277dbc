// Momentum of the close: rsi, macd, ppo, roc, mom, trix, ultosc. Definitions equal TA-Lib's with default
// settings.
#include <algorithm>
#include <array>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/recursive.h"
#include "smctrain/features/technical/windows.h"

namespace smctrain::features {
namespace {

// The exponential means of closes behind macd, ppo and trix.
//
// MACD 12/26/9: the slow mean is seeded with rows 0..25, the fast one with rows 14..25, the signal with MACD
// rows 25..33; all three are shown from row 33. PPO has the same slow mean; its fast one begins on row 0.
struct MomentumMeans {
  EmaSeeded slow{26};
  EmaSeeded fast{12};
  EmaSeeded signal{9};
  EmaSeeded ppo_fast{12};
  EmaSeeded trix_1{15};
  EmaSeeded trix_2{15};
  EmaSeeded trix_3{15};
  double trix = kNaN;  // last value of trix_3
  int64_t count = 0;   // closes so far, until the fast mean has begun
};

struct MomentumValues {
  BlockValues slow;
  double* line = nullptr;
  double* signal = nullptr;
  BlockValues ppo_fast;
  BlockValues trix;
  BlockValues trix_before;
};

template <bool kChecked>
void advance(MomentumMeans& means, const double* close, int n, MomentumValues& values) {
  MomentumMeans m = means;  // a copy stays in registers
  for (int t = 0; t < n; ++t) {
    const double x = close[t];
    const double slow = m.slow.push<kChecked>(x);
    double fast = kNaN;
    if (!kChecked || (std::isfinite(x) && m.count++ >= 14)) fast = m.fast.push<kChecked>(x);
    const double line = fast - slow;
    const double signal = m.signal.push<kChecked>(line);
    values.slow[t] = slow;
    values.line[t] = kChecked && std::isnan(signal) ? kNaN : line;
    values.signal[t] = signal;
    values.ppo_fast[t] = m.ppo_fast.push<kChecked>(x);
    const double trix = m.trix_3.push<kChecked>(m.trix_2.push<kChecked>(m.trix_1.push<kChecked>(x)));
    values.trix[t] = trix;
    values.trix_before[t] = m.trix;
    if (!kChecked || !std::isnan(trix)) m.trix = trix;
  }
  means = m;
}

// Weighted buying pressure over 7, 14 and 28 bars.
class UltimateOscillator {
 public:
  void push(const Block& block, double* out) {
    const int n = block.n;
    double* pressure = pressures_.extend(n);
    double* range = ranges_.extend(n);
    kernels().buying_pressure(block.high, block.low, block.close, n, pressure, range);
    BlockValues sums[6];
    pressure_7_.push(pressure, block.row, n, sums[0]);
    pressure_14_.push(pressure, block.row, n, sums[1]);
    pressure_28_.push(pressure, block.row, n, sums[2]);
    range_7_.push(range, block.row, n, sums[3]);
    range_14_.push(range, block.row, n, sums[4]);
    range_28_.push(range, block.row, n, sums[5]);
    const double* pressure_sums[3] = {sums[0], sums[1], sums[2]};
    const double* range_sums[3] = {sums[3], sums[4], sums[5]};
    kernels().ultimate(pressure_sums, range_sums, n, out);
  }
  void reset() {
    pressures_.reset();
    ranges_.reset();
    pressure_7_.reset();
    pressure_14_.reset();
    pressure_28_.reset();
    range_7_.reset();
    range_14_.reset();
    range_28_.reset();
  }

 private:
  Recent pressures_;
  Recent ranges_;
  RollingSums<7> pressure_7_;
  RollingSums<14> pressure_14_;
  RollingSums<28> pressure_28_;
  RollingSums<7> range_7_;
  RollingSums<14> range_14_;
  RollingSums<28> range_28_;
};

std::vector<ColumnInfo> momentum_columns() {
  const int64_t macd_settle = ema_settle(26, 1e-7) + ema_settle(9);
  return {
      make_column("macd_12_26_9", "technical", "price", kForever, 33, macd_settle, "ema_12 - ema_26",
                  "level"),
      make_column("macd_signal_12_26_9", "technical", "price", kForever, 33, macd_settle, "ema_9 of macd",
                  "level"),
      make_column("macd_hist_12_26_9", "technical", "price", kForever, 33, macd_settle, "macd - signal",
                  "level"),
      make_column("macd_12_26_9_atr", "technical", "atr", kForever, 33, macd_settle, "macd / ATR"),
      make_column("macd_hist_12_26_9_atr", "technical", "atr", kForever, 33, macd_settle,
                  "(macd - signal) / ATR"),
      make_column("ppo_12_26", "technical", "pct", kForever, 25, ema_settle(26, 1e-7),
                  "100 (ema_12 / ema_26 - 1), each seeded with the mean of its own first rows"),
      make_column("roc_10", "technical", "pct", 11, 10, 0, "100 (C/C[t-10] - 1)"),
      make_column("mom_10", "technical", "price", 11, 10, 0, "C - C[t-10]", "level"),
      make_column("trix_15", "technical", "pct", kForever, 43, 3 * ema_settle(15, 1e-7),
                  "change in % of the triple exponential mean"),
      make_column("ultosc_7_14_28", "technical", "pct", 29, 28, 0,
                  "buying pressure over 7, 14, 28 bars with weights 4, 2, 1"),
  };
}

class RsiMachine final : public TableMachine {
 public:
  RsiMachine()
      : TableMachine({
            make_column("rsi_wilder_14", "technical", "pct", kForever, 14, wilder_settle(14),
                        "100 U/(U+D), Wilder means of rises and falls; 0 if U+D = 0"),
            make_column("rsi_sma_14", "technical", "pct", 15, 14, 0,
                        "100 U/(U+D), simple means of the last 14 changes; 0 if U+D = 0"),
        }) {}

  void push_block(const Block& block, double* const* out) override {
    const int n = block.n;
    if (out[0] != nullptr) std::copy_n(block.rsi_wilder_14, n, out[0]);
    if (out[1] == nullptr) return;
    double* rises = rises_.extend(n);
    double* falls = falls_.extend(n);
    kernels().moves(block.close, n, rises, falls);  // NaN on row 0
    BlockValues up;
    BlockValues down;
    up_.push(rises, block.row, n, up);
    down_.push(falls, block.row, n, down);
    kernels().share_of_moves(up, down, n, out[1]);
  }
  void reset() override {
    rises_.reset();
    falls_.reset();
    up_.reset();
    down_.reset();
  }

 private:
  Recent rises_;
  Recent falls_;
  RollingSums<14> up_{1};
  RollingSums<14> down_{1};
};

class MomentumMachine final : public TableMachine {
 public:
  MomentumMachine() : TableMachine(momentum_columns()) {}

  void push_block(const Block& block, double* const* out) override {
    const Kernels& k = kernels();
    const int n = block.n;
    const double* close = block.close;
    const auto wanted = [&](int first, int last) {
      return std::any_of(out + first, out + last + 1, [](const double* column) { return column != nullptr; });
    };
    if (wanted(0, 5) || wanted(8, 8)) {
      MomentumValues values;
      BlockValues line;
      BlockValues signal;
      values.line = or_else(out[0], line);
      values.signal = or_else(out[1], signal);
      block.plain ? advance<false>(means_, close, n, values) : advance<true>(means_, close, n, values);
      BlockValues scratch;
      double* histogram = or_else(out[2], scratch);
      k.difference(values.line, values.signal, n, histogram);
      if (out[3] != nullptr) k.scaled_ratio(values.line, block.atr, 1.0, n, out[3]);
      if (out[4] != nullptr) k.scaled_ratio(histogram, block.atr, 1.0, n, out[4]);
      if (out[5] != nullptr) k.difference_ratio(values.ppo_fast, values.slow, values.slow, 100.0, n, out[5]);
      if (out[8] != nullptr) k.scaled_change(values.trix, values.trix_before, 100.0, n, out[8]);
    }
    if (out[6] != nullptr) k.scaled_change(close, close - 10, 100.0, n, out[6]);
    if (out[7] != nullptr) k.difference(close, close - 10, n, out[7]);
    if (out[9] != nullptr) ultimate_.push(block, out[9]);
  }
  void reset() override {
    means_ = {};
    ultimate_.reset();
  }

 private:
  MomentumMeans means_;
  UltimateOscillator ultimate_;
};

}  // namespace

std::unique_ptr<Machine> make_rsi_machine() { return std::make_unique<RsiMachine>(); }
std::unique_ptr<Machine> make_momentum_machine() { return std::make_unique<MomentumMachine>(); }

}  // namespace smctrain::features
