#include "smctrain/models/linear/quasi_newton.h"

#include <utility>

#include "smctrain/models/linear/kernels.h"

namespace smctrain::models::linear {

namespace {

constexpr size_t kMostPairs = 10;

double product(const std::vector<double>& a, const std::vector<double>& b) {
  return dot(a.data(), b.data(), static_cast<int64_t>(a.size()));
}

void add(double factor, const std::vector<double>& x, std::vector<double>& y) {
  add_scaled(factor, x.data(), y.data(), static_cast<int64_t>(x.size()));
}

}  // namespace

void QuasiNewton::restart(Solve solve) {
  solve_ = std::move(solve);
  pairs_.clear();
  scale_ = 1.0;
}

std::vector<double> QuasiNewton::step(const std::vector<double>& gradient) const {
  std::vector<double> rest(gradient.size());
  for (size_t i = 0; i < rest.size(); ++i) rest[i] = -gradient[i];
  std::vector<double> share(pairs_.size());
  for (size_t i = pairs_.size(); i-- > 0;) {
    share[i] = product(pairs_[i].moved, rest) / pairs_[i].product;
    add(-share[i], pairs_[i].change, rest);
  }
  std::vector<double> out = solve_(rest);
  for (double& entry : out) entry *= scale_;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    add(share[i] - product(pairs_[i].change, out) / pairs_[i].product, pairs_[i].moved, out);
  }
  return out;
}

void QuasiNewton::learn(std::vector<double> moved, std::vector<double> change) {
  const double curvature = product(moved, change);
  const double expected = product(change, solve_(change));
  if (!(curvature > 1e-14 * product(moved, moved)) || !(expected > 0.0)) return;
  scale_ = curvature / expected;
  if (pairs_.size() == kMostPairs) pairs_.pop_front();
  pairs_.push_back({std::move(moved), std::move(change), curvature});
}

}  // namespace smctrain::models::linear
