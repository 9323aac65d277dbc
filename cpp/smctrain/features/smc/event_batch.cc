#include "smctrain/features/smc/event_batch.h"

#include <vector>

#include "smctrain/features/smc/context_feed.h"
#include "smctrain/features/smc/engine.h"

namespace smctrain::features::smc {

namespace {

// Bars accepted since the start of a segment -> rows of the bar array.
void turn_into_rows(std::vector<Event>& events, size_t first, const std::vector<int64_t>& rows) {
  for (size_t i = first; i < events.size(); ++i) {
    Event& event = events[i];
    for (int64_t* at : {&event.origin, &event.known_at, &event.invalidated_at, &event.touched_at,
                        &event.filled_at, &event.resolved_at}) {
      if (*at != kNever) *at = rows[static_cast<size_t>(*at)];
    }
  }
}

}  // namespace

EventLog collect_events(const BarsView& bars, const Options& options, bool atr_is_sma) {
  options.validate();
  EventLog log;
  Engine engine(options, &log);
  ContextFeed feed(atr_is_sma);
  std::vector<int64_t> rows;  // of the segment's accepted bars
  size_t first_event = 0;
  bool must_restart = false;

  for (int64_t t = 0; t < bars.size(); ++t) {
    const auto i = static_cast<size_t>(t);
    if (t > 0 && bars.segment[i] != bars.segment[i - 1]) {
      must_restart = true;
      feed.reset();
    }
    const Bar bar = bars[t];
    const Context context = feed.push(bar);
    if (!is_finite(bar)) continue;
    if (must_restart) {
      rows.push_back(t);
      engine.end_segment(static_cast<int64_t>(rows.size()) - 1);
      turn_into_rows(log.events(), first_event, rows);
      first_event = log.events().size();
      rows.clear();
      engine.reset();
      must_restart = false;
    }
    rows.push_back(t);
    engine.push(bar, context);
  }
  turn_into_rows(log.events(), first_event, rows);
  return log;
}

}  // namespace smctrain::features::smc
