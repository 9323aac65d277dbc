#include "smctrain/models/linear/quasi_newton.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace {

using smctrain::models::linear::QuasiNewton;
using Vector = std::vector<double>;

// Gradient of 1/2 b' diag(1, 10, 100) b - b[0] - b[1] - b[2]; the optimum is 1, 0.1, 0.01.
Vector gradient(const Vector& b) { return {b[0] - 1.0, 10.0 * b[1] - 1.0, 100.0 * b[2] - 1.0}; }

double distance(const Vector& b) {
  return std::abs(b[0] - 1.0) + std::abs(b[1] - 0.1) + std::abs(b[2] - 0.01);
}

}  // namespace

TEST_CASE("with the true curvature one step reaches the optimum of a quadratic") {
  QuasiNewton metric;
  metric.restart([](const Vector& v) { return Vector{v[0], v[1] / 10.0, v[2] / 100.0}; });
  CHECK(distance(metric.step(gradient({0.0, 0.0, 0.0}))) < 1e-15);
}

TEST_CASE("pairs correct a wrong curvature until a step is exact") {
  QuasiNewton metric;
  metric.restart([](const Vector& v) { return v; });
  Vector b{0.0, 0.0, 0.0};
  const std::vector<Vector> probes{{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}, {0.0, 0.0, 1.0}};
  for (const Vector& moved : probes) metric.learn(moved, {moved[0], 10.0 * moved[1], 100.0 * moved[2]});
  const Vector step = metric.step(gradient(b));
  for (size_t i = 0; i < b.size(); ++i) b[i] += step[i];
  CHECK(distance(b) < 1e-12);
}

TEST_CASE("a pair without curvature is left out and a restart forgets all pairs") {
  QuasiNewton metric;
  metric.restart([](const Vector& v) { return v; });
  const Vector plain = metric.step({1.0, 2.0, 3.0});
  metric.learn({1.0, 0.0, 0.0}, {0.0, 0.0, 0.0});
  CHECK(metric.step({1.0, 2.0, 3.0}) == plain);
  metric.learn({1.0, 0.0, 0.0}, {5.0, 0.0, 0.0});
  CHECK(metric.step({1.0, 2.0, 3.0}) != plain);
  metric.restart([](const Vector& v) { return v; });
  CHECK(metric.step({1.0, 2.0, 3.0}) == plain);
}
