// Triple-barrier labels: which of target, stop and time ends a trade decided at the close of a row.
//
//   row t      the decision, taken at ts_close[t]; everything the order needs is known there.
//   side s     +1 long, -1 short. A short is the long rule on negated prices.
//   fill       bar e and price F: `next_open` e = t+1, F = O[e]; `close` e = t+1, F = C[t]; `retest` a limit
//   P
//              alive on bars t+1..t+wait, filled on the first bar that reaches it, at P or at a better open.
//   stop S     F - s*stop*scale, or a given price; target T = F + s*target*scale, or s*rr times the risk. For
//              a retest both are fixed from P, not from the fill.
//   risk R     |F - S| (retest: |P - S|). All results are in R.
//   window     t+1..t+horizon (retest: t+1..t+wait+horizon-1): the longest the label may look at. A row whose
//              window does not fit into its segment is `open`, even if a barrier was touched already;
//              otherwise late rows would be kept only when they touched. A quarantined bar in t..window:
//              `quarantine`.
//   session    where ids are given, a trade ends with the session of its fill, at that bar's close.
//   quotes     with an `ask` beside the bars (which are bids), a long is filled at the ask and leaves at the
//              bid, a short the other way round. A fill whose exit quote is already beyond the stop leaves at
//              once (`stop_gap`).
//
// Every path bar, oldest first: (1) an open beyond a barrier exits there (stop at the open, target at the
// level); (2) the low against the stop, the high against the target; (3) both: the tie rule, `replay.h` for
// finer bars; (4) the last bar exits at its close. On a bar entered inside, the high may precede the fill, so
// only the close can reach the target. Levels are compared with a tolerance of 1e-9*|F|. O(rows * horizon);
// nothing is allocated per row. Source: Lopez de Prado, "Advances in Financial Machine Learning" (2018),
// ch. 3, with highs and lows, gaps and costs added.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/bars/bar.h"
#include "smctrain/base/stop.h"
#include "smctrain/labels/status.h"

namespace smctrain::labels {

enum class Entry : uint8_t { kNextOpen, kClose, kRetest };
enum class Tie : uint8_t { kStop, kTarget, kDrop, kLower };
enum class Timeout : uint8_t { kZero, kSign, kLoss, kDrop };
enum class Rule : uint8_t { kNone, kStop, kStopGap, kStopTie, kTarget, kTargetGap, kTargetTie, kTimeout };

struct BarrierOptions {
  int64_t horizon = 20;
  double target = 2.0;
  double stop = 1.0;
  // Distance of one unit at row t: 1, times scale[t] where a scale is given, times the fill price if
  // `relative`.
  std::span<const double> scale;
  bool relative = false;
  double rr = 0.0;  // > 0: target distance = rr * R instead of `target` units
  Entry entry = Entry::kNextOpen;
  int64_t wait = 100;                  // retest: bars the limit lives
  std::span<const double> limit;       // retest: limit price a decision row
  std::span<const double> stop_price;  // stop price a decision row; empty = `stop` units away
  double min_risk = 0.0;               // R below min_risk or above max_risk units of scale: bad_risk
  double max_risk = 0.0;               // 0 = no limit
  Tie tie = Tie::kStop;
  const BarsView* lower = nullptr;  // Tie::kLower: finer bars of the same symbol
  Timeout timeout = Timeout::kZero;
  double timeout_band = 0.0;  // Timeout::kSign: |r_gross| up to this is 0
  bool gap_target_at_open = false;
  bool bid_ask = false;                 // bars are bids; the ask is spread * point above
  double point = 0.0;                   // price of one point of spread; 0 = the spread costs nothing
  double fixed_cost = 0.0;              // price per round trip, added to the spread
  std::span<const int32_t> session;     // session of every bar; empty = trades may last over its end
  std::span<const uint8_t> quarantine;  // bars that no label may touch; empty = none
};

// Where the labels go: one value a decision row in every column, in memory of the caller.
struct LabelColumns {
  std::span<double> y, exit, r_gross;
  std::span<int64_t> t1;
  std::span<uint8_t> status, rule;
  // These two groups may be left out, `r` alone or all of the second. Without the second most labels take a
  // third of the time.
  std::span<double> r;
  std::span<double> fill, stop, target, risk, risk_scale, mfe_r, mae_r;
  std::span<int64_t> entry_bar, bars_held;
};

// Columns that own their memory.
struct LabelTable : LabelColumns {
  explicit LabelTable(size_t size);

 private:
  std::vector<double> numbers_;
  std::vector<int64_t> rows_;
  std::vector<uint8_t> codes_;
};

struct LabelCounts {
  int64_t unknown_spreads = 0;  // labels whose fill bar has no spread; they bear the fixed cost only
  int64_t replayed = 0;         // Tie::kLower: ties that the finer bars decided
  int64_t fell_back = 0;        // Tie::kLower: ties they could not decide, counted as stops
};

// rows: decision rows in [0, bars.size()); side: +1 or -1 per decision row. A stopped call leaves the rest
// open.
LabelCounts triple_barrier(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
                           const BarrierOptions& options, const LabelColumns& out,
                           const StopToken& stop = StopToken());

}  // namespace smctrain::labels
