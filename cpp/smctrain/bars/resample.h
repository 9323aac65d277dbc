// Bars of a longer timeframe from shorter ones.
//
//   bucket    as in buckets.h: open of the first bar, highest high, lowest low, close of the last bar, sum of
//             volumes, last spread; its stamps are the bucket's start and end.
//   finished  at the first source bar with ts_close >= the bucket's end. The last bucket is left out when no
//             source bar has reached its end: a half-made bar is never shown.
//   border    a segment change inside a bucket starts the bucket anew, so that no bar mixes two segments.
//
// The segment id grows when a bucket ends in another source segment than the one before, or after a pause
// longer than the target's own gap limit. Adding source bars appends bars and changes none. Cost: O(n).
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/bars/bar.h"
#include "smctrain/bars/buckets.h"

namespace smctrain {

struct ResampledBars {
  std::vector<int64_t> ts_open;
  std::vector<int64_t> ts_close;
  std::vector<double> open;
  std::vector<double> high;
  std::vector<double> low;
  std::vector<double> close;
  std::vector<double> volume;  // empty when the source has none
  std::vector<double> spread;
  std::vector<int32_t> segment;
  std::vector<int64_t> first;  // row of the first source bar in the bucket
};

ResampledBars resample(const BarsView& bars, int64_t timeframe_ns, const TradingDays& days = {});

}  // namespace smctrain
