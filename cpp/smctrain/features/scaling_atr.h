// The ATR that columns and zones are measured in, and the ATR of Wilder, which is always there.
//
//   wilder   atr_wilder_14
//   sma      atr_sma_14, from row 14 on, so that every column keeps its warm-up
#pragma once

#include <cmath>

#include "smctrain/features/machine.h"
#include "smctrain/features/technical/recursive.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {

class ScalingAtr {
 public:
  explicit ScalingAtr(bool is_sma = false) : is_sma_(is_sma) {}

  // Writes both of a bar; one with a missing price has missing prices only.
  void push(const Bar& bar, Context& context) {
    context.atr_wilder_14 = wilder_.push(bar);
    context.atr = is_sma_ ? push_sma(bar) : context.atr_wilder_14;
  }
  bool is_sma() const { return is_sma_; }
  // The parts, for callers who advance many bars at once: each takes every bar.
  WilderAtr& wilder() { return wilder_; }
  double push_sma(const Bar& bar) {
    const double inside = bar.high - bar.low;
    double range = inside;
    if (rows_ > 0) {
      range =
          std::isfinite(previous_close_) && std::isfinite(inside)
              ? std::max({inside, std::abs(bar.high - previous_close_), std::abs(bar.low - previous_close_)})
              : kNaN;
    }
    previous_close_ = bar.close;
    const double mean = mean_.push_mean(range);
    return rows_++ >= kPeriod ? mean : kNaN;
  }
  void reset() {
    wilder_.reset();
    mean_.reset();
    previous_close_ = kNaN;
    rows_ = 0;
  }

 private:
  static constexpr int kPeriod = 14;
  bool is_sma_;
  WilderAtr wilder_{kPeriod};
  RollingSum mean_{kPeriod};
  double previous_close_ = kNaN;
  int64_t rows_ = 0;
};

}  // namespace smctrain::features
