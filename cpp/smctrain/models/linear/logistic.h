// Logistic regression of two or more classes with L1, L2 or both.
//
//   min  sum share loss + l1 |b|_1 + l2 / 2 |b|^2       intercepts carry no penalty
//   loss   -log p of the row's class; p by the logistic function for two classes, softmax for more
//
// Both ways start from the classes' shares and use Hessians of a sample of the rows (one row of each stretch
// of equal length, weights scaled up). For many classes (classes x columns above 1200) that is only the
// diagonal blocks with p in place of p (1 - p), which bound it. A step is halved until the objective falls
// as promised (Armijo).
//
//   Without L1  One Hessian is factored and corrected by what each step learns (`QuasiNewton`), so that a
//               step costs one pass over the rows. After 3 steps in a row of which none cut the optimality
//               error to 0.3 (with the bound: 25), a new Hessian is made where the fit now is; where these
//               were its first steps, from 4 times as many rows. Slow with all rows: every slow step gets a
//               new one, which is Newton's method.
//   With L1     Proximal Newton steps by coordinate descent on the quadratic model (`descend`), each with
//               its own Hessian; after a slow step from 4 times as many rows.
//   Wide        With more columns than rows (and above 1200) no Hessian is built: see wide.h.
//
// Stop: largest violation of the optimality conditions at most tol (gradient of the mean loss, standardised
// units). Cost: n d a step and class, sample d^2 a Hessian; usually 8 to 15 steps and 2 or 3 Hessians.
//
// Source: Nocedal and Wright, "Numerical Optimization" (2006), chapter 7; Byrd et al., "On the Use of
// Stochastic Hessian Information in Optimization Methods for Machine Learning" (2011); Lee, Sun, Saunders,
// "Proximal Newton-Type Methods for Minimizing Composite Functions" (2014).
#pragma once

#include <span>
#include <string>

#include "smctrain/base/progress.h"
#include "smctrain/models/linear/design.h"

namespace smctrain::models::linear {

struct LogisticSettings {
  int64_t n_classes = 2;
  double l1 = 0.0;  // of the mean loss
  double l2 = 0.0;
  double tol = 1e-6;
  int64_t max_iter = 100;
  Progress progress = {};  // after every iteration; fits usually converge long before the last one
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

}  // namespace smctrain::models::linear
