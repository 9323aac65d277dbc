// From a horizon to the last bar of every row's window.
//
//   horizon   so many bars; so much time; or so many later sessions (days).
//   window    bars t+1..end[t]. Bars: end = t+h. Time: the last bar with ts_close <= ts_close[t] + span, if
//   it
//             closes after ts_close[t] + span - timeframe; an older one means a hole in the data, and the row
//             has no window. Sessions: the last bar of the k-th later session, known to be the last because a
//             bar of another session follows.
//   open      the window does not end inside the row's segment; missing: a hole sits where it should end.
//   quarantine   a marked bar lies at t or in the window, or in what would be the window without breaks; this
//             comes first.
//
// Ends never decrease over the rows that have one. Adding bars gives open rows a window and changes no other.
// Cost: O(n).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/bars/bar.h"

namespace smctrain::labels {

enum class HorizonUnit : uint8_t { kBars, kTime, kSessions };

struct Horizon {
  HorizonUnit unit = HorizonUnit::kBars;
  int64_t count = 1;  // bars, nanoseconds, or sessions
};

struct Windows {
  std::vector<int64_t> end;     // -1 without a window
  std::vector<uint8_t> status;  // a `Status`: kOk, kOpen, kMissing or kQuarantine
};

// Last row of every row's segment; one segment where the bars carry none.
std::vector<int64_t> segment_ends(const BarsView& bars);

// session: id of the session of every bar, needed by kSessions only.
// quarantine: bars that no window may touch, its row included; empty = none.
Windows horizon_windows(const BarsView& bars, const Horizon& horizon, int64_t timeframe_ns,
                        std::span<const int64_t> session, std::span<const uint8_t> quarantine = {});

}  // namespace smctrain::labels
