// Moving averages (levels) and the distance of the close from them in ATR (features).
//
// Definitions equal TA-Lib's SMA, EMA, WMA, DEMA, TEMA, KAMA and LINEARREG.
#include <array>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/recursive.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {
namespace {

constexpr int kPeriod = 20;
constexpr int kKamaPeriod = 30;
constexpr int kRegressionPeriod = 14;

// Kaufman's adaptive mean: smoothing follows |net change| / sum of |changes| over n bars. First value on row
// n.
class Kama {
 public:
  explicit Kama(int period) : closes_(period + 1), path_(period) {}
  double push(double close) {
    if (!std::isfinite(close)) return kNaN;
    const double change = started_ ? std::abs(close - previous_) : kNaN;
    const double path = started_ ? path_.push(change) : kNaN;
    closes_.push(close);
    double result = kNaN;
    if (closes_.full()) {
      if (std::isnan(mean_)) mean_ = previous_;
      const double net = std::abs(close - closes_.oldest(0));
      const double efficiency = path <= net || path < 1e-14 ? 1.0 : net / path;
      const double slow = 2.0 / 31.0;
      const double k = efficiency * (2.0 / 3.0 - slow) + slow;
      mean_ += k * k * (close - mean_);
      result = mean_;
    }
    previous_ = close;
    started_ = true;
    return result;
  }
  void reset() {
    closes_.reset();
    path_.reset();
    started_ = false;
    mean_ = kNaN;
  }

 private:
  Window closes_;
  RollingSum path_;
  double previous_ = kNaN;
  double mean_ = kNaN;
  bool started_ = false;
};

std::vector<ColumnInfo> average_columns() {
  struct Level {
    const char* name;
    int64_t lookback, warmup, settle;
    const char* definition;
  };
  const int64_t ema20 = ema_settle(20, 1e-7);
  const std::array<Level, 8> levels{{
      {"sma_20", 20, 19, 0, "mean of the last 20 closes"},
      {"ema_20", kForever, 19, ema20, "exponential mean, k = 2/21, seeded with the mean of rows 0..19"},
      {"ema_50", kForever, 49, ema_settle(50, 1e-7),
       "exponential mean, k = 2/51, seeded with the mean of rows 0..49"},
      {"wma_20", 20, 19, 0, "mean of the last 20 closes with weights 1..20, newest 20"},
      {"dema_20", kForever, 38, 2 * ema20, "2 ema - ema(ema) over 20"},
      {"tema_20", kForever, 57, 3 * ema20, "3 ema - 3 ema(ema) + ema(ema(ema)) over 20"},
      {"kama_30", kForever, 30, kForever,
       "Kaufman's adaptive mean over 30; its memory fades at a rate the market sets"},
      {"linearreg_14", 14, 13, 0, "end point of the least-squares line through the last 14 closes"},
  }};
  std::vector<ColumnInfo> columns;
  for (const auto& level : levels) {
    columns.push_back(make_column(level.name, "technical", "price", level.lookback, level.warmup,
                                  level.settle, level.definition, "level"));
  }
  columns.push_back(make_column("ema_first_50", "technical", "price", kForever, 0, ema_settle(50, 1e-7),
                                "exponential mean, k = 2/51, seeded with the first close", "level"));
  for (const auto& level : levels) {
    const int64_t settle =
        level.settle == kForever ? kForever : std::max(level.settle, wilder_settle(14, 1e-7));
    columns.push_back(make_column(std::string(level.name) + "_dist_atr", "technical", "atr", kForever,
                                  std::max<int64_t>(level.warmup, 14), settle,
                                  std::string("(C - ") + level.name + ") / ATR"));
  }
  return columns;
}

class AveragesMachine final : public TableMachine {
 public:
  AveragesMachine() : TableMachine(average_columns()) {}

  void push(const Bar& bar, const Context& context, double* out) override {
    const double close = bar.close;
    window_.push(close);
    regression_.push(close);
    const double e1 = ema_.push(close);
    const double e2 = ema_of_ema_.push(e1);
    const double e3 = ema_of_ema_of_ema_.push(e2);
    out[0] = rolling_mean(window_);
    out[1] = e1;
    out[2] = ema_50_.push(close);
    out[3] = weighted_mean();
    out[4] = 2.0 * e1 - e2;
    out[5] = 3.0 * e1 - 3.0 * e2 + e3;
    out[6] = kama_.push(close);
    out[7] = rolling_mean(regression_) + rolling_slope(regression_) * (kRegressionPeriod - 1) / 2.0;
    out[8] = context.ema_first_50;
    for (int i = 0; i < 8; ++i) out[9 + i] = safe_div(close - out[i], context.atr);
  }
  void reset() override {
    window_.reset();
    regression_.reset();
    ema_.reset();
    ema_of_ema_.reset();
    ema_of_ema_of_ema_.reset();
    ema_50_.reset();
    kama_.reset();
  }

 private:
  double weighted_mean() const {
    if (!window_.usable()) return kNaN;
    double sum = 0.0;
    for (int i = 0; i < kPeriod; ++i) sum += (i + 1) * window_.oldest(i);
    return sum / (kPeriod * (kPeriod + 1) / 2.0);
  }

  Window window_{kPeriod};
  Window regression_{kRegressionPeriod};
  EmaSeeded ema_{kPeriod};
  EmaSeeded ema_of_ema_{kPeriod};
  EmaSeeded ema_of_ema_of_ema_{kPeriod};
  EmaSeeded ema_50_{50};
  Kama kama_{kKamaPeriod};
};

}  // namespace

std::unique_ptr<Machine> make_averages_machine() { return std::make_unique<AveragesMachine>(); }

}  // namespace smctrain::features
