// Targets that look at a window of bars after the decision: returns, and what the path of prices did.
//
//   base         C[t], or O[t+1] for `next_open`: where the measurement starts. Not a price above 0: missing.
//   window       bars t+1..end, from `horizon_windows`. H and L are their highs and lows.
//   forward      C[end] / base - 1; with a benchmark, less the benchmark's return between the same two stamps
//                (missing when it lacks one of them, or breaks its own segment between).
//   u            sd (ddof 1) of the last 20 simple returns at t, in t's segment; missing before there are 20.
//   peak         1 if max H >= base (1 + k u), else 0.     valley   1 if min L <= base (1 - k u), else 0.
//   first touch  +1 or -1 by the first bar that touches one of the two; 0 when both are touched in one bar,
//   or
//                none. u = 0 puts barriers at no distance: bad_risk.
//   mfe, mae     max H / base - 1 and 1 - min L / base.
//   mdd          max over j of (M_j - L_j) / M_j, with M_j = max(base, H before j): the deepest fall on the
//   way. swing high   1 if after a new high (M_j > base) some low lies x below it; swing low is the mirror
//   image:
//                m_j = min(base, L before j) < base and (H_j - m_j) / m_j >= x.
//   t1           `end`, the last bar the rule looked at; for the first touch the bar that touched.
//
// A window with a price that is not a number has no label. Cost: O(n) by monotonic queues; first touch adds
// the bars up to the touch, mdd and swings O(rows * window).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/bars/bar.h"
#include "smctrain/base/stop.h"
#include "smctrain/labels/horizon.h"

namespace smctrain::labels {

inline constexpr int64_t kVolatilityReturns = 20;

enum class PathTarget : uint8_t {
  kPeak,
  kValley,
  kFirstTouch,
  kMfe,
  kMae,
  kMdd,
  kMfeReached,  // 1{mfe >= size}
  kMddReached,  // 1{mdd >= size}
  kSwingHigh,
  kSwingLow,
};

struct TargetColumns {
  explicit TargetColumns(size_t rows);

  std::vector<double> y, base, exit;  // exit: C[end] where the label exists
  std::vector<int64_t> t1;
  std::vector<uint8_t> status;
};

struct TargetRows {
  std::span<const int64_t> rows;  // decision rows
  std::span<const int64_t> end;   // per bar, as `horizon_windows` gives it
  std::span<const uint8_t> status;
  bool next_open = false;
};

// benchmark: null for the plain return.
TargetColumns forward_return(const BarsView& bars, const TargetRows& rows, const BarsView* benchmark);

// size: k (volatilities) or x (a fraction of the price); unused by mfe, mae and mdd.
TargetColumns path_target(const BarsView& bars, const TargetRows& rows, PathTarget kind, double size,
                          const StopToken& stop = StopToken());

// Standard deviation of the last `kVolatilityReturns` simple returns at every row; NaN before.
std::vector<double> return_volatility(const BarsView& bars);

}  // namespace smctrain::labels
