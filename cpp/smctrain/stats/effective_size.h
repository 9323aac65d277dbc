// Effective sample size of a correctness series (0/1) whose labels overlap.
//
//   rho_l   sample autocorrelation at lag l;  w_l = 1 - l/n
//   raw     1 + 2 sum_{l = 1..h} w_l rho_l
//   DEFF    raw / (1 - (1 + 2 sum w_l) / n): design effect, freed of the bias that the estimated mean brings
//   n_eff   n / DEFF kept within [n/(2h), n]; DEFF <= 1 gives n; a constant series or n <= 2h + 1 gives
//   n/(2h)
//
// O(n min(h, log n)).
#pragma once

#include <cstdint>
#include <span>

namespace smctrain::stats {

struct EffectiveSize {
  double n_eff;
  double design_effect;      // DEFF as measured; NaN where it cannot be (constant series, too short)
  double raw_design_effect;  // before the bias correction
};

EffectiveSize effective_size(std::span<const double> correct, int64_t horizon);

}  // namespace smctrain::stats
