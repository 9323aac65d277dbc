// Borders that leave similar mixtures of strata on both sides. Rows never move in time.
//
//   stratum   a class of rows, such as low, middle and high quality; kNoStratum rows count nowhere.
//   parts     the stamps between neighbouring borders, from 0 to the last stamp.
//
// Borders are taken from the left. Each may go to a position at most `share` of the shorter neighbouring part
// away (lengths as given), where the largest difference of a stratum's share between the two parts is
// smallest; ties: the shorter way, then earlier. If it still exceeds the tolerance, the split is refused:
// nothing else could balance it without putting later rows before earlier ones. O(stamps x strata).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/splits/intervals.h"

namespace smctrain::splits {

inline constexpr uint8_t kNoStratum = 255;

struct BalancedBorders {
  std::vector<int64_t> borders;
  std::vector<double> difference;  // largest difference of shares at each border
};

// borders: ascending, inside 1..stamps-1. admissible: one flag a stamp, or empty for all.
// Raises InputError with the reason where no position will do.
BalancedBorders balance_borders(const Stamps& stamps, std::span<const uint8_t> stratum, int64_t n_strata,
                                std::span<const int64_t> borders, std::span<const uint8_t> admissible,
                                double share, double tolerance);

}  // namespace smctrain::splits
