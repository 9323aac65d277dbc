// A straight membership: 0 up to `zero`, 1 from `one` on, linear between. `one` may lie below `zero`.
//
// The width is the difference of two decimals as a decimal, so that the ramp from 0.1 to 0.4 divides by 0.3
// and not by 0.30000000000000004.
#pragma once

#include <algorithm>
#include <cmath>

namespace smctrain::features {

class Ramp {
 public:
  constexpr Ramp(double zero, double one)
      : zero_(zero), one_(one), width_(decimal(one > zero ? one - zero : zero - one)) {}
  double zero() const { return zero_; }
  double one() const { return one_; }
  double width() const { return width_; }
  bool rises() const { return one_ > zero_; }
  // NaN stays NaN.
  double at(double x) const {
    const double way = rises() ? x - zero_ : zero_ - x;
    return std::min(std::max(way / width_, 0.0), 1.0);
  }

 private:
  static constexpr double decimal(double width) {
    if (width > 1e3) return width;
    return static_cast<double>(static_cast<long long>(width * 1e12 + 0.5)) / 1e12;
  }

  double zero_;
  double one_;
  double width_;
};

}  // namespace smctrain::features
