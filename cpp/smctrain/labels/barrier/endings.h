// What a bar that ends a trade makes of it, as a table: the batch looks its answer up instead of branching.
//
//   did      what the bar did, as bits: reached the stop or the target, opened beyond one, came too late
//   ending   label, rule and status of that, and which price the trade leaves at
#pragma once

#include <array>
#include <cstdint>

#include "smctrain/labels/barrier/path.h"

namespace smctrain::labels::barrier {

// What ends a trade on a bar, by what the bar did: bits of an index into the table.
enum Did : unsigned {
  kReachedStop = 1,
  kReachedTarget = 2,
  kOpenedAtTarget = 4,
  kOpenedAtStop = 8,
  kOver = 16
};

struct Ending {
  enum Price : uint8_t { kOpen, kStop, kTarget, kClose };
  double y = kNaN;
  Rule rule = Rule::kNone;  // kNone: not for the table to say
  Status status = Status::kOk;
  Price price = kOpen;
};

// By the sum of `Did`.
std::array<Ending, 32> endings(const BarrierOptions& options);

}  // namespace smctrain::labels::barrier
