// CUSUM filter: decision rows where the price has moved far enough one way, instead of every bar.
//
//   x_t       ln(C[t] / previous known close of the segment).
//   P, N      P = max(0, P + x), N = min(0, N + x); both restart at 0 in every segment.
//   event     P > h_t: side +1, P = 0. Else N < -h_t: side -1, N = 0. h_t is known at t.
//
// A close that is no price above 0 gives no event and leaves P and N alone; so does a threshold that is not a
// number, except that the move still counts. Adding bars never changes an earlier event. O(n). Source: Lopez
// de Prado (2018), section 2.5.2.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/bars/bar.h"

namespace smctrain::labels {

class Cusum {
 public:
  void reset() { up_ = down_ = 0.0; }
  // Side of the event of this step: +1, -1, or 0 for none.
  int8_t push(double step, double threshold);

 private:
  double up_ = 0.0, down_ = 0.0;
};

struct CusumEvents {
  std::vector<int64_t> rows;
  std::vector<int8_t> side;
};

// threshold: one value a bar, or one for all; NaN = no event possible.
CusumEvents cusum_events(const BarsView& bars, std::span<const double> threshold);

}  // namespace smctrain::labels
