// All machines of one timeframe, fed one finished bar at a time.
//
// The series owns what machines share (ATR, EMA, RSI of the same bar), drops machines none of whose columns
// is wanted, and hands every machine the same sanitised bar: if one price is not finite, all are NaN.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "smctrain/features/machine.h"
#include "smctrain/features/scaling_atr.h"
#include "smctrain/features/settings.h"
#include "smctrain/features/technical/recursive.h"

namespace smctrain::features {

class Series {
 public:
  // Keeps only machines that own at least one of `wanted`.
  Series(std::vector<std::unique_ptr<Machine>> machines, const std::vector<std::string>& wanted,
         const Settings& settings);

  // Metadata of all columns of the kept machines, and their values after the last push.
  const std::vector<ColumnInfo>& columns() const { return columns_; }
  const std::vector<double>& values() const { return values_; }
  int find(const std::string& name) const;              // index into columns(), -1 if absent
  const Machine* owner(const std::string& name) const;  // machine of a column, null if absent
  int64_t rows() const { return context_.row; }         // bars since the last reset

  void push(const Bar& bar);
  void reset();

 private:
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<ColumnInfo> columns_;
  std::vector<double> values_;
  Context context_;
  ScalingAtr atr_;
  EmaFirst ema_{50};
  WilderRsi rsi_{14};
};

inline bool prices_are_finite(const Bar& bar) {
  return std::isfinite(bar.open) && std::isfinite(bar.high) && std::isfinite(bar.low) &&
         std::isfinite(bar.close);
}

}  // namespace smctrain::features
