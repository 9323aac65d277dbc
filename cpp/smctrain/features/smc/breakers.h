// Breakers of one side: order blocks of the other side that failed.
//
//   breaker   an active block that is invalidated at t opens a zone of the opposite side with the same edges
//   and
//             the same origin, known at t. From then on it lives like a block (zones.h); what was measured
//             when the block became known is kept, only the size is measured anew, in ATR of bar t.
//   not one   a block that was dead when it became known (it never was active), and an invalidation while the
//             ATR is missing or zero. One live breaker per origin.
//
// push() comes after the life of the older breakers of bar t. Cost: one copy per failed block.
#pragma once

#include <vector>

#include "smctrain/features/smc/zones.h"

namespace smctrain::features::smc {

class Breakers {
 public:
  Breakers(int side, const Options& options) : zones_(EventKind::kBreaker, side, options) {}
  // `failed`: the blocks of the other side that bar t, seen from this side, invalidated.
  void push(int64_t t, const std::vector<Zone>& failed, const Candle& bar, double atr, EventLog* log);

  ZoneList& zones() { return zones_; }
  const ZoneList& zones() const { return zones_; }

 private:
  ZoneList zones_;
  std::vector<Zone> opened_;
};

}  // namespace smctrain::features::smc
