// Which zone a decision refers to: of the zones alive at the close of its row, the nearest on its side.
//
//   alive at t   known_at <= t and not yet invalidated (invalidated_at is -1 or later than t).
//   distance     from C[t] to the zone: 0 inside, else to its nearer edge.
//   nearest      smallest distance, then largest known_at, then largest origin.
//
// What happens to a zone after t plays no part. Rows are visited in order with the zones that live; at most
// 64 a side do in the engine's own tables. Cost: O((rows + zones) * log + rows * living zones).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/bars/bar.h"

namespace smctrain::labels {

// One value a zone. side: +1 demand (below a long's entry), -1 supply.
struct ZoneColumns {
  std::span<const int8_t> side;
  std::span<const int64_t> origin, known_at, invalidated_at;
  std::span<const double> top, bottom;
};

// Index of the zone of every decision row, -1 where none is alive.
std::vector<int64_t> nearest_zones(const BarsView& bars, std::span<const int64_t> rows,
                                   std::span<const int8_t> side, const ZoneColumns& zones);

}  // namespace smctrain::labels
