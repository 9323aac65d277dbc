// Cyclic coordinate descent on a quadratic with absolute values, by its matrix.
//
//   min over b   1/2 b' Q b - c' b + sum_j l1_j |b_j|
//
// State: b and the negative gradient of the smooth part, slope = c - Q b. A coordinate step is exact;
// changing b_j subtracts a row of Q from the slope (covariance updates). Sweeps over all coordinates
// alternate with sweeps over those that are not 0 until no step changes its own slope by more than `least`.
// Source: Friedman, Hastie, Tibshirani, "Regularization Paths for Generalized Linear Models via Coordinate
// Descent" (2010), section 2.2.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"

namespace smctrain::models::linear {

struct Quadratic {
  const double* matrix = nullptr;  // row-major, symmetric
  int64_t stride = 0;
  int64_t size = 0;
};

inline double soft_threshold(double value, double threshold) {
  if (value > threshold) return value - threshold;
  if (value < -threshold) return value + threshold;
  return 0.0;
}

// Returns the sweeps done, at most max_sweeps.
int64_t descend(const Quadratic& quadratic, std::span<const double> l1, double least, int64_t max_sweeps,
                const StopToken& stop, std::span<double> b, std::span<double> slope);

}  // namespace smctrain::models::linear
