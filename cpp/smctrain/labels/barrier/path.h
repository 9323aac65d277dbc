// One trade on its way through the bars.
//
//   quotes    columns of prices on one side of the market: bids, or asks
//   oriented  the same as a long sees them: for a short all are negated, so that one rule serves both
//   order     where a trade is filled, where it must end, and its levels, oriented
//   outcome   where and why it ended, and the extremes it saw
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "smctrain/labels/triple_barrier.h"

namespace smctrain::labels::barrier {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Columns of prices on one side of the market.
struct Quotes {
  const double* open = nullptr;
  const double* high = nullptr;
  const double* low = nullptr;
  const double* close = nullptr;
};

// The same as a long sees them: for a short all are negated, so that one rule serves both.
template <bool kLong>
struct Oriented {
  Quotes quotes;
  double open(int64_t j) const { return kLong ? quotes.open[j] : -quotes.open[j]; }
  double high(int64_t j) const { return kLong ? quotes.high[j] : -quotes.low[j]; }
  double low(int64_t j) const { return kLong ? quotes.low[j] : -quotes.high[j]; }
  double close(int64_t j) const { return kLong ? quotes.close[j] : -quotes.close[j]; }
};

struct Order {
  int64_t entry_bar = -1, last = -1;  // bars of the fill and of the last possible exit
  double fill = kNaN, stop = kNaN, target = kNaN, risk = kNaN;
  double exit_quote = kNaN;  // what the trade would fetch at the moment of its fill
  bool inside = false;       // filled at the limit somewhere inside the entry bar
};

struct Outcome {
  int64_t bar = -1;
  double exit = kNaN;
  Rule rule = Rule::kNone;
  Status status = Status::kOk;
  double best = -kInfinity;
  double worst = kInfinity;

  void leave(int64_t at, double price, Rule why) {
    bar = at;
    exit = price;
    rule = why;
  }
  void see(double low, double high) {
    worst = std::min(worst, low);
    best = std::max(best, high);
  }
  // Leaves at a price that gapped there: nothing else of the bar counts.
  void gap(int64_t at, double price, Rule why) {
    leave(at, price, why);
    see(price, price);
  }
};

// First bar from j to last at which the open, high or low may have reached a level; last + 1 without one. A
// price that is not a number stops the walk too. best and worst are the extremes of the bars before. On its
// own, so that all it needs stays in registers.
template <bool kLong>
[[gnu::noinline]] int64_t walk(const Quotes& quotes, int64_t j, int64_t last, double stop_at,
                               double target_at, double& best, double& worst) {
  const Oriented<kLong> price{quotes};
  double highest = best;
  double lowest = worst;
  for (; j <= last; ++j) {
    const double open = price.open(j);
    const double low = price.low(j);
    const double high = price.high(j);
    if (!(std::min(open, low) > stop_at)) break;
    if (!(std::max(open, high) < target_at)) break;
    lowest = std::min(lowest, low);
    highest = std::max(highest, high);
  }
  best = highest;
  worst = lowest;
  return j;
}

}  // namespace smctrain::labels::barrier
