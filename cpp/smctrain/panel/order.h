// Many symbols on one clock: which bar of which symbol is which row of the panel.
//
//   stamp      a closing time, int64 nanoseconds; a decision can be taken at it. Rows share a stamp only if
//              they are equal: nothing is rounded and nothing is filled forward.
//   row        one bar of one symbol. Rows are sorted by (stamp, symbol).
//   start      first row of every stamp, and the number of rows at the end.
//
// A heap holds the next stamp of every symbol: O(rows log symbols), O(rows) memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "smctrain/base/stop.h"

namespace smctrain::panel {

struct Order {
  std::vector<int64_t> time;    // per row
  std::vector<int32_t> symbol;  // per row: index into the list of symbols
  std::vector<int64_t> bar;     // per row: index into the bars of its symbol
  std::vector<int64_t> start;   // stamps + 1
};

// stamps: closing times of every symbol, strictly ascending; names are for messages.
Order merge(std::span<const std::span<const int64_t>> stamps, std::span<const std::string> names,
            const StopToken& stop = StopToken());

// Keeps whole stamps: those with at least `min_count` rows, and of these the newest that fit into `max_rows`
// (0: all). Raises InputError when not even the newest of them fits.
void keep(Order& order, int64_t min_count, int64_t max_rows);

}  // namespace smctrain::panel
