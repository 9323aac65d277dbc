// Fuzzy memberships, in ATR, and the scores made of them.
//
//   tri(x; a,b,c)      0 at x <= a and x >= c, 1 at b, linear between
//   trap(x; a,b,c,d)   0 at x <= a and x >= d, 1 on [b, c]
//   The first term of a variable is a left shoulder (1 for every smaller x), the last a right shoulder, so
//   that very small and very large values keep their meaning.
#pragma once

#include <algorithm>
#include <cmath>

namespace smctrain::features {

inline double clip(double x, double low, double high) { return std::min(std::max(x, low), high); }
inline double rising(double x, double from, double to) { return clip((x - from) / (to - from), 0.0, 1.0); }
inline double falling(double x, double from, double to) { return clip((to - x) / (to - from), 0.0, 1.0); }
inline double triangle(double x, double a, double b, double c) {
  return std::min(rising(x, a, b), falling(x, b, c));
}

// Centroid of the trend terms weak (0.5), moderate (1.5), strong (3.0) at |bias| = x, in ATR. NaN stays NaN.
inline double trend_strength(double x) {
  if (std::isnan(x)) return x;
  const double weak = falling(x, 0.5, 1.0);
  const double moderate = triangle(x, 0.7, 1.5, 2.5);
  const double strong = rising(x, 2.0, 3.0);
  // Written around the middle term, so that a purely moderate trend is exactly 1.5: thresholds stand there.
  return 1.5 + (weak * (0.5 - 1.5) + strong * (3.0 - 1.5)) / (weak + moderate + strong);
}

// Monotone scores: "at least the second term".
inline double displacement_score(double x) { return clip(x - 1.0, 0.0, 1.0); }
inline double body_score(double x) { return clip((x - 0.1) / 0.3, 0.0, 1.0); }
inline double gap_score(double x) { return clip((x - 0.3) / 0.5, 0.0, 1.0); }

}  // namespace smctrain::features
