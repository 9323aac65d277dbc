// Fuzzy memberships of the trend, in ATR, and the breakpoints of everything that is made of them.
//
//   tri(x; a,b,c)      0 at x <= a and x >= c, 1 at b, linear between
//   trap(x; a,b,c,d)   0 at x <= a and x >= d, 1 on [b, c]
//   The first term of a variable is a left shoulder (1 for every smaller x), the last a right shoulder, so
//   that very small and very large values keep their meaning. What is left are ramps; all of them are
//   settings.
#pragma once

#include <algorithm>
#include <cmath>

#include "smctrain/features/ramp.h"

namespace smctrain::features {

inline double clip(double x, double low, double high) { return std::min(std::max(x, low), high); }

struct TrendTerms {
  // Of |bias| in ATR.
  Ramp weak{1.0, 0.5};
  Ramp moderate_rise{0.7, 1.5};
  Ramp moderate_fall{2.5, 1.5};
  Ramp strong{2.0, 3.0};
  double weak_value = 0.5;
  double moderate_value = 1.5;
  double strong_value = 3.0;
  // Of the bias (bull) and of -bias (bear), of trend_strength, of atr_z50, of rsi_wilder_14.
  Ramp side{0.0, 1.0};
  Ramp tr_strong{1.0, 2.0};
  Ramp tr_weak{1.0, 0.5};
  Ramp vol_high{0.5, 1.5};
  Ramp vol_low{0.5, -1.0};
  Ramp overbought{60.0, 80.0};
  Ramp oversold{40.0, 20.0};
  // Memberships above these make a regime.
  double vol_above = 0.6;
  double trend_above = 0.5;
  // A zone is valid with a trend of its side above and a stretch below these.
  double valid_trend_above = 0.3;
  double valid_stretch_below = 0.7;
};

// Centroid of the trend terms at |bias| = x, in ATR. NaN stays NaN.
inline double trend_strength(double x, const TrendTerms& terms = {}) {
  if (std::isnan(x)) return x;
  const double weak = terms.weak.at(x);
  const double moderate = std::min(terms.moderate_rise.at(x), terms.moderate_fall.at(x));
  const double strong = terms.strong.at(x);
  // Written around the middle term, so that a purely moderate trend is exactly its value: thresholds stand
  // there.
  return terms.moderate_value + (weak * (terms.weak_value - terms.moderate_value) +
                                 strong * (terms.strong_value - terms.moderate_value)) /
                                    (weak + moderate + strong);
}

}  // namespace smctrain::features
