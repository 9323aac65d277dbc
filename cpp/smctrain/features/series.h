// All machines of one timeframe, fed blocks of finished bars.
//
// The series owns what machines share (recent prices; ATR, EMA, RSI of the same bar), drops machines none of
// whose columns is wanted, and hands every machine the same sanitised bars: if one price is not finite, all
// are NaN.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "smctrain/features/machine.h"
#include "smctrain/features/recent.h"
#include "smctrain/features/registry.h"
#include "smctrain/features/scaling_atr.h"
#include "smctrain/features/settings.h"
#include "smctrain/features/technical/recursive.h"

namespace smctrain::features {

class Series {
 public:
  // Makes only machines that own at least one of `wanted`. Blocks will have at most `most_bars`.
  Series(const std::vector<MachinePlan>& plans, const Settings& settings, int64_t bar_length_ns,
         const std::vector<std::string>& wanted, int most_bars);

  // Metadata of all columns of these machines.
  const std::vector<const ColumnInfo*>& columns() const { return columns_; }
  // Values of a column for the bars of the last block; null if it is not wanted.
  const double* values(size_t column) const { return values_[column]; }
  // Value of a column for the newest bar; NaN if it is not wanted.
  double newest(size_t column) const {
    return n_ > 0 && values_[column] != nullptr ? values_[column][n_ - 1] : kNaN;
  }
  int find(const std::string& name) const;              // index into columns(), -1 if absent
  const Machine* owner(const std::string& name) const;  // machine of a column, null if absent
  int64_t rows() const { return row_; }                 // bars since the last reset

  // Bars first..first + n - 1, 1 <= n <= most_bars, all of one segment.
  void push_block(const BarsView& bars, int64_t first, int n);
  void push(const Bar& bar);
  void reset();

 private:
  void take_bars(const BarsView& bars, int64_t first, Block& block);
  void advance_context(Block& block);
  void advance_plain(const Block& block, double* atr, double* ema, double* rsi);

  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<const ColumnInfo*> columns_;
  std::vector<double> storage_;   // values of a block for each wanted column
  std::vector<double*> values_;   // of each column, null if not wanted
  std::vector<size_t> first_of_;  // index of the first column of each machine
  int n_ = 0;                     // bars of the last block
  int64_t row_ = 0;
  int64_t plain_bars_ = 0;  // consecutive bars with ordinary prices that end with the newest one
  Recent open_;
  Recent high_;
  Recent low_;
  Recent close_;
  Recent volume_;
  std::vector<double> no_spread_;
  Recent atr_values_;
  Recent atr_wilder_values_;
  Recent ema_values_;
  Recent rsi_values_;
  ScalingAtr atr_;
  EmaFirst ema_{50};
  WilderRsi rsi_{14};
};

inline bool prices_are_finite(const Bar& bar) {
  return std::isfinite(bar.open) && std::isfinite(bar.high) && std::isfinite(bar.low) &&
         std::isfinite(bar.close);
}

// A view of one bar; valid while the bar and `segment` live.
inline BarsView view_of(const Bar& bar, const int32_t& segment) {
  return {{&bar.ts_open, 1}, {&bar.ts_close, 1}, {&bar.open, 1},   {&bar.high, 1}, {&bar.low, 1},
          {&bar.close, 1},   {&bar.volume, 1},   {&bar.spread, 1}, {&segment, 1}};
}

}  // namespace smctrain::features
