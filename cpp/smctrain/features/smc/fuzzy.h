// Fuzzy memberships of sizes measured in ATR.
//
//   triangle, trapezoid   0 outside, 1 at (or between) the inner breakpoints, straight in between
//   left shoulder         first term of a variable: 1 for everything below its inner breakpoint
//   right shoulder        last term of a variable: 1 for everything above it
//   score                 monotone "at least the second term": larger is never worse (the ramps in options.h)
//
// Shoulders matter: without them 0 and very large values belong to no term and would score 0.
#pragma once

#include <algorithm>
#include <cmath>

namespace smctrain::features::smc {

inline double clip(double x, double low, double high) { return std::min(std::max(x, low), high); }

inline double trapezoid(double x, double a, double b, double c, double d) {
  if (x >= b && x <= c) return 1.0;
  if (x <= a || x >= d) return 0.0;
  return x < b ? (x - a) / (b - a) : (d - x) / (d - c);
}
inline double triangle(double x, double a, double b, double c) { return trapezoid(x, a, b, b, c); }
inline double left_shoulder(double x, double c, double d) {
  return x <= c ? 1.0 : x >= d ? 0.0 : (d - x) / (d - c);
}
inline double right_shoulder(double x, double a, double b) {
  return x >= b ? 1.0 : x <= a ? 0.0 : (x - a) / (b - a);
}

inline double body_doji(double x) { return left_shoulder(x, 0.0, 0.3); }
inline double body_small(double x) { return triangle(x, 0.1, 0.4, 0.8); }
inline double body_medium(double x) { return trapezoid(x, 0.6, 1.0, 2.0, 3.0); }
inline double body_large(double x) { return right_shoulder(x, 2.5, 4.0); }

inline double displacement_weak(double x) { return left_shoulder(x, 0.8, 1.5); }
inline double displacement_moderate(double x) { return triangle(x, 1.0, 2.0, 3.5); }
inline double displacement_strong(double x) { return triangle(x, 2.5, 4.0, 6.0); }
inline double displacement_extreme(double x) { return right_shoulder(x, 5.0, 7.0); }

inline double gap_insignificant(double x) { return left_shoulder(x, 0.0, 0.5); }
inline double gap_small(double x) { return triangle(x, 0.3, 0.8, 1.5); }
inline double gap_medium(double x) { return triangle(x, 1.0, 2.0, 3.5); }
inline double gap_large(double x) { return right_shoulder(x, 3.0, 4.0); }

inline double trend_weak(double x) { return left_shoulder(x, 0.5, 1.0); }
inline double trend_moderate(double x) { return triangle(x, 0.7, 1.5, 2.5); }
inline double trend_strong(double x) { return right_shoulder(x, 2.0, 3.0); }

// Centroid of the three trend terms for |close - mean| in ATR, from 0.5 (no trend) to 3.
inline double trend_strength(double x) {
  const double weak = trend_weak(x);
  const double moderate = trend_moderate(x);
  const double strong = trend_strong(x);
  // Written around the middle term, so that a purely moderate trend is exactly 1.5: thresholds stand there.
  return 1.5 + (weak * (0.5 - 1.5) + strong * (3.0 - 1.5)) / (weak + moderate + strong);
}

}  // namespace smctrain::features::smc
