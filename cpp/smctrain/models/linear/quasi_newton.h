// Steps of the limited-memory BFGS method around a given inverse curvature.
//
//   curvature   P, symmetric and positive definite, known by its solve: v -> P^-1 v
//   pair        how a step s changed the gradient, y; s . y > 0 for convex functions
//
// Two loops over the last pairs turn the gradient into a step: each pair corrects P^-1 in its own direction.
// P is scaled by (s . y) / (y . P^-1 y) of the newest pair, because curvature shrinks on the way to the
// optimum. Cost: one solve and 4 size operations a pair. Source: Nocedal and Wright, "Numerical Optimization"
// (2006), algorithm 7.4.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

namespace smctrain::models::linear {

class QuasiNewton {
 public:
  using Solve = std::function<std::vector<double>(const std::vector<double>&)>;

  // Forgets all pairs.
  void restart(Solve solve);

  // -(curvature corrected by the pairs)^-1 gradient.
  std::vector<double> step(const std::vector<double>& gradient) const;

  // A pair without curvature (s . y too small to divide by) is left out.
  void learn(std::vector<double> moved, std::vector<double> change);

 private:
  struct Pair {
    std::vector<double> moved, change;
    double product = 0.0;
  };

  Solve solve_;
  std::deque<Pair> pairs_;
  double scale_ = 1.0;
};

}  // namespace smctrain::models::linear
