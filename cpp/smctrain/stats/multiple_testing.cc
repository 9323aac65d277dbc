#include "smctrain/stats/multiple_testing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/stats/normal.h"

namespace smctrain::stats {

namespace {

void check_level(double q) {
  if (!(q > 0.0 && q < 1.0)) raise("InputError", "q must lie between 0 and 1, but is ", q, ".");
}

// Accepts the longest prefix of `order` whose last member passes(value, rank).
template <class Passes>
std::vector<uint8_t> step_up(std::span<const double> values, const std::vector<size_t>& order,
                             Passes passes) {
  size_t accepted = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (passes(values[order[i]], static_cast<double>(i + 1))) accepted = i + 1;
  }
  std::vector<uint8_t> flags(values.size(), 0);
  for (size_t i = 0; i < accepted; ++i) flags[order[i]] = 1;
  return flags;
}

}  // namespace

std::vector<uint8_t> benjamini_hochberg(std::span<const double> p, double q) {
  check_level(q);
  for (const double value : p) {
    if (!(value >= 0.0 && value <= 1.0))
      raise("InputError", "p must lie between 0 and 1, but holds ", value, ".");
  }
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  const auto tests = static_cast<double>(p.size());
  return step_up(p, order, [&](double value, double rank) { return value <= rank * q / tests; });
}

std::vector<uint8_t> e_benjamini_hochberg(std::span<const double> e, double q) {
  check_level(q);
  for (const double value : e) {
    if (!(value >= 0.0)) raise("InputError", "e-values must not be negative, but one is ", value, ".");
  }
  std::vector<size_t> order(e.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return e[a] > e[b]; });
  const auto tests = static_cast<double>(e.size());
  return step_up(e, order, [&](double value, double rank) { return value >= tests / (rank * q); });
}

Combined stouffer(std::span<const double> p, std::span<const double> weights) {
  if (p.empty()) raise("InputError", "p must hold at least one value, but is empty.");
  if (p.size() != weights.size()) {
    raise("InputError", "weights must have ", p.size(), " entries, but has ", weights.size(), ".");
  }
  double sum = 0.0;
  double squares = 0.0;
  for (size_t i = 0; i < p.size(); ++i) {
    if (!(p[i] >= 0.0 && p[i] <= 1.0))
      raise("InputError", "p must lie between 0 and 1, but holds ", p[i], ".");
    if (!(weights[i] >= 0.0))
      raise("InputError", "weights must not be negative, but one is ", weights[i], ".");
    sum -= weights[i] * normal_quantile(std::clamp(p[i], 1e-6, 1.0 - 1e-6));
    squares += weights[i] * weights[i];
  }
  if (!(squares > 0.0)) raise("InputError", "at least one weight must be positive.");
  const double z = sum / std::sqrt(squares);
  return {z, normal_cdf(-z)};
}

double required_sample(double edge, double alpha, double beta, double design_effect, double p0) {
  if (!(edge > 0.0)) raise("InputError", "edge must be positive, but is ", edge, ".");
  if (!(alpha > 0.0 && alpha < 1.0))
    raise("InputError", "alpha must lie between 0 and 1, but is ", alpha, ".");
  if (!(beta > 0.0 && beta < 1.0)) raise("InputError", "beta must lie between 0 and 1, but is ", beta, ".");
  if (!(design_effect > 0.0))
    raise("InputError", "design_effect must be positive, but is ", design_effect, ".");
  if (!(p0 > 0.0 && p0 < 1.0)) raise("InputError", "p0 must lie between 0 and 1, but is ", p0, ".");
  const double z = normal_quantile(1.0 - 0.5 * alpha) + normal_quantile(1.0 - beta);
  const double rows = std::ceil(design_effect * z * z * p0 * (1.0 - p0) / (edge * edge));
  if (!std::isfinite(rows)) raise("InputError", "no number of rows shows an edge of ", edge, ".");
  return rows;
}

}  // namespace smctrain::stats
