// The causal Smart-Money-Concepts engine of one symbol and timeframe.
//
// push(bar) in this order, which the definitions depend on:
//   1  life of every zone known before t; blocks that fail open breakers
//   2  structure breaks of levels known at t-1 or before
//   3  sweeps and runs of pools known at t-1 or before
//   4  swings whose confirming bar is t, and the alternating ones among them
//   5  the fair value gap that ends at t
//   6  order blocks known at t
//   7  bar t becomes a candidate for later blocks
//
// No zone or pool is created while the ATR is missing or zero; swings and breaks need none. A bar with a
// non-finite price is not accepted: it changes nothing, and the clock (accepted bars since reset) does not
// move. O(1) amortised per bar; no allocation after construction except in the log.
#pragma once

#include <array>
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

bool is_finite(const Bar& bar);  // open, high, low and close

// What of the engine somebody looks at. Swings, structure, gaps and blocks always run: the rest hangs on
// them.
struct Parts {
  bool liquidity = true;
  bool breakers = true;
  bool range_break = true;
  bool zigzag = true;
  bool second_scale = true;
};

class Engine {
 public:
  explicit Engine(const Options& options = {}, EventLog* log = nullptr);
  // Leaves out what nobody looks at. Before the first bar only.
  void work_on(const Parts& parts) { parts_ = parts; }
  // False if the bar has a non-finite price.
  bool push(const Bar& bar, const Context& context);
  // Live zones and pools of a finished segment close as EXPIRED `t` bars after its start.
  void end_segment(int64_t t);
  void reset();

  // State after the newest accepted bar `now()`; side is +1 or -1.
  int64_t now() const { return history_.size() - 1; }
  const PastBar& bar() const { return history_.back(0); }
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
  BlockContext block_context(int64_t t, int side, const Candle& bar, const Context& context) const;

  EventLog* log_;
  Parts parts_;
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
