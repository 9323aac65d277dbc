// Rows that are copies of one another: exactly, up to a number of digits, or nearly.
//
//   fingerprint   64-bit hash of a row whose values are rounded to `digits` significant digits; -0 reads as
//   0,
//                 anything not finite as missing, missing equals missing
//   distance      Euclidean, on (x - center) * weight; missing values read as the center
//   twin          of a queried row: a base row within `radius`
//
// Twins are found on one random direction of unit length: two rows are never further apart there than in
// space, so a query is compared only with the base rows whose projection lies within the radius. O((n + m) (d
// + log n)) while the radius is far below the usual distance. Nearest distances are brute force, O(q n d):
// for samples.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::audit {

std::vector<uint64_t> row_fingerprints(MatrixView<const float> X, std::span<const int64_t> rows, int digits,
                                       int threads);

struct Space {
  MatrixView<const float> X;
  std::span<const double> center;
  std::span<const double> weight;
};

// Per queried row: a base row within `radius` of it that is not the row itself, or -1.
std::vector<int64_t> near_twins(const Space& space, std::span<const int64_t> queries,
                                std::span<const int64_t> base, double radius, int threads);

// Per queried row: distance to the nearest base row that is not the row itself, and that row (-1: none).
std::pair<std::vector<double>, std::vector<int64_t>> nearest_rows(const Space& space,
                                                                  std::span<const int64_t> queries,
                                                                  std::span<const int64_t> base, int threads);

}  // namespace smctrain::audit
