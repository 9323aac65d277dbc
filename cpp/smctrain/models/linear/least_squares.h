// Least squares without and with a quadratic penalty, in closed form.
//
//   linear   min  sum w (y - b0 - z b)^2
//            Cholesky of the weighted gram where it is well conditioned (reciprocal condition above 1e-6);
//            else Householder QR of the rows, block by block, and a rank-revealing decomposition of R.
//            Directions without spread get the coefficients of least norm, in standardised units where
//            columns are standardised.
//   ridge    min  sum w (y - b0 - z b)^2 + alpha |b|^2, b0 without penalty
//            d <= n: gram = V L V', b = V (L + alpha / W)^-1 V' c for all alphas; one alpha: Cholesky.
//            d > n: the same with the n x n matrix of inner products of rows.
//
// Cost: n d^2 once, then d^3 once, then d^2 an alpha.
// Source: Golub and Van Loan, "Matrix Computations" (4th ed.), chapters 5 and 6.
#pragma once

#include <span>

#include "smctrain/models/linear/design.h"
#include "smctrain/models/linear/path.h"

namespace smctrain::models::linear {

PathResult fit_least_squares(const Design& design, std::span<const double> y, const StopToken& stop);

// alphas: not negative; their order is kept.
PathResult fit_ridge(const Design& design, std::span<const double> y, std::span<const double> alphas,
                     const StopToken& stop);

}  // namespace smctrain::models::linear
