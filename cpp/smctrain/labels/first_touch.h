// Where paths of prices may first reach one of two levels, several bars at a time.
//
//   path      bars first..last; a level below and one above
//   touched   the first bar of the path that is not wholly between its levels: whose open, high or low is at
//   or
//             beyond one, or is not a number; last + 1 without one
//
// One bar a lane, and comparisons only, so every instruction set gives the same answer. The widest one that
// the processor has is chosen when the program first asks. O(bars looked at); reads no bar beyond the bars
// given.
#pragma once

#include <cstdint>
#include <span>

namespace smctrain::labels {

struct Paths {
  int64_t count = 0;
  const double* below = nullptr;
  const double* above = nullptr;
  const int64_t* first = nullptr;
  const int64_t* last = nullptr;
};

// bars: rows of open, high and low; every path lies within them.
using FirstTouch = void (*)(const double* open, const double* high, const double* low, int64_t bars,
                            const Paths& paths, int64_t* touched);

// The widest that this machine can run.
FirstTouch first_touch();

// All that it can run, narrowest first.
struct FirstTouchLevel {
  const char* name;
  FirstTouch function;
};
std::span<const FirstTouchLevel> first_touch_levels();

}  // namespace smctrain::labels
