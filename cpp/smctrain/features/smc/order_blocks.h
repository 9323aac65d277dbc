// Order blocks of one side: the candle a strong move started from.
//
//   rule "bos"      a break of structure at t; the block is the last opposite candle strictly between the
//                   broken swing and t, if the move from it is at least min_displacement ATR
//   rule "extreme"  the same, with the bar of the lowest low (latest of equal ones) as the block
//   rule "seed"     candle t-3 opposite, t-2 and t-1 with the move, displacement in three bars, some quality
//   known_at        t, never the bar of the block: whoever enters at the block's bar trades on the future
//
// Written for the long side; the short side sees mirrored candles. One live block per origin. Candidates
// follow the newest bar with one pointer and a running maximum, O(1) per bar.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "smctrain/features/smc/structure.h"
#include "smctrain/features/smc/zones.h"

namespace smctrain::features::smc {

// Facts of bar t that blocks freeze, seen from the block's side.
struct BlockContext {
  bool struct_aligned = false;
  bool bos_ctx = false;
  bool choch_ctx = false;
  bool ema_aligned = false;
  bool rsi_ok = false;
  int64_t last_gap = kNever;  // when the last gap of this side became known
};

class OrderBlocks {
 public:
  OrderBlocks(int side, const Options& options);
  // On a break in this side's direction, before the swings of bar t are known (they would move the
  // candidate).
  void on_break(const Break& broken);
  // When a newly known swing, `right` bars old, becomes the structure level of this side.
  void on_level(int64_t t, int64_t right, const History& history);
  // Whether push() has anything to look at on this bar.
  bool is_awake() const { return rule_ == BlockRule::kSeed || pending_.origin != kNever; }
  // Blocks known at t, the newest bar of `history`.
  void push(int64_t t, const History& history, const BlockContext& context, EventLog* log);
  // Last step of the bar: bar t becomes a candidate for later blocks.
  void follow(int64_t t, const Candle& bar) {
    if (bar.close < bar.open) {
      opposite_ = {t, bar};
    } else {
      opposite_.highest_since = std::max(opposite_.highest_since, bar.high);
    }
    if (rule_ == BlockRule::kExtreme) follow_lowest(t, bar);
  }
  void reset();

  ZoneList& zones() { return zones_; }
  const ZoneList& zones() const { return zones_; }

 private:
  struct Candidate {
    int64_t origin = kNever;
    Candle candle;
    double highest_since = -std::numeric_limits<double>::infinity();
  };
  void follow_lowest(int64_t t, const Candle& bar);
  void add(int64_t t, const Candidate& candidate, const Candle& last, double highest, double reference_atr,
           const BlockContext& context, EventLog* log);

  ZoneList zones_;
  BlockRule rule_;
  double min_displacement_atr_;
  double min_quality_;
  bool is_body_;
  Ramp displacement_score_;
  Ramp body_score_;
  Ramp clean_;
  Candidate opposite_;  // last opposite candle
  Candidate lowest_;    // lowest bar since the swing of the current level
  Candidate pending_;   // chosen by a break of the current bar
};

}  // namespace smctrain::features::smc
