// A tie on a bar, replayed on finer bars: which barrier was reached first inside it?
//
//   finer bars   those of the same symbol that open within the bar. Same rules: an open beyond a barrier
//   exits
//                there; the low against the stop, the high against the target; on the finer bar that holds
//                the fill of a limit order only its close can reach the target.
//   undecided    no finer bar, both barriers in one finer bar, or finer bars that do not reach both barriers,
//                as the bar did. The caller then counts the stop.
//
// Prices are those a long sees (a short negates them). The fill and both levels stay those of the bar. Cost:
// O(log finer bars + finer bars of the bar), on tied bars only.
#pragma once

#include <cstdint>

#include "smctrain/bars/bar.h"

namespace smctrain::labels {

enum class Replayed : uint8_t { kUndecided, kStop, kStopGap, kTarget, kTargetGap };

struct Tied {
  int64_t from_ns = 0, to_ns = 0;  // opening and closing time of the bar
  double fill = 0.0, stop = 0.0, target = 0.0, eps = 0.0;
  bool filled_at_open = false;  // the trade begins with the bar's open
  bool filled_inside = false;   // ... or with a limit that the bar reaches later
  bool gap_target_at_open = false;
  double point = 0.0;   // > 0: bars are bids, the ask is spread * point above
  double spread = 0.0;  // of the bar, where the finer bars have none
};

struct Replay {
  Replayed result = Replayed::kUndecided;
  double exit = 0.0;
  double best = 0.0, worst = 0.0;  // excursions within the bar, cut at the exit
};

template <bool kLong>
Replay replay(const BarsView& lower, const Tied& tied);

}  // namespace smctrain::labels
