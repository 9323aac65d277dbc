// Legs between the last two swings of opposite sides, and how far price came back.
//
//   leg        from swing a to swing b as in range_position.h; known with b, replaced by the next known swing
//   reached    first bar, from known_at on, at which the deepest retracement since b is at least a level
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/bars/bar.h"

namespace smctrain::features::smc {

struct Retracement {
  int8_t side = 0;  // sign(b - a)
  int64_t start_row = -1;
  int64_t origin = -1;  // row of b
  int64_t known_at = -1;
  int64_t invalidated_at = -1;
  double start_price = 0.0;
  double end_price = 0.0;
};

struct Retracements {
  std::vector<Retracement> legs;
  std::vector<int64_t> reached_at;  // row-major (legs, levels), -1 before
};

// Rows of `bars`. Raises InputError on bad windows.
Retracements collect_retracements(const BarsView& bars, int left, int right,
                                  const std::vector<double>& levels);

}  // namespace smctrain::features::smc
