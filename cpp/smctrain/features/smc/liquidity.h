// Liquidity pools of one side: swing levels where stops are likely to rest, and what takes them.
//
//   pool    live level. A new swing within tol_atr * ATR joins the nearest pool (ties: the one joined last):
//           the level becomes the more extreme one, members + 1. Else it opens a pool of its own.
//   sweep   a wick beyond the level with a close not beyond it; run: a close beyond it. Both remove the pool.
//   expiry  max_age bars after the last member joined.
//
// Only pools known at t-1 or before can be taken on bar t: push() comes before join(). In the event log a
// pool that is joined closes as MERGED and appends its successor, so that no row is ever edited. The
// tolerance is in ATR of the row, not in the range of the file, which would rewrite the past at each new
// extreme.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/history.h"
#include "smctrain/features/smc/options.h"
#include "smctrain/features/smc/swings.h"

namespace smctrain::features::smc {

struct Pool {
  double level = 0.0;  // seen from the pool's side
  int64_t origin = kNever;
  int64_t last_joined = kNever;
  int64_t event = kNever;
  int32_t members = 0;
};

class Liquidity {
 public:
  static constexpr int kCapacity = 64;

  Liquidity(int side, const Options& options)
      : side_(side),
        tolerance_atr_(options.liquidity_tolerance_atr),
        max_age_(options.liquidity_max_age_bars) {}
  // Sweeps, runs and expiries on bar t (seen from this side).
  void push(int64_t t, const Candle& bar, double atr, EventLog* log) {
    is_sweep_ = false;
    is_run_ = false;
    if (bar.high > lowest_level_ || t - oldest_join_ > max_age_) take(t, bar, atr, log);
  }
  // A swing of this side known at t.
  void join(int64_t t, const Swing& swing, double atr, EventLog* log);
  void expire_all(int64_t t, EventLog* log);
  void reset();

  int side() const { return side_; }
  // Lowest level; ties: joined last.
  const Pool* nearest() const { return size_ > 0 ? &pools_[static_cast<size_t>(nearest_)] : nullptr; }
  int crowded_count() const { return crowded_; }  // pools with at least two members
  // Grows with every change of what is shown here.
  int64_t changes() const { return changes_; }
  bool is_sweep() const { return is_sweep_; }
  bool is_run() const { return is_run_; }
  const Moment& last_sweep() const { return last_sweep_; }
  // Deepest (high - level) / ATR among the pools of the last sweep.
  double last_depth_atr() const { return last_depth_atr_; }

 private:
  static constexpr int64_t kLater = std::numeric_limits<int64_t>::max();

  void take(int64_t t, const Candle& bar, double atr, EventLog* log);
  void take_stock();  // after every change of the pools
  void log_taken(EventKind kind, int64_t t, const Pool& pool, EventLog* log) const;
  void log_closed(const Pool& pool, ZoneState state, int64_t t, EventLog* log) const;

  int side_;
  double tolerance_atr_;
  int64_t max_age_;
  std::array<Pool, kCapacity> pools_;
  int size_ = 0;
  int nearest_ = 0;
  int crowded_ = 0;
  int64_t changes_ = 0;
  double lowest_level_ = std::numeric_limits<double>::infinity();
  int64_t oldest_join_ = kLater;
  bool is_sweep_ = false;
  bool is_run_ = false;
  Moment last_sweep_;
  double last_depth_atr_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace smctrain::features::smc
