// Checks one split and names the first faults instead of printing them.
//
// It looks at the rows alone and asks nothing of the splitter that made them: overlapping labels, a broken
// embargo, a training row that ends after the first test decision (forward splits), one moment on both sides,
// an empty side, a row on both sides or twice on one, a row that does not exist.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "smctrain/splits/intervals.h"

namespace smctrain::splits {

struct Leak {
  std::string code;  // "" when the split is honest
  std::vector<int64_t> rows;
  int64_t count = 0;
};

Leak audit_split(const Intervals& intervals, const Stamps& stamps, std::span<const int64_t> train,
                 std::span<const int64_t> test, bool forward, const Distance& embargo);

}  // namespace smctrain::splits
