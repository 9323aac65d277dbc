#include "smctrain/features/smc/options.h"

#include <cmath>

#include "smctrain/base/error.h"

namespace smctrain::features::smc {

namespace {

void check_at_least(const char* name, int value, int least) {
  if (value < least) {
    raise("InputError", name, " must be an integer of at least ", least, ", but is ", value, ".");
  }
}

void check_not_negative(const char* name, double value) {
  if (!(value >= 0.0) || !std::isfinite(value)) {
    raise("InputError", name, " must be a finite number of at least 0, but is ", value, ".");
  }
}

}  // namespace

void Options::validate() const {
  check_at_least("left", swing_left, 1);
  check_at_least("right", swing_right, 1);
  check_at_least("second_scale", second_scale, 0);
  check_not_negative("min_atr", fvg_min_atr);
  check_not_negative("min_disp", block_min_displacement_atr);
  check_not_negative("min_quality", block_min_quality);
  check_at_least("max_age", zone_max_age_bars, 1);
  check_at_least("max_age", liquidity_max_age_bars, 1);
  check_at_least("cap", zone_cap, 1);
  if (zone_cap > 64) raise("InputError", "cap must be at most 64, but is ", zone_cap, ".");
  check_at_least("bounce_bars", bounce_bars, 1);
  check_not_negative("tol_atr", liquidity_tolerance_atr);
  // The windows are held in memory; a swing wider than this is a mistyped number.
  constexpr int kWidest = 1'000'000;
  if (swing_left > kWidest || swing_right > kWidest) {
    raise("InputError", "left and right must be at most ", kWidest, ", but are ", swing_left, " and ",
          swing_right, ".");
  }
  if (second_scale > kWidest)
    raise("InputError", "second_scale must be at most ", kWidest, ", but is ", second_scale, ".");
}

}  // namespace smctrain::features::smc
