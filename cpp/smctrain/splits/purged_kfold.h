// Windows of stamps of which some are tests: k-fold and combinatorial splits, and one symbol held out.
//
//   group   one of N consecutive ranges of stamps; the first n mod N hold one stamp more, none is empty,
//           none is lost.
//
// Source: Lopez de Prado (2018), ch. 7 and 12.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/splits/purge.h"

namespace smctrain::splits {

// Stamps [first, last).
struct Window {
  int64_t first;
  int64_t last;
};

// N + 1 borders of N groups over n stamps; raises TooFewRows for N > n.
std::vector<int64_t> group_borders(int64_t n_stamps, int64_t n_groups);

// The fate of every row when the rows of the given windows are the test.
std::vector<Fate> window_split(const Timeline& time, std::span<const Window> test, const Rules& rules);

// Leave one symbol out: the test is the held-out symbol inside the window, its other rows are unused, the
// rows of other symbols are trained on: purged, or (strict) only where their label ends before the window
// minus the gap.
std::vector<Fate> symbol_split(const Timeline& time, std::span<const int64_t> symbol, int64_t held_out,
                               Window window, bool strict, const Distance& gap, const Rules& rules);

// Raises InputError unless first < last inside the stamps.
void check(const Window& window, const Stamps& stamps);

}  // namespace smctrain::splits
