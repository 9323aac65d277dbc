// Events that a border must not cut: labels that overlap, rows of one news window, one zone or one session.
//
//   edge         two rows whose labels overlap, or that carry the same event id in one of the id columns
//                (below 0: no event).
//   component    rows connected by edges.
//   border       position s: stamps before s on one side, s and later on the other. Admissible: no component
//                has rows on both sides.
//   window       [start, end] of a calendar, closed. A test must not start inside one: it starts at the
//                first stamp behind the window's end and the gap.
//
// 1. Sweep the rows by t0 with the running maximum of t1: where the next t0 lies behind it, a new run of
//    overlapping rows begins.
// 2. Union-find over the runs merges those that share an id.
// 3. A component forbids all borders behind its first and up to its last stamp.
// O(n) after sorting; the graph itself is never built.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/splits/purge.h"

namespace smctrain::splits {

struct EventGraph {
  std::vector<int64_t> component;   // of every row, numbered by first stamp
  std::vector<int64_t> rows;        // of every component
  std::vector<int64_t> admissible;  // borders, ascending, in 1..stamps-1
};

// ids: n x columns, row by row.
EventGraph event_graph(const Timeline& time, std::span<const int64_t> ids, int64_t columns);

// For every stamp: where a test that wants to start here starts, 0..stamps. The stamp itself outside of
// windows.
std::vector<int64_t> starts_outside(const Stamps& stamps, std::span<const int64_t> start,
                                    std::span<const int64_t> end, const Distance& gap);

// Every border goes to the nearest admissible one (tie: earlier), then on to where the calendar lets a test
// start; they stay apart and in order. Raises TooFewRows where there are too few positions.
std::vector<int64_t> move_borders(std::span<const int64_t> borders, std::span<const int64_t> admissible,
                                  std::span<const int64_t> starts);

// Training rows that carry an event id of a test row become kPurged.
void purge_events(std::span<const int64_t> ids, int64_t columns, std::span<Fate> fates);

// Rows whose interval meets a window.
std::vector<uint8_t> meets_window(const Intervals& intervals, std::span<const int64_t> start,
                                  std::span<const int64_t> end);

}  // namespace smctrain::splits
