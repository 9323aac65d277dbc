// Checks one split and names the first faults instead of printing them.
//
// It looks at the rows alone and asks nothing of the splitter that made them. In this order: a row that does
// not exist, a row twice on one side, a row on both sides, a label without an end (only rows in use count),
// one moment on both sides, overlapping labels, a training label that reaches the first test decision
// (forward splits), a broken embargo. Up to 20,000 pairs of rows are compared one by one, more of them
// through segments.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "smctrain/splits/purge.h"

namespace smctrain::splits {

struct Demands {
  bool forward = false;  // training labels end before the first test decision, minus the gap
  Distance gap;
  Embargo embargo;
  Distance lookback;  // training intervals begin this much earlier
};

struct Leak {
  std::string code;               // "" when the split is honest
  std::vector<int64_t> rows;      // the first ten
  std::vector<int64_t> partners;  // for each of them the test row it collides with, if the fault has one
  int64_t count = 0;
};

Leak audit_split(const Timeline& time, std::span<const int64_t> train, std::span<const int64_t> test,
                 const Demands& demands);

}  // namespace smctrain::splits
