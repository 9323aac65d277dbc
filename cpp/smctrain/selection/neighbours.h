// Mutual information by nearest neighbours: exact to the k-th neighbour, no bins.
//
//   numbers   Kraskov, Stoegbauer and Grassberger, "Estimating mutual information", Phys. Rev. E 69 (2004),
//             estimator 1: radius = distance to the k-th neighbour in (x, y), largest of the two; then
//             psi(n) + psi(k) - mean psi(points within it along x) - mean psi(along y)
//   classes   Ross, "Mutual information between discrete and continuous data sets", PLoS ONE 9 (2014):
//             radius = distance to the k-th neighbour of the same class; classes of one row are left out
//
// Conventions are scikit-learn's (radius one float below the distance, counts include the point itself), so
// values equal its `mutual_info_classif` and `mutual_info_regression` given the same columns. Cost: classes
// n log n; numbers n sqrt(k n) for independent columns.
#pragma once

#include <cstdint>
#include <span>

#include "smctrain/base/stop.h"

namespace smctrain::selection {

// psi(x) for x > 0; about 1e-14 absolute.
double digamma(double x);

// In nats, at least 0. x and y are finite; k is at least 1 and below the rows.
double information_of_numbers(std::span<const double> x, std::span<const double> y, int k,
                              const StopToken& stop);
double information_of_classes(std::span<const double> x, std::span<const int32_t> codes, int64_t n_classes,
                              int k, const StopToken& stop);

}  // namespace smctrain::selection
