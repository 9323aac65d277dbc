// Logistic regression of two or more classes with L1, L2 or both, by proximal Newton steps.
//
//   min  sum share loss + l1 |b|_1 + l2 / 2 |b|^2       intercepts carry no penalty
//   loss   -log p of the row's class; p by the logistic function for two classes, softmax for more
//
// One iteration:
//   1. Loss and gradient over all rows, in one pass.
//   2. Hessian on a sample of the rows (one row of each stretch of equal length, weights scaled up). For many
//   classes
//      (classes x columns above 1200) only its diagonal blocks with p in place of p (1 - p), which bound it.
//   With more columns than rows (and above 1200) none is built: see wide.h.
//   3. Step: Cholesky without L1, else coordinate descent on the quadratic model (`descend`).
//   4. Halve the step until the objective falls as promised (Armijo).
//   5. Where the optimality error fell by less than a factor 3, the next sample is 4 times as large, up to
//   all rows:
//      the last steps are then Newton's own, and quadratic.
//   Stop: largest violation of the optimality conditions at most tol (gradient of the mean loss, standardised
//   units).
//
// Cost: n d an iteration and class, sample d^2 for the Hessian; usually 5 to 10 iterations.
// Source: Lee, Sun, Saunders, "Proximal Newton-Type Methods for Minimizing Composite Functions" (2014); Byrd
// et al., "On the Use of Stochastic Hessian Information in Optimization Methods for Machine Learning" (2011).
#pragma once

#include <span>
#include <string>

#include "smctrain/models/linear/design.h"

namespace smctrain::models::linear {

struct LogisticSettings {
  int64_t n_classes = 2;
  double l1 = 0.0;  // of the mean loss
  double l2 = 0.0;
  double tol = 1e-6;
  int64_t max_iter = 100;
};

struct LogisticFit {
  std::vector<double> coefs;                       // scores x d, in the units of X; one score for two classes
  std::vector<double> intercepts;                  // scores
  std::vector<double> beta;                        // scores x d, standardised
  std::vector<double> objective, violation, step;  // an iteration; the first entry is the start
  bool converged = false;
  std::string stop_reason;  // of the stop token; empty otherwise
};

// y: class codes of all rows of X.
LogisticFit fit_logistic(const Design& design, std::span<const int32_t> y, const LogisticSettings& settings,
                         const StopToken& stop);

// Probabilities (n x classes) from scores (n x 1 or n x classes), in place of them for more than two classes.
void probabilities(const double* scores, int64_t n, int64_t n_scores, double* out);

// Scores (rows x n_scores) = X coef' + intercept.
void linear_scores(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const double> coefs,
                   std::span<const double> intercepts, int threads, const StopToken& stop, double* out);

}  // namespace smctrain::models::linear
