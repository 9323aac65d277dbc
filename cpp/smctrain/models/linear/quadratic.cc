#include "smctrain/models/linear/quadratic.h"

#include <algorithm>
#include <cmath>

#include "smctrain/models/linear/kernels.h"

namespace smctrain::models::linear {

namespace {

// Largest change of a coordinate's own slope.
double step(const Quadratic& quadratic, int64_t j, double l1, std::span<double> b, std::span<double> slope) {
  const double* row = quadratic.matrix + j * quadratic.stride;
  const double curvature = row[j];
  if (!(curvature > 0.0)) return 0.0;
  double& entry = b[static_cast<size_t>(j)];
  const double wanted = soft_threshold(slope[static_cast<size_t>(j)] + curvature * entry, l1) / curvature;
  const double change = wanted - entry;
  if (change == 0.0) return 0.0;
  entry = wanted;
  add_scaled(-change, row, slope.data(), quadratic.size);
  return std::abs(change) * curvature;
}

}  // namespace

int64_t descend(const Quadratic& quadratic, std::span<const double> l1, double least, int64_t max_sweeps,
                const StopToken& stop, std::span<double> b, std::span<double> slope) {
  std::vector<int64_t> active;
  int64_t sweeps = 0;
  while (sweeps < max_sweeps) {
    if (stop.stop_requested()) break;
    double largest = 0.0;
    active.clear();
    for (int64_t j = 0; j < quadratic.size; ++j) {
      largest = std::max(largest, step(quadratic, j, l1[static_cast<size_t>(j)], b, slope));
      if (b[static_cast<size_t>(j)] != 0.0) active.push_back(j);
    }
    ++sweeps;
    if (largest <= least) break;
    while (sweeps < max_sweeps && largest > least) {
      if (stop.stop_requested()) return sweeps;
      largest = 0.0;
      for (const int64_t j : active) {
        largest = std::max(largest, step(quadratic, j, l1[static_cast<size_t>(j)], b, slope));
      }
      ++sweeps;
    }
  }
  return sweeps;
}

}  // namespace smctrain::models::linear
