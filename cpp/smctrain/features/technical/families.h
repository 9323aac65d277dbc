// The technical families: one factory per file of this folder, and what their machines share.
//
//   settle     rows after the warm-up until the seed of a recursive column has faded below `tolerance` of its
//   size level      a column in units of price or volume: never reaches a model unless a caller names it
//
// Missing values: the engine hands a bar with a non-finite price to the machines with all prices NaN.
// Recursive columns answer NaN on that row and keep their state; windows are NaN while the bar is inside.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "smctrain/features/machine.h"
#include "smctrain/features/technical/fuzzy.h"

namespace smctrain::features {

std::unique_ptr<Machine> make_range_machine();        // tr, atr_*, natr_14
std::unique_ptr<Machine> make_averages_machine();     // moving averages and distances from them
std::unique_ptr<Machine> make_bands_machine();        // Bollinger bands, stddev, Donchian position
std::unique_ptr<Machine> make_rsi_machine();          // rsi_wilder_14, rsi_sma_14
std::unique_ptr<Machine> make_momentum_machine();     // macd, ppo, roc, mom, trix, ultosc
std::unique_ptr<Machine> make_oscillators_machine();  // stoch, willr, cci, aroon
std::unique_ptr<Machine> make_directional_machine();  // plus_di, minus_di, adx
std::unique_ptr<Machine> make_returns_machine();      // ret_k, logret_1
std::unique_ptr<Machine> make_trend_machine(
    const TrendTerms& terms = {});               // trend_*, mom_*, atr_z50, vol_high/low, reg_*
std::unique_ptr<Machine> make_candle_machine();  // cd_*
std::unique_ptr<Machine>
make_volatility_machine();                       // vol_cc, vol_ewma, vol_parkinson, vol_gk, vol_rs, vol_yz
std::unique_ptr<Machine> make_volume_machine();  // vol_rel, obv, ad, adosc, mfi

// Metadata of a column that is known at the close of its own bar.
inline ColumnInfo make_column(std::string name, std::string family, std::string unit, int64_t lookback,
                              int64_t warmup, int64_t settle, std::string definition,
                              std::string role = "feature") {
  return {std::move(name), std::move(family),  std::move(unit),      std::move(role), lookback, warmup,
          settle,          "close of the bar", std::move(definition)};
}

inline int64_t ema_settle(int period, double tolerance = 1e-6) {
  return static_cast<int64_t>(std::ceil(std::log(tolerance) / std::log(1.0 - 2.0 / (period + 1.0))));
}
inline int64_t wilder_settle(int period, double tolerance = 1e-6) {
  return static_cast<int64_t>(std::ceil(std::log(tolerance) / std::log(1.0 - 1.0 / period)));
}

inline double safe_div(double a, double b) { return b != 0.0 && std::isfinite(b) ? a / b : kNaN; }

inline double* or_else(double* wanted, double* scratch) { return wanted != nullptr ? wanted : scratch; }

// Columns and their storage, so that a machine only states them and computes.
class TableMachine : public Machine {
 public:
  explicit TableMachine(std::vector<ColumnInfo> columns) : columns_(std::move(columns)) {}
  const std::vector<ColumnInfo>& columns() const final { return columns_; }

 protected:
  void all_nan(double* out) const { std::fill_n(out, columns_.size(), kNaN); }

 private:
  std::vector<ColumnInfo> columns_;
};

}  // namespace smctrain::features
