// Swings of one width, with the structure and the dealing range that follow from them.
//
// The engine drives its main scale step by step, because blocks and pools hang on it. A further scale stands
// alone and takes a bar in one go.
#pragma once

#include "smctrain/features/smc/history.h"
#include "smctrain/features/smc/options.h"
#include "smctrain/features/smc/range_position.h"
#include "smctrain/features/smc/structure.h"
#include "smctrain/features/smc/swings.h"

namespace smctrain::features::smc {

struct SwingScale {
  SwingScale(int left, int right, const Options& options)
      : right_bars(right),
        swings(left, right),
        structure(options.break_on_wick, options.keep_extreme_level) {}

  // Bar t, the newest of `history`: breaks of levels known before, then the swings it makes known.
  void push(int64_t t, const History& history) {
    const PastBar bar = history.back(0);
    structure.push(t, bar.candle, bar.atr, nullptr);
    swings.push(t, history, nullptr);
    range.push(bar.candle);
    range.renew(t, right_bars, swings, history);
    if (swings.is_high_new(t)) structure.renew(+1, swings.high());
    if (swings.is_low_new(t)) structure.renew(-1, swings.low());
  }
  void reset() {
    swings.reset();
    structure.reset();
    range.reset();
  }

  int64_t right_bars;
  Swings swings;
  Structure structure;
  RangePosition range;
};

}  // namespace smctrain::features::smc
