// Trading metrics from the label record of the trades actually taken, never from predictions.
//
//   candidate      row with a decision at t0 and an outcome r (after costs, in units of the stop) known at t1
//   taken          candidates the caller wants, in order of t0 (row order among equals); with `one_at_a_time`
//   those
//                  that start while a trade is open (t0 < its t1) are skipped
//   unfilled       wanted rows without an outcome (r is NaN): no fill, or not resolved. They are counted and
//   block
//                  nothing.
//   exposure       share of the time from the first decision to the last exit of all rows in which a trade
//   was open turnover       entries and exits per row random entry   the same wishes turned (circularly
//   shifted) against the rows: as many, as clustered, at other times drawdown       largest fall of the
//   running sum of r below its highest value so far (0 at the start), trades in
//                  order of t1
//
// Quantities that do not exist are NaN: profit factor without losses, means of no trades. Cost O(n log n).
// Definitions: validation.md section 4.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"

namespace smctrain::metrics {

// All spans have one entry a row. Empty `r_gross`, `bars_held`, `is_timeout`: not known. Without `bars_held`,
// t0 and t1 are bar numbers and a trade lasts t1 - t0 bars.
struct TradeRecord {
  std::span<const uint8_t> take;
  std::span<const double> r_net;
  std::span<const int64_t> t0;
  std::span<const int64_t> t1;
  std::span<const double> r_gross;
  std::span<const int64_t> bars_held;
  std::span<const uint8_t> is_timeout;
  double reward_risk = std::numeric_limits<double>::quiet_NaN();  // planned target distance in R
  bool one_at_a_time = true;
};

struct TradingMetrics {
  int64_t candidates = 0;  // rows wanted
  int64_t trades = 0;
  int64_t skipped = 0;  // because a trade was open
  int64_t unfilled = 0;
  double win_rate;             // share of r > 0
  double break_even;           // (1 + c) / (1 + reward_risk), c = mean cost in R (0 without r_gross)
  double break_even_realised;  // mean loss / (mean gain + mean loss): the win rate at which these trades earn
                               // nothing
  double profit_factor;        // sum of gains / |sum of losses|
  double expectancy_r;         // mean r
  double total_r;
  double max_drawdown_r;  // >= 0
  double mean_bars_held;
  double sharpe_per_trade;  // mean / sample standard deviation
  double mean_cost_r;       // NaN without r_gross
  double total_cost_r;      // NaN without r_gross
  double exposure;
  double turnover;
  double timeouts;  // NaN without is_timeout
};

TradingMetrics trading_metrics(const TradeRecord& record);

// Rows of the trades taken, in order of t0.
std::vector<int64_t> trades_taken(const TradeRecord& record);

struct RandomEntries {
  std::vector<int64_t> trades;       // per draw
  std::vector<double> expectancy_r;  // NaN without trades
  std::vector<double> total_r;
};

// `draws` turns of record.take by random shifts of min_shift .. n - min_shift rows (rows in order of t0);
// every shift once where there are no more than `draws`. Draw r uses the stream (seed, "random_entries/r").
// O(draws n).
RandomEntries random_entries(const TradeRecord& record, int64_t min_shift, int64_t draws, uint64_t seed,
                             int threads, const StopToken& stop);

}  // namespace smctrain::metrics
