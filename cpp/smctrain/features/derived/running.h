// Statistics of the last w inputs from running sums, O(1) per input.
//
//   RunningMoments   mean, standard deviation, z, skewness and slope from sums over x - K, K = the oldest
//   value at
//                    the last rebuild. Rebuilt oldest to newest after every w-th value, and at once where the
//                    sums have lost digits: when the value that leaves, or the distance to K, outweighs what
//                    is left (a bad print that has just left the window must not show)
//   RunningAutocorrelation   the same with the sum of x_i x_{i-l}
//
// The first result comes with the w-th input. A non-finite input is counted, kept out of the sums, and makes
// the result NaN while it is in the window and no longer.
#pragma once

#include <algorithm>
#include <cmath>

#include "smctrain/features/machine.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {

class RunningMoments {
 public:
  explicit RunningMoments(int width) : window_(width) {}

  void push(double value) {
    const bool was_full = window_.full();
    const double leaving = window_.push(value);
    rebuilt_ = false;
    if (!window_.full()) return;
    if (!was_full || ++since_rebuild_ >= window_.width()) {
      rebuild();
      return;
    }
    const double gone = difference(leaving);
    const double come = difference(value);
    // Every value moves one place towards the oldest; the one that leaves stood at place 0.
    place_ += (window_.width() - 1) * come - (s1_ - gone);
    s1_ += come - gone;
    s2_ += come * come - gone * gone;
    s3_ += come * come * come - gone * gone * gone;
    if (!window_.all_equal() && lost_digits(gone)) rebuild();
  }
  void reset() { window_.reset(); }

  const Window& window() const { return window_; }
  bool rebuilt() const { return rebuilt_; }  // by the last push
  // x - K; 0 for a value that is not finite and so kept out of the sums.
  double difference(double value) const { return std::isfinite(value) ? value - pivot_ : 0.0; }
  double sum() const { return s1_; }                                    // of x - K
  double squares() const { return s2_ - s1_ * s1_ / window_.width(); }  // of x - mean

  double mean() const {
    if (!window_.usable()) return kNaN;
    return window_.all_equal() ? window_.newest() : pivot_ + s1_ / window_.width();
  }
  double ratio() const {
    const double middle = mean();
    return middle != 0.0 ? window_.newest() / middle : kNaN;
  }
  double deviation() const {  // divisor w - 1
    if (!window_.usable()) return kNaN;
    return window_.all_equal() ? 0.0 : std::sqrt(std::max(0.0, squares()) / (window_.width() - 1));
  }
  double z() const {
    const double sd = deviation();
    return sd > 0.0 ? (window_.newest() - mean()) / sd : kNaN;
  }
  double slope() const {
    if (!window_.usable()) return kNaN;
    if (window_.all_equal()) return 0.0;
    const double w = window_.width();
    return (place_ - (w - 1.0) / 2.0 * s1_) / (w * (w * w - 1.0) / 12.0);
  }
  double skew() const {
    if (!window_.usable() || window_.all_equal()) return kNaN;
    const double n = window_.width();
    const double m = s1_ / n;
    const double m2 = squares() / n;
    if (!(m2 > 0.0)) return kNaN;
    const double m3 = s3_ / n - 3.0 * m * (s2_ / n) + 2.0 * m * m * m;
    return std::sqrt(n * (n - 1.0)) / (n - 2.0) * m3 / std::pow(m2, 1.5);
  }

 private:
  bool lost_digits(double gone) const {
    const double left = squares();
    const double limit = 1e4 + 4.0 * window_.width();
    if (!std::isfinite(s3_ + place_)) return std::abs(gone) > 1e100;
    return gone * gone > limit * left || s2_ > limit * left;
  }
  void rebuild() {
    const int w = window_.width();
    pivot_ = 0.0;
    for (int i = 0; i < w; ++i) {
      if (std::isfinite(window_.oldest(i))) {
        pivot_ = window_.oldest(i);
        break;
      }
    }
    s1_ = s2_ = s3_ = place_ = 0.0;
    for (int i = 0; i < w; ++i) {
      const double x = difference(window_.oldest(i));
      s1_ += x;
      s2_ += x * x;
      s3_ += x * x * x;
      place_ += i * x;
    }
    since_rebuild_ = 0;
    rebuilt_ = true;
  }

  Window window_;
  int since_rebuild_ = 0;
  bool rebuilt_ = false;
  double pivot_ = 0.0;
  double s1_ = 0.0;
  double s2_ = 0.0;
  double s3_ = 0.0;
  double place_ = 0.0;  // sum of i * (x_i - K), i = 0 the oldest
};

// sum (x_i - m)(x_{i-l} - m) / sum (x_i - m)^2; NaN for equal values. Needs w >= l + 2.
class RunningAutocorrelation {
 public:
  RunningAutocorrelation(int width, int lag) : moments_(width), lag_(lag) {}

  void push(double value) {
    const Window& window = moments_.window();
    const int w = window.width();
    const bool was_full = window.full();
    const double first = was_full ? window.oldest(0) : 0.0;
    const double partner = was_full ? window.oldest(lag_) : 0.0;
    moments_.push(value);
    if (!window.full()) return;
    if (moments_.rebuilt()) {
      rebuild();
      return;
    }
    const double come = moments_.difference(value);
    const double entering = moments_.difference(partner);
    pairs_ -= moments_.difference(first) * entering;
    pairs_ += come * moments_.difference(window.oldest(w - 1 - lag_));
    old_ += entering - moments_.difference(first);
    new_ += come - moments_.difference(window.oldest(w - 1 - lag_));
  }
  void reset() { moments_.reset(); }

  double value() const {
    const Window& window = moments_.window();
    if (!window.usable() || window.all_equal()) return kNaN;
    const double below = moments_.squares();
    if (!(below > 0.0)) return kNaN;
    const double m = moments_.sum() / window.width();
    const double above = pairs_ - m * (2.0 * moments_.sum() - old_ - new_) + (window.width() - lag_) * m * m;
    return above / below;
  }

 private:
  void rebuild() {
    const Window& window = moments_.window();
    const int w = window.width();
    pairs_ = old_ = new_ = 0.0;
    for (int i = 0; i < w; ++i) {
      const double x = moments_.difference(window.oldest(i));
      if (i < lag_) old_ += x;
      if (i >= w - lag_) new_ += x;
      if (i >= lag_) pairs_ += x * moments_.difference(window.oldest(i - lag_));
    }
  }

  RunningMoments moments_;
  int lag_;
  double pairs_ = 0.0;  // sum of (x_i - K)(x_{i-l} - K)
  double old_ = 0.0;    // sum of x - K over the l oldest values
  double new_ = 0.0;    // and over the l newest
};

}  // namespace smctrain::features
