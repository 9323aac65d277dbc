// Newton steps of a logistic regression with more columns than rows, without a matrix of columns x columns.
//
//   F     n rows of d standardised columns; an intercept is one more column of ones without penalty
//   p     probabilities (scores x n): of class 1 for one score, of each class for more
//   bend  u = bend(v), rowwise: share p (1 - p) v for one score, share p_k (v_k - sum_l p_l v_l) for more
//   H x = F' bend(F x) + l2 x, never built
//
// Without L1, one score: H^-1 v = (v - F' S M^-1 S F v) / ridge with S = diag(sqrt(share p (1 - p))) and
// M = ridge I + S F F' S, an n x n matrix (Woodbury); the intercept is eliminated by its Schur complement.
// Without L1, more scores: conjugate gradients on H.
// With L1: cyclic coordinate descent that keeps F x and its mean over classes, so that a coordinate costs n.
// Cost: n^2 d once, then n^3 / 3 a step; or n d scores a product or sweep. Memory: n d + n^2 doubles.
#pragma once

#include <span>
#include <vector>

#include "smctrain/models/linear/design.h"

namespace smctrain::models::linear {

class WideRows {
 public:
  WideRows(const Design& design, const StopToken& stop);

  // Each returns x, scores x stride, for `gradient` and b laid out alike.

  // Minimiser of g'x + 1/2 x'Hx for one score.
  std::vector<double> newton(std::span<const double> p, std::span<const double> gradient, double l2);

  // The same for more scores, to a thousandth of the gradient.
  std::vector<double> conjugate_gradients(std::span<const double> p, std::span<const double> gradient,
                                          double l2) const;

  // Minimiser of g'x + 1/2 x'Hx + l1 |b + x|; ends when no step changes its own slope by more than `least`.
  std::vector<double> descend(std::span<const double> p, std::span<const double> gradient,
                              std::span<const double> b, double l1, double l2, double least,
                              int64_t max_sweeps) const;

  // F b with the intercept, by position.
  std::vector<double> scores(const double* b) const;

 private:
  const double* column(int64_t j) const { return columns_.data() + j * n_; }
  void make_products();

  const Design& design_;
  const StopToken& stop_;
  int64_t n_, d_, width_, stride_;
  std::vector<double> columns_;   // width x n
  std::vector<double> products_;  // F F' without the intercept, n x n; made at the first Newton step
};

// Lower Cholesky factor in place of a symmetric matrix (side x side, column-major); polls `stop` and throws
// Stopped. Returns false where the matrix is not positive definite.
bool factor(std::vector<double>& matrix, int64_t side, const StopToken& stop);

}  // namespace smctrain::models::linear
