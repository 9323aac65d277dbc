#include "smctrain/features/smc/event_batch.h"

#include "smctrain/features/smc/segment_feed.h"

namespace smctrain::features::smc {

namespace {

FeedNeeds needs_of(const Parts& parts, bool atr_is_sma) {
  FeedNeeds needs;
  needs.atr = parts.gaps || parts.blocks || parts.liquidity;
  needs.atr_is_sma = atr_is_sma;
  needs.mean_and_rsi = parts.blocks;
  return needs;
}

// Bars accepted since the start of a segment -> rows of the bar array.
void turn_into_rows(EventLog& log, int64_t first, const RowsOfBars& rows) {
  for (int64_t i = first; i < log.size(); ++i) {
    Event& event = log[i];
    for (int64_t* at : {&event.origin, &event.known_at, &event.invalidated_at, &event.touched_at,
                        &event.filled_at, &event.resolved_at}) {
      if (*at != kNever) *at = rows[*at];
    }
  }
}

}  // namespace

EventLog collect_events(const BarsView& bars, const Options& options, bool atr_is_sma, LoggedKinds kinds) {
  options.validate();
  EventLog log;
  Engine engine(options, &log, kinds);
  SegmentFeed feed(bars, needs_of(engine.parts(), atr_is_sma));
  int64_t first_event = 0;
  bool has_begun = false;
  while (feed.next()) {
    if (feed.starts_segment() && has_begun) {
      // What still lives expires on the first row of the new segment, which follows the old one's.
      engine.end_segment(engine.now() + 1);
      turn_into_rows(log, first_event, feed.ended_rows());
      first_event = log.size();
      engine.reset();
    }
    has_begun = true;
    engine.begin(feed.columns());
    for (int i = 0; i < feed.columns().n; ++i) engine.step();
  }
  turn_into_rows(log, first_event, feed.rows());
  return log;
}

}  // namespace smctrain::features::smc
