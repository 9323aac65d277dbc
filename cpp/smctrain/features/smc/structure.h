// Market structure: breaks of the last known swing levels.
//
//   level   last known swing high (`up`) or low (`down`). A break consumes it; the next known swing renews
//           it, even if it is less extreme (unless keep_extreme_level).
//   break   the close (or wick) is strictly beyond the level.
//   BOS     break in the direction of the structure, and the first break of all; CHoCH: break against it.
//
// Breaks of bar t are judged against levels known at t-1 or before, so call push() first and renew()
// afterwards. If a bar breaks both levels, the side opposite to its candle goes first.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "smctrain/features/smc/event_z.h"
#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/history.h"
#include "smctrain/features/smc/swings.h"

namespace smctrain::features::smc {

struct Level {
  bool exists = false;
  double price = std::numeric_limits<double>::quiet_NaN();
  int64_t origin = kNever;
};

struct Break {
  int direction = 0;
  bool is_choch = false;
  Level level;
};

// What the columns show between two breaks, in their order.
struct StructureFacts {
  double direction = 0.0;
  double is_up = 0.0;
  double is_down = 0.0;
};

class Structure {
 public:
  Structure(bool break_on_wick, bool keep_extreme_level)
      : break_on_wick_(break_on_wick), keep_extreme_level_(keep_extreme_level) {}
  void push(int64_t t, const Candle& bar, double atr, EventLog* log) {
    break_count_ = 0;
    is_wick_up_ = false;
    is_wick_down_ = false;
    // The price of a consumed level is NaN, which nothing is beyond.
    const bool is_inside =
        !(std::max(bar.high, bar.close) > up_.price) && !(std::min(bar.low, bar.close) < down_.price);
    if (!is_inside) judge(t, bar, atr, log);
  }
  // True if the newly known swing became the level.
  bool renew(int side, const Swing& swing);
  void reset() { *this = Structure(break_on_wick_, keep_extreme_level_); }

  int direction() const { return direction_; }
  const Level& up() const { return up_; }
  const Level& down() const { return down_; }
  int break_count() const { return break_count_; }  // on the newest bar
  const Break& break_at(int i) const { return breaks_[static_cast<size_t>(i)]; }
  bool is_wick_up() const { return is_wick_up_; }
  bool is_wick_down() const { return is_wick_down_; }
  int64_t last_bos(int side) const { return last_bos_[side > 0]; }
  int64_t last_choch(int side) const { return last_choch_[side > 0]; }
  const Moment& last_bos() const { return last_any_bos_; }
  const Moment& last_choch() const { return last_any_choch_; }
  const StructureFacts& facts() const { return facts_; }
  // Whether the newest bar broke a level or passed one with its wick.
  bool is_quiet() const { return break_count_ == 0 && !is_wick_up_ && !is_wick_down_; }
  int64_t bos_run() const { return bos_run_; }
  bool has_break() const { return has_break_; }
  const Break& last_break() const { return last_break_; }
  double last_break_distance_atr() const { return last_break_distance_atr_; }
  // That distance among the hundred breaks before it.
  double last_break_z() const { return last_break_z_; }

 private:
  void judge(int64_t t, const Candle& bar, double atr, EventLog* log);
  void break_level(int64_t t, int direction, double close, double atr, EventLog* log);

  bool break_on_wick_;
  bool keep_extreme_level_;
  int direction_ = 0;
  Level up_;
  Level down_;
  int break_count_ = 0;
  std::array<Break, 2> breaks_;
  bool is_wick_up_ = false;
  bool is_wick_down_ = false;
  std::array<int64_t, 2> last_bos_ = {kNever, kNever};    // [side is long]
  std::array<int64_t, 2> last_choch_ = {kNever, kNever};  // [side is long]
  Moment last_any_bos_;
  Moment last_any_choch_;
  StructureFacts facts_;
  int64_t bos_run_ = 0;
  bool has_break_ = false;
  Break last_break_;
  double last_break_distance_atr_ = std::numeric_limits<double>::quiet_NaN();
  double last_break_z_ = std::numeric_limits<double>::quiet_NaN();
  EventZ break_z_;
};

}  // namespace smctrain::features::smc
