// The causal Smart-Money-Concepts engine of one symbol and timeframe.
//
// push(bar) in this order, which the definitions depend on:
//   1  life of every zone known before t
//   2  structure breaks of levels known at t-1 or before
//   3  sweeps and runs of pools known at t-1 or before
//   4  swings whose confirming bar is t
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
#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/fair_value_gaps.h"
#include "smctrain/features/smc/history.h"
#include "smctrain/features/smc/liquidity.h"
#include "smctrain/features/smc/options.h"
#include "smctrain/features/smc/order_blocks.h"
#include "smctrain/features/smc/range_break.h"
#include "smctrain/features/smc/range_position.h"
#include "smctrain/features/smc/structure.h"
#include "smctrain/features/smc/swings.h"

namespace smctrain::features::smc {

bool is_finite(const Bar& bar);  // open, high, low and close

class Engine {
 public:
  explicit Engine(const Options& options = {}, EventLog* log = nullptr);
  // False if the bar has a non-finite price.
  bool push(const Bar& bar, const Context& context);
  // Live zones and pools of a finished segment close as EXPIRED `t` bars after its start.
  void end_segment(int64_t t);
  void reset();

  // State after the newest accepted bar `now()`; side is +1 or -1.
  int64_t now() const { return history_.size() - 1; }
  const PastBar& bar() const { return history_.back(0); }
  const Swings& swings() const { return swings_; }
  const Structure& structure() const { return structure_; }
  const FairValueGaps& gaps(int side) const { return gaps_[side < 0]; }
  const OrderBlocks& blocks(int side) const { return blocks_[side < 0]; }
  const Liquidity& liquidity(int side) const { return liquidity_[side < 0]; }
  const RangePosition& range() const { return range_; }
  const RangeBreak& range_break() const { return range_break_; }

 private:
  BlockContext block_context(int64_t t, int side, const Candle& bar, const Context& context) const;

  int64_t right_;
  EventLog* log_;
  History history_;
  Swings swings_;
  Structure structure_;
  std::array<FairValueGaps, 2> gaps_;  // long side first, in every pair
  std::array<OrderBlocks, 2> blocks_;
  std::array<Liquidity, 2> liquidity_;
  RangePosition range_;
  RangeBreak range_break_;
};

}  // namespace smctrain::features::smc
