#include "smctrain/features/smc/fair_value_gaps.h"

#include <algorithm>

namespace smctrain::features::smc {

void FairValueGaps::add(int64_t t, const History& history, EventLog* log) {
  const PastBar last = history.back(0);
  const PastBar first = history.back(2);
  if (!(last.atr > 0.0)) return;
  const int side = zones_.side();
  Zone zone;
  zone.near = last.candle.seen_from(side).low;
  zone.far = first.candle.seen_from(side).high;
  if ((zone.near - zone.far) / last.atr < min_atr_) return;
  if (is_same_side_) {
    const Candle middle = history.back(1).candle.seen_from(side);
    if (!(middle.close > middle.open)) return;
  }
  if (last.ts_open - first.ts_open > max_span_ns_) return;
  if (is_marking_) {
    zones_.mark_new(t);
    return;
  }

  zone.origin = t - 1;
  zone.known_at = t;
  Zone older;
  if (is_merging_ && zones_.take_for_merge(t - 1, t, older, log)) {
    zone.near = std::max(zone.near, older.near);
    zone.far = std::min(zone.far, older.far);
    zone.origin = older.origin;
    zone.merged = older.merged + 1;
  }
  zone.facts.size_atr = (zone.near - zone.far) / last.atr;
  zone.facts.quality = score_.at(zone.facts.size_atr);
  zones_.add(t, zone, false, log);
}

}  // namespace smctrain::features::smc
