// Sessions and previous periods of a bar array as events: the trackers of the columns in a loop.
//
//   event      a whole session or period, listed once a later bar has finished it
//   known_at   the first bar that no longer belongs to it; prices and rows are frozen from then on
//   invalidated_at
//              a session: first bar of the next one of that name; a period: when the next one is finished;
//              both at the latest on the first accepted bar of the next segment
//
// Rows count the bars of the array; bars with a non-finite price are skipped. What a segment's end cuts off
// is not listed.
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/bars/bar.h"
#include "smctrain/features/previous_period.h"
#include "smctrain/features/price_span.h"
#include "smctrain/features/sessions.h"

namespace smctrain::features {

struct SpanEvent {
  int64_t which = 0;  // index of the session
  PriceSpan span;
  int64_t known_at = -1;
  int64_t invalidated_at = -1;
  int64_t broke_high_at = -1;  // periods: first bar in force that traded beyond
  int64_t broke_low_at = -1;
};

std::vector<SpanEvent> collect_sessions(const BarsView& bars, const std::vector<SessionSpec>& specs);
std::vector<SpanEvent> collect_periods(const BarsView& bars, Period period, const DayRoll& roll);

}  // namespace smctrain::features
