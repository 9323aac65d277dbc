// z-score of an event's size among the events of its kind before it.
//
//   z        (x - mean) / sd1 of the previous 100 events, once there are 20; NaN without spread
//   window   events, not bars: most rows have none, and a rolling z over them would mostly measure zeros
//
// Sums about a pivot, rebuilt every 100 events and whenever an outlier that has left could have blurred them:
// O(1) amortised. Equal values are recognised as such and have no spread, whatever passed through before.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace smctrain::features::smc {

class EventZ {
 public:
  static constexpr int kEvents = 100;
  static constexpr int kLeast = 20;

  // z of `value` against the events before it, of which it then becomes one. A non-finite value is no event.
  double push(double value) {
    if (!std::isfinite(value)) return kNone;
    const double z = score(value);
    add(value);
    return z;
  }
  void reset() { *this = {}; }

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  double score(double value) {
    if (count_ < kLeast || run_ >= count_) return kNone;
    if (spread() < kBlurred * largest_) rebuild();
    const double variance = spread() / (count_ - 1);
    return variance > 0.0 ? (value - pivot_ - s1_ / count_) / std::sqrt(variance) : kNone;
  }
  double spread() const { return s2_ - s1_ * s1_ / count_; }
  void add(double value) {
    run_ = count_ > 0 && value == newest_ ? std::min(run_ + 1, kEvents) : 1;
    newest_ = value;
    double& slot = values_[static_cast<size_t>(next_)];
    if (count_ == kEvents) {
      shift(slot - pivot_, -1.0);
    } else if (count_++ == 0) {
      pivot_ = value;
    }
    slot = value;
    shift(value - pivot_, 1.0);
    if (++next_ == kEvents) {
      next_ = 0;
      rebuild();
    }
  }
  void rebuild() {
    pivot_ = newest_;
    s1_ = s2_ = largest_ = 0.0;
    for (int i = 0; i < count_; ++i) shift(values_[static_cast<size_t>(i)] - pivot_, 1.0);
  }
  void shift(double difference, double sign) {
    s1_ += sign * difference;
    s2_ += sign * difference * difference;
    largest_ = std::max(largest_, s2_);
  }

  static constexpr double kBlurred = 1e-5;  // share of the largest sum below which rounding would show

  std::array<double, kEvents> values_{};
  int next_ = 0;
  int count_ = 0;
  int run_ = 0;  // newest events that are equal
  double newest_ = 0.0;
  double pivot_ = 0.0;
  double s1_ = 0.0;
  double s2_ = 0.0;
  double largest_ = 0.0;  // s2_ since the last rebuild
};

}  // namespace smctrain::features::smc
