// Fair value gaps of one side: three bars of which the outer two do not overlap.
//
//   gap     long side: L[t] > H[t-2], zone [H[t-2], L[t]], origin t-1, known at t; at least min_atr high
//   merge   a gap of the same side that became known on the bar before and is still active closes as MERGED;
//           the new zone is the union of both. Rows before t keep the old edges.
#pragma once

#include "smctrain/features/smc/zones.h"

namespace smctrain::features::smc {

class FairValueGaps {
 public:
  FairValueGaps(int side, const Options& options)
      : zones_(EventKind::kFvg, side, options),
        min_atr_(options.fvg_min_atr),
        is_merging_(options.fvg_merge),
        is_same_side_(options.fvg_same_side),
        max_span_ns_(options.fvg_max_span_ns),
        score_(options.gap_score) {}
  // Only when the last gap became known is of interest.
  void only_mark(bool is_marking) { is_marking_ = is_marking; }
  // The gap that ends at bar t, the newest of `history`.
  void push(int64_t t, const History& history, EventLog* log) {
    if (history.size() < 3) return;
    const bool is_gap =
        zones_.side() > 0 ? history.low(0) > history.high(2) : history.high(0) < history.low(2);
    if (is_gap) add(t, history, log);
  }

  ZoneList& zones() { return zones_; }
  const ZoneList& zones() const { return zones_; }

 private:
  void add(int64_t t, const History& history, EventLog* log);

  ZoneList zones_;
  double min_atr_;
  bool is_merging_;
  bool is_same_side_;
  bool is_marking_ = false;
  int64_t max_span_ns_;
  Ramp score_;
};

}  // namespace smctrain::features::smc
