// Options of the Smart-Money-Concepts engine, with the defaults all golden counts refer to.
#pragma once

#include <cstdint>
#include <limits>

#include "smctrain/features/ramp.h"

namespace smctrain::features::smc {

enum class BlockRule : uint8_t { kBos, kSeed, kExtreme };

struct Options {
  int swing_left = 5;
  int swing_right = 5;

  int second_scale = 20;  // left and right of a further scale of swings (columns `s20_`), 0 for none

  bool break_on_wick = false;       // a wick beyond the level breaks it; default: the close must be beyond
  bool keep_extreme_level = false;  // a new swing replaces the level only if it is more extreme

  double fvg_min_atr = 0.25;
  bool fvg_merge = true;
  bool fvg_same_side = false;  // the middle candle must point in the direction of the gap
  int64_t fvg_max_span_ns =
      std::numeric_limits<int64_t>::max();  // longest time between the openings of the outer bars

  BlockRule block_rule = BlockRule::kBos;
  double block_min_displacement_atr = 1.0;
  double block_min_quality = 0.2;  // rule "seed" only
  bool block_body = false;         // zone is the body of the candle instead of its range

  int zone_max_age_bars = 500;
  int zone_cap = 64;
  bool zone_invalidate_on_wick = false;
  int bounce_bars = 3;

  double liquidity_tolerance_atr = 0.25;
  int liquidity_max_age_bars = 500;

  // Scores and the membership `clean`, by what they measure in ATR or as a share.
  Ramp displacement_score{1.0, 2.0};
  Ramp body_score{0.1, 0.4};
  Ramp gap_score{0.3, 0.8};
  Ramp clean_body{0.3, 0.7};

  // Raises InputError that names the option.
  void validate() const;
};

}  // namespace smctrain::features::smc
