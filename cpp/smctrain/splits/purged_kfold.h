// Contiguous folds of stamps: k-fold and combinatorial splits choose some of them as tests.
//
//   group   one of N consecutive ranges of stamps; the first n mod N hold one stamp more, none is empty, none
//   is lost.
//
// Source: Lopez de Prado (2018), ch. 7 and 12.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/splits/intervals.h"

namespace smctrain::splits {

// N + 1 borders of N groups over n stamps; raises InputError for N > n.
std::vector<int64_t> group_borders(int64_t n_stamps, int64_t n_groups);

// The fate of every row when the given groups are the test.
std::vector<Fate> group_split(const Intervals& intervals, const Stamps& stamps, int64_t n_groups,
                              std::span<const int64_t> test_groups, const Distance& embargo);

}  // namespace smctrain::splits
