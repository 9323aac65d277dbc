// The causal Smart-Money-Concepts engine of one symbol and timeframe.
//
// step() in this order, which the definitions depend on:
//   1  life of every zone known before t; blocks that fail open breakers
//   2  structure breaks of levels known at t-1 or before
//   3  sweeps and runs of pools known at t-1 or before
//   4  swings whose confirming bar is t, and the alternating ones among them
//   5  the fair value gap that ends at t
//   6  order blocks known at t
//   7  bar t becomes a candidate for later blocks
//
// No zone or pool is created while the ATR is missing or zero; swings and breaks need none. A bar with a
// non-finite price is not for the engine: it changes nothing, and the clock (accepted bars since reset) does
// not move. O(1) amortised per bar; no allocation after construction except in the log.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "smctrain/bars/bar.h"
#include "smctrain/features/machine.h"
#include "smctrain/features/smc/breakers.h"
#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/fair_value_gaps.h"
#include "smctrain/features/smc/history.h"
#include "smctrain/features/smc/liquidity.h"
#include "smctrain/features/smc/options.h"
#include "smctrain/features/smc/order_blocks.h"
#include "smctrain/features/smc/range_break.h"
#include "smctrain/features/smc/swing_scale.h"
#include "smctrain/features/smc/zigzag.h"

namespace smctrain::features::smc {

inline bool is_finite(const Bar& bar) {  // open, high, low and close
  return std::isfinite(bar.open) && std::isfinite(bar.high) && std::isfinite(bar.low) &&
         std::isfinite(bar.close);
}

// What of the engine somebody looks at. Swings always run; what others hang on runs with them.
struct Parts {
  bool structure = true;
  bool gaps = true;
  bool blocks = true;    // and structure and gaps
  bool breakers = true;  // and blocks
  bool liquidity = true;
  bool range = true;
  bool range_break = true;
  bool zigzag = true;
  bool second_scale = true;
};

// Which kinds of events are written to the log.
class LoggedKinds {
 public:
  static LoggedKinds all() { return LoggedKinds(~0U); }
  LoggedKinds() = default;
  void add(EventKind kind) { bits_ |= 1U << static_cast<unsigned>(kind); }
  bool has(EventKind kind) const { return (bits_ >> static_cast<unsigned>(kind) & 1U) != 0; }
  Parts parts() const;  // that make them

 private:
  explicit LoggedKinds(unsigned bits) : bits_(bits) {}
  unsigned bits_ = 0;
};

class Engine {
 public:
  explicit Engine(const Options& options = {}, EventLog* log = nullptr,
                  LoggedKinds kinds = LoggedKinds::all());
  // Leaves out what nobody looks at. Before the first bar only.
  void work_on(Parts parts);
  const Parts& parts() const { return parts_; }
  // Keeps a track of these zones from the next block on.
  void follow(EventKind kind, int side);
  // The next bars, all with finite prices, 1 to History::kBlock of them. Then step() takes one after the
  // other; each must be taken before the next block. Where a block begins never shows in a result.
  void begin(const BarColumns& bars);
  void step();
  // Live zones and pools of a finished segment close as EXPIRED `t` bars after its start.
  void end_segment(int64_t t);
  void reset();

  // State after the newest accepted bar `now()`; side is +1 or -1.
  int64_t now() const { return history_.size() - 1; }
  PastBar bar() const { return history_.back(0); }
  const SwingScale& scale() const { return scale_; }
  const SwingScale& second_scale() const { return second_scale_; }  // idle without the option
  const Swings& swings() const { return scale_.swings; }
  const Structure& structure() const { return scale_.structure; }
  const Zigzag& zigzag() const { return zigzag_; }
  const FairValueGaps& gaps(int side) const { return gaps_[side < 0]; }
  const OrderBlocks& blocks(int side) const { return blocks_[side < 0]; }
  const Breakers& breakers(int side) const { return breakers_[side < 0]; }
  // Zones of one kind: gaps, blocks or breakers.
  const ZoneList& zones(EventKind kind, int side) const {
    return kind == EventKind::kFvg          ? gaps(side).zones()
           : kind == EventKind::kOrderBlock ? blocks(side).zones()
                                            : breakers(side).zones();
  }
  const Liquidity& liquidity(int side) const { return liquidity_[side < 0]; }
  const RangePosition& range() const { return scale_.range; }
  const RangeBreak& range_break() const { return range_break_; }

 private:
  struct Logs {  // of each part; null where nothing of it is logged
    EventLog* swings = nullptr;
    EventLog* structure = nullptr;
    EventLog* gaps = nullptr;
    EventLog* blocks = nullptr;
    EventLog* breakers = nullptr;
    EventLog* liquidity = nullptr;
    EventLog* zigzag = nullptr;
  };
  void on_swings(int64_t t, double atr);  // that bar t made known
  BlockContext block_context(int64_t t, int side, double close) const;

  Logs logs_;
  bool has_second_scale_;
  Parts parts_;
  bool sees_gaps_ = true;  // their life, or only when the last one was
  BarColumns bars_;        // of the block
  int next_ = 0;           // of them
  History history_;
  SwingScale scale_;
  SwingScale second_scale_;
  Zigzag zigzag_;
  std::array<FairValueGaps, 2> gaps_;  // long side first, in every pair
  std::array<OrderBlocks, 2> blocks_;
  std::array<Breakers, 2> breakers_;
  std::array<Liquidity, 2> liquidity_;
  RangeBreak range_break_;
};

}  // namespace smctrain::features::smc
