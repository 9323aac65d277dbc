// Moving averages (levels) and the distance of the close from them in ATR (features).
//
// Definitions equal TA-Lib's SMA, EMA, WMA, DEMA, TEMA, KAMA and LINEARREG.
#include <algorithm>
#include <array>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/recursive.h"
#include "smctrain/features/technical/windows.h"

namespace smctrain::features {
namespace {

constexpr int kPeriod = 20;
constexpr int kKamaPeriod = 30;
constexpr int kRegressionPeriod = 14;

// Kaufman's adaptive mean: smoothing follows |net change| / sum of |changes| over n bars. First value on row
// n. Bars without a close are skipped.
class Kama {
 public:
  void push(const double* close, int n, double* out) {
    for (int t = 0; t < n;) {
      int end = t;
      while (end < n && std::isfinite(close[end])) ++end;
      if (end > t) push_finite(close + t, end - t, out + t);
      for (t = end; t < n && !std::isfinite(close[t]); ++t) out[t] = kNaN;
    }
  }
  // For bars after the warm-up that all have a close: rate[t] of the step mean += rate[t] (close[t] - mean),
  // which the caller takes, from mean() on, and ends with set_mean().
  void rates(const double* close, int n, double* rate) {
    prepare(close, n, rate);
    count_ += n;
  }
  double mean() const { return mean_; }
  void set_mean(double mean) { mean_ = mean; }
  void reset() {
    closes_.reset();
    changes_.reset();
    path_.reset();
    count_ = 0;
  }

 private:
  void prepare(const double* close, int n, double* rate) {
    double* closes = closes_.extend(n);
    double* changes = changes_.extend(n);
    std::copy_n(close, n, closes);
    kernels().absolute_change(closes, n, changes);
    BlockValues path;
    path_.push(changes, count_, n, path);
    kernels().adaptive_rate(closes, path, kKamaPeriod, n, rate);
    newest_ = closes;
  }

  void push_finite(const double* close, int n, double* out) {
    BlockValues rate;
    prepare(close, n, rate);
    int t = static_cast<int>(std::clamp<int64_t>(kKamaPeriod - count_, 0, n));
    std::fill_n(out, t, kNaN);
    if (count_ <= kKamaPeriod && t < n) mean_ = newest_[t - 1];  // the close before the first mean
    for (; t < n; ++t) {
      mean_ += rate[t] * (close[t] - mean_);
      out[t] = mean_;
    }
    count_ += n;
  }

  Recent closes_;  // of the bars that have one
  Recent changes_;
  RollingSums<kKamaPeriod> path_{1};
  const double* newest_ = nullptr;  // the block in closes_
  double mean_ = kNaN;
  int64_t count_ = 0;
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

  void push_block(const Block& block, double* const* out) override {
    const Kernels& k = kernels();
    const int n = block.n;
    const double* close = block.close;
    BlockValues scratch[8];
    double* level[8];
    for (int i = 0; i < 8; ++i) {
      const bool is_wanted = out[i] != nullptr || out[9 + i] != nullptr;
      level[i] = is_wanted ? or_else(out[i], scratch[i]) : nullptr;
    }
    if (level[0] != nullptr) k.window_mean(close, kPeriod, n, level[0]);
    if (level[3] != nullptr) k.window_weighted_mean(close, kPeriod, n, level[3]);
    if (level[7] != nullptr) k.window_line_end(close, kRegressionPeriod, n, level[7]);
    if (!block.plain) {
      for (const int i : {0, 3, 7}) {
        if (level[i] != nullptr) blank_gaps(close, i == 7 ? kRegressionPeriod : kPeriod, n, level[i]);
      }
    }
    bool kama_done = false;
    if (level[1] != nullptr || level[4] != nullptr || level[5] != nullptr) {
      BlockValues e2;
      BlockValues e3;
      double* e1 = level[1] != nullptr ? level[1] : scratch[1];
      if (!block.plain) {
        chain(close, n, e1, e2, e3);
      } else {
        plain_chain(close, n, e1, e2, e3, level[6]);
        kama_done = true;
      }
      if (level[4] != nullptr) k.double_mean(e1, e2, n, level[4]);
      if (level[5] != nullptr) k.triple_mean(e1, e2, e3, n, level[5]);
    }
    if (level[2] != nullptr) {
      for (int t = 0; t < n; ++t) level[2][t] = ema_50_.push(close[t]);
    }
    if (level[6] != nullptr && !kama_done) kama_.push(close, n, level[6]);
    if (out[8] != nullptr) std::copy_n(block.ema_first_50, n, out[8]);
    for (int i = 0; i < 8; ++i) {
      if (out[9 + i] != nullptr) k.difference_ratio(close, level[i], block.atr, 1.0, n, out[9 + i]);
    }
  }
  void reset() override {
    ema_.reset();
    ema_of_ema_.reset();
    ema_of_ema_of_ema_.reset();
    ema_50_.reset();
    kama_.reset();
  }

 private:
  void chain(const double* close, int n, double* e1, double* e2, double* e3) {
    for (int t = 0; t < n; ++t) {
      e1[t] = ema_.push(close[t]);
      e2[t] = ema_of_ema_.push(e1[t]);
      e3[t] = ema_of_ema_of_ema_.push(e2[t]);
    }
  }

  // The same after the warm-up; Kaufman's mean, if wanted, goes along instead of waiting by itself.
  void plain_chain(const double* close, int n, double* e1, double* e2, double* e3, double* kama) {
    BlockValues rate;
    BlockValues unwanted;
    if (kama != nullptr) {
      kama_.rates(close, n, rate);
    } else {
      std::fill_n(rate, n, 0.0);
      kama = unwanted;
    }
    EmaSeeded first = ema_;  // copies stay in registers
    EmaSeeded second = ema_of_ema_;
    EmaSeeded third = ema_of_ema_of_ema_;
    double mean = kama_.mean();
    for (int t = 0; t < n; ++t) {
      e1[t] = first.push<false>(close[t]);
      e2[t] = second.push<false>(e1[t]);
      e3[t] = third.push<false>(e2[t]);
      mean += rate[t] * (close[t] - mean);
      kama[t] = mean;
    }
    ema_ = first;
    ema_of_ema_ = second;
    ema_of_ema_of_ema_ = third;
    kama_.set_mean(mean);
  }

  EmaSeeded ema_{kPeriod};
  EmaSeeded ema_of_ema_{kPeriod};
  EmaSeeded ema_of_ema_of_ema_{kPeriod};
  EmaSeeded ema_50_{50};
  Kama kama_;
};

}  // namespace

std::unique_ptr<Machine> make_averages_machine() { return std::make_unique<AveragesMachine>(); }

}  // namespace smctrain::features
