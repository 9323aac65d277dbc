// How far apart two samples of rows are.
//
//   energy distance  (2 E|a - b| - E|a - a'| - E|b - b'|) / (2 E|a - b|), over all pairs; 0: alike, 1:
//   nothing in common
//                    (Szekely and Rizzo, J. Stat. Plan. Inference 143, 2013: the energy coefficient)
//   coverage         share of the rows of a whose ball around them, reaching to their k-th nearest other row
//   of a, holds
//                    a row of b (Naeem et al., "Reliable fidelity and diversity metrics", ICML 2020); about 1
//                    - 2^-k for two samples of equal size from one distribution
//   nearest distance  of each row of a to the nearest row of b: rows that were copied from b are close to it
//
// O(rows^2 * columns).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::models::neural {

// Mean distance over all pairs of rows.
double mean_distance(MatrixView<const float> a, MatrixView<const float> b);
// Over all pairs of two different rows: what an estimate of E|a - a'| without bias needs.
double mean_distance_of_others(MatrixView<const float> a);
double energy_distance(MatrixView<const float> a, MatrixView<const float> b);
double coverage(MatrixView<const float> a, MatrixView<const float> b, int64_t k);
// own: row number of each row of a in b, which is left out; empty: none is.
std::vector<double> nearest_distances(MatrixView<const float> a, MatrixView<const float> b,
                                      std::span<const int64_t> own);

}  // namespace smctrain::models::neural
