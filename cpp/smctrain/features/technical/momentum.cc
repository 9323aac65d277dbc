// Momentum of the close: rsi, macd, ppo, roc, mom, trix, ultosc. Definitions equal TA-Lib's with default
// settings.
#include <algorithm>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/recursive.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {
namespace {

// MACD 12/26/9. The slow mean is seeded with rows 0..25, the fast one with rows 14..25, the signal with MACD
// rows 25..33; all three are shown from row 33.
class Macd {
 public:
  void push(double close) {
    line = signal = histogram = kNaN;
    if (!std::isfinite(close)) return;
    const double slow = slow_.push(close);
    const double fast = count_++ >= 14 ? fast_.push(close) : kNaN;
    const double difference = fast - slow;
    const double smoothed = signal_.push(difference);
    if (std::isnan(smoothed)) return;
    line = difference;
    signal = smoothed;
    histogram = line - signal;
  }
  void reset() {
    slow_.reset();
    fast_.reset();
    signal_.reset();
    count_ = 0;
  }
  double line = kNaN;
  double signal = kNaN;
  double histogram = kNaN;

 private:
  EmaSeeded slow_{26};
  EmaSeeded fast_{12};
  EmaSeeded signal_{9};
  int64_t count_ = 0;
};

// Weighted buying pressure over 7, 14 and 28 bars.
class UltimateOscillator {
 public:
  double push(const Bar& bar, double previous_close) {
    const double low = std::min(bar.low, previous_close);
    const double high = std::max(bar.high, previous_close);
    const bool known = std::isfinite(bar.close) && std::isfinite(previous_close);
    const double pressure = known ? bar.close - low : kNaN;
    const double range = known ? high - low : kNaN;
    const double short_term = share(pressure_7_.push(pressure), range_7_.push(range));
    const double middle_term = share(pressure_14_.push(pressure), range_14_.push(range));
    const double long_term = share(pressure_28_.push(pressure), range_28_.push(range));
    return 100.0 * (4.0 * short_term + 2.0 * middle_term + long_term) / 7.0;
  }
  void reset() {
    for (RollingSum* sum : {&pressure_7_, &pressure_14_, &pressure_28_, &range_7_, &range_14_, &range_28_})
      sum->reset();
  }

 private:
  static double share(double pressure, double range) { return range == 0.0 ? 0.0 : pressure / range; }

  RollingSum pressure_7_{7};
  RollingSum pressure_14_{14};
  RollingSum pressure_28_{28};
  RollingSum range_7_{7};
  RollingSum range_14_{14};
  RollingSum range_28_{28};
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

  void push(const Bar& bar, const Context& context, double* out) override {
    out[0] = context.rsi_wilder_14;
    out[1] = rsi_sma(bar.close);
    previous_ = bar.close;
  }
  void reset() override {
    rises_.reset();
    falls_.reset();
    previous_ = kNaN;
    rows_ = 0;
  }

 private:
  double rsi_sma(double close) {
    if (rows_++ == 0) return kNaN;  // row 0 has no change: it must not enter the window
    const double change = close - previous_;
    const double up = rises_.push(std::isfinite(change) ? std::max(change, 0.0) : kNaN);
    const double down = falls_.push(std::isfinite(change) ? std::max(-change, 0.0) : kNaN);
    if (std::isnan(up)) return kNaN;
    return up + down > 0.0 ? 100.0 * up / (up + down) : 0.0;
  }

  RollingSum rises_{14};
  RollingSum falls_{14};
  double previous_ = kNaN;
  int64_t rows_ = 0;
};

class MomentumMachine final : public TableMachine {
 public:
  MomentumMachine() : TableMachine(momentum_columns()) {}

  void push(const Bar& bar, const Context& context, double* out) override {
    const double close = bar.close;
    macd_.push(close);
    out[0] = macd_.line;
    out[1] = macd_.signal;
    out[2] = macd_.histogram;
    out[3] = safe_div(macd_.line, context.atr);
    out[4] = safe_div(macd_.histogram, context.atr);
    const double slow = ema_26_.push(close);
    out[5] = 100.0 * safe_div(ema_12_.push(close) - slow, slow);
    closes_.push(close);
    const double base = closes_.full() ? closes_.oldest(0) : kNaN;
    out[6] = 100.0 * (safe_div(close, base) - 1.0);
    out[7] = close - base;
    out[8] = trix(close);
    out[9] = ultimate_.push(bar, previous_);
    previous_ = close;
  }
  void reset() override {
    macd_.reset();
    ema_12_.reset();
    ema_26_.reset();
    closes_.reset();
    trix_1_.reset();
    trix_2_.reset();
    trix_3_.reset();
    trix_previous_ = kNaN;
    ultimate_.reset();
    previous_ = kNaN;
  }

 private:
  double trix(double close) {
    const double value = trix_3_.push(trix_2_.push(trix_1_.push(close)));
    if (std::isnan(value)) return kNaN;
    const double change = 100.0 * (safe_div(value, trix_previous_) - 1.0);
    trix_previous_ = value;
    return change;
  }

  Macd macd_;
  EmaSeeded ema_12_{12};
  EmaSeeded ema_26_{26};
  Window closes_{11};
  EmaSeeded trix_1_{15};
  EmaSeeded trix_2_{15};
  EmaSeeded trix_3_{15};
  double trix_previous_ = kNaN;
  UltimateOscillator ultimate_;
  double previous_ = kNaN;
};

}  // namespace

std::unique_ptr<Machine> make_rsi_machine() { return std::make_unique<RsiMachine>(); }
std::unique_ptr<Machine> make_momentum_machine() { return std::make_unique<MomentumMachine>(); }

}  // namespace smctrain::features
