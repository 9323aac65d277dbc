// Recursive building blocks that several machines share: Wilder means and exponential means.
//
//   TrueRange   max(H-L, |H-C[t-1]|, |L-C[t-1]|); NaN on the first bar
//   WilderMean  mean of the first n values; then (y[t-1]*(n-1) + x[t])/n         first value on row n-1
//   WilderAtr   the same of TR[1..n], TR[n+1], ...                                first value on row n
//   WilderRsi   Wilder means of gains and losses seeded with mean(u[1..n]);     first value on row n
//               100*U/(U+D), 0 if U+D = 0
//   EmaFirst    y[0] = x[0]; y += k*(x - y), k = 2/(n+1)                          first value on row 0
//   EmaSeeded   the same recursion from the mean of the first n values            first value on row n-1
//
// Wilder's recursion is worked out as y += (x - y)*(1/n), which is the same number and waits for no division:
// a row is three short steps behind the row before, not a division of a dozen. It rests exactly where x does;
// what rounding leaves against the quotient is some 1e-15 of the value. Directional movement adds up instead
// of averaging: WilderSum, S[t-1] - S[t-1]/n + x[t].
//
// push<false> is for callers who know that the input is finite and the warm-up over.
//
// A non-finite input yields NaN on that row and leaves the state as it was. Rows count accepted bars since
// reset(). Definitions: Wilder, "New Concepts in Technical Trading Systems" (1978); equal to TA-Lib's ATR and
// RSI.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/bars/bar.h"

namespace smctrain::features {

class TrueRange {
 public:
  double push(const Bar& bar) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    if (!std::isfinite(bar.high) || !std::isfinite(bar.low) || !std::isfinite(bar.close)) return nan;
    const double range = has_previous_ ? std::max({bar.high - bar.low, std::abs(bar.high - previous_close_),
                                                   std::abs(bar.low - previous_close_)})
                                       : nan;
    previous_close_ = bar.close;
    has_previous_ = true;
    return range;
  }
  void set_previous_close(double close) {
    previous_close_ = close;
    has_previous_ = true;
  }
  void reset() { has_previous_ = false; }

 private:
  double previous_close_ = 0.0;
  bool has_previous_ = false;
};

class WilderMean {
 public:
  explicit WilderMean(int period) : period_(period), share_(1.0 / period) {}
  // NaN until `period` values have been accepted.
  template <bool kChecked = true>
  double push(double value) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    if (kChecked && !std::isfinite(value)) return nan;
    if (kChecked && count_ < period_) {
      sum_ += value;
      if (++count_ < period_) return nan;
      mean_ = sum_ / period_;
      return mean_;
    }
    mean_ += (value - mean_) * share_;
    return mean_;
  }
  void reset() {
    count_ = 0;
    sum_ = 0.0;
  }

 private:
  int period_;
  double share_;
  int count_ = 0;
  double sum_ = 0.0;
  double mean_ = 0.0;
};

// Sum of the first n values, of which 1/n fades with each further one.
class WilderSum {
 public:
  explicit WilderSum(int period) : share_(1.0 / period) {}
  double add(double value) { return sum_ += value; }
  // From the value n + 1 on. What is added and what fades are found side by side.
  double push(double value) {
    const double faded = sum_ * share_;
    return sum_ = (sum_ + value) - faded;
  }
  double sum() const { return sum_; }
  void reset() { sum_ = 0.0; }

 private:
  double share_;
  double sum_ = 0.0;
};

class WilderAtr {
 public:
  explicit WilderAtr(int period) : mean_(period) {}
  double push(const Bar& bar) { return mean_.push(range_.push(bar)); }
  // The mean alone, for callers who keep the true range of ordinary bars; afterwards they tell the last
  // close.
  WilderMean& mean() { return mean_; }
  void set_previous_close(double close) { range_.set_previous_close(close); }
  void reset() {
    range_.reset();
    mean_.reset();
  }

 private:
  TrueRange range_;
  WilderMean mean_;
};

class WilderRsi {
 public:
  explicit WilderRsi(int period) : gain_(period), loss_(period) {}
  double push(double close) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    if (!std::isfinite(close)) return nan;
    if (!has_previous_) {
      previous_ = close;
      has_previous_ = true;
      return nan;
    }
    const double change = close - previous_;
    previous_ = close;
    const double up = gain_.push(std::max(change, 0.0));
    const double down = loss_.push(std::max(-change, 0.0));
    if (std::isnan(up)) return nan;
    return up + down > 0.0 ? 100.0 * up / (up + down) : 0.0;
  }
  // The two means alone, for callers who keep the changes of ordinary bars; afterwards they tell the last
  // close.
  WilderMean& gain() { return gain_; }
  WilderMean& loss() { return loss_; }
  void set_previous_close(double close) {
    previous_ = close;
    has_previous_ = true;
  }
  void reset() {
    gain_.reset();
    loss_.reset();
    has_previous_ = false;
  }

 private:
  WilderMean gain_;
  WilderMean loss_;
  double previous_ = 0.0;
  bool has_previous_ = false;
};

class EmaFirst {
 public:
  explicit EmaFirst(int period) : k_(2.0 / (period + 1.0)) {}
  template <bool kChecked = true>
  double push(double value) {
    if (kChecked && !std::isfinite(value)) return std::numeric_limits<double>::quiet_NaN();
    mean_ = !kChecked || started_ ? mean_ + k_ * (value - mean_) : value;
    started_ = true;
    return mean_;
  }
  void reset() { started_ = false; }

 private:
  double k_;
  double mean_ = 0.0;
  bool started_ = false;
};

class EmaSeeded {
 public:
  explicit EmaSeeded(int period) : period_(period), k_(2.0 / (period + 1.0)) {}
  template <bool kChecked = true>
  double push(double value) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    if (kChecked && !std::isfinite(value)) return nan;
    if (kChecked && count_ < period_) {
      sum_ += value;
      if (++count_ < period_) return nan;
      mean_ = sum_ / period_;
      return mean_;
    }
    mean_ += k_ * (value - mean_);
    return mean_;
  }
  void reset() {
    count_ = 0;
    sum_ = 0.0;
  }

 private:
  int period_;
  double k_;
  int count_ = 0;
  double sum_ = 0.0;
  double mean_ = 0.0;
};

}  // namespace smctrain::features
