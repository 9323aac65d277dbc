// Fractional differences (1 - B)^d of fixed width: sum of w_k x[t-k].
//
//   weights   w_0 = 1, w_k = -w_{k-1} (d - k + 1) / k, cut where they fall below kFractionalTolerance: 282
//   bars for
//             d = 0.4, at most about 500
//   value     NaN until the whole window exists and while a missing value is in it
//
// Cost per input: one multiplication per weight. Sources: Hosking, "Fractional differencing" (1981); the cut
// is that of Lopez de Prado, "Advances in Financial Machine Learning" (2018), section 5.5.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "smctrain/features/machine.h"

namespace smctrain::features {

inline constexpr double kFractionalTolerance = 1e-4;

// w_0 = 1, w_k = -w_{k-1} (d - k + 1) / k, while |w_k| is at least the tolerance. 0 < d <= 1.
inline std::vector<double> fractional_weights(double order, double tolerance = kFractionalTolerance) {
  std::vector<double> weights{1.0};
  for (int k = 1;; ++k) {
    const double next = -weights.back() * (order - k + 1.0) / k;
    if (std::abs(next) < tolerance) return weights;
    weights.push_back(next);
  }
}

class FractionalDifference {
 public:
  explicit FractionalDifference(double order) : weights_(fractional_weights(order)) {
    std::reverse(weights_.begin(), weights_.end());  // oldest first
    values_.resize(2 * weights_.size());
  }

  // Every value is written twice, so that the window is one unbroken stretch.
  double push(double value) {
    const size_t w = weights_.size();
    if (count_ >= w && !std::isfinite(values_[next_])) --bad_;
    if (!std::isfinite(value)) ++bad_;
    values_[next_] = values_[next_ + w] = value;
    next_ = next_ + 1 == w ? 0 : next_ + 1;
    if (count_ < w) ++count_;
    if (count_ < w || bad_ > 0) return kNaN;
    const double* oldest = values_.data() + next_;
    double sum = 0.0;
    for (size_t i = 0; i < w; ++i) sum += weights_[i] * oldest[i];
    return sum;
  }
  void reset() {
    next_ = 0;
    count_ = 0;
    bad_ = 0;
  }

 private:
  std::vector<double> weights_;
  std::vector<double> values_;
  size_t next_ = 0;
  size_t count_ = 0;
  int64_t bad_ = 0;
};

}  // namespace smctrain::features
