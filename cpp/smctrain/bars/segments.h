// Unbroken stretches of a series. Kernels, labels and windows restart where the segment id changes.
//
//   pause    from the close of a bar to the open of the next.
//   jump     a step from one close to the next open that looks like a split, a reused ticker or a bad print:
//            |ln(open[t] / close[t-1])| > kJumpLog and > kJumpScales * scale, where scale is 1.4826 x the
//            median |ln(close / previous close)| of the up to kJumpWindow bars before t (no scale with fewer
//            than kJumpMinHistory of them). Real crashes that open that far away count too: nobody can tell
//            at that bar.
//   segment  starts at bar 0, after a pause longer than the gap limit, and at a jump.
//
// Everything is known at the open of the bar where it shows, so adding bars never changes an earlier id.
// Cost: O(n), plus O(kJumpWindow) per candidate jump.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/bars/bar.h"

namespace smctrain {

inline constexpr double kJumpLog = 0.25;
inline constexpr double kJumpScales = 8.0;
inline constexpr int64_t kJumpWindow = 64;
inline constexpr int64_t kJumpMinHistory = 8;

// Longest pause inside a segment: 7 days below daily bars, 5 bars for daily, 2 bars for longer ones.
int64_t segment_gap_ns(int64_t timeframe_ns);

// Rows t at which a split-like jump shows, ascending.
std::vector<int64_t> find_jumps(std::span<const double> open, std::span<const double> close);

std::vector<int32_t> find_segments(const BarsView& bars, int64_t gap_ns);

}  // namespace smctrain
