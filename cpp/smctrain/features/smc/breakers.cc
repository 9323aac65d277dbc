#include "smctrain/features/smc/breakers.h"

#include <algorithm>

namespace smctrain::features::smc {

void Breakers::push(int64_t t, const std::vector<Zone>& failed, const Candle& bar, double atr,
                    EventLog* log) {
  if (!(atr > 0.0)) return;
  opened_.clear();
  for (const Zone& block : failed) {
    Zone zone = block;
    zone.near = -block.far;  // prices change sign with the side
    zone.far = -block.near;
    zone.restart(t);
    zone.facts.size_atr = (zone.near - zone.far) / atr;
    opened_.push_back(zone);
  }
  // Of zones known at once the one with the largest origin counts as the newest.
  std::sort(opened_.begin(), opened_.end(), [](const Zone& a, const Zone& b) { return a.origin < b.origin; });
  for (const Zone& zone : opened_) {
    if (!zones_.has_origin(zone.origin)) zones_.add(t, zone, bar.close < zone.far, log);
  }
}

}  // namespace smctrain::features::smc
