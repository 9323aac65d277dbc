// Data check of one series: what is odd, where it first shows, how often.
//
//   finding   one kind of fault: row of the first occurrence (index into the bars), count, and a measure of
//             the kind. Splits, bad prints and the like are found elsewhere (breaks.h).
//
//   kind              counted                                              measure
//   gap               pauses between bars, weekends aside                  bars that would fill them
//   ohlc              bars with high < low, or open or close outside       -
//   non_positive      bars with a price of zero or below                   -
//   negative_volume   bars with a volume or spread below zero              -
//   flat_run          runs of at least kFlatRun bars with O = H = L = C    bars in the longest run
//   constant_volume   all bars, when every volume is the same              that volume
//   zero_volume       bars with a volume of zero, when others have some    -
//
// A weekend pause is one that holds a whole Saturday (UTC) and lasts at most kWeekendDays.
// `n_faulty` counts the bars of kinds ohlc, non_positive and negative_volume once each: too large a share of
// them makes a file useless. Cost: O(n).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "smctrain/bars/bar.h"

namespace smctrain {

inline constexpr int64_t kFlatRun = 3;
inline constexpr int64_t kWeekendDays = 4;

struct Finding {
  std::string kind;
  int64_t first = 0;
  int64_t count = 0;
  double measure = 0.0;
};

struct CheckResult {
  std::vector<Finding> findings;
  int64_t n_faulty = 0;
};

CheckResult check_bars(const BarsView& bars, int64_t timeframe_ns);

// Order of the stamps as the file has them.
struct OrderFaults {
  int64_t n_backward = 0;  // steps back in time
  int64_t first_backward = -1;
  int64_t n_duplicate = 0;  // rows whose stamp an earlier row has already
  int64_t first_duplicate = -1;
};

OrderFaults check_order(std::span<const int64_t> time);

// True when [from, to) holds a whole Saturday (UTC).
bool holds_saturday(int64_t from_ns, int64_t to_ns);

}  // namespace smctrain
