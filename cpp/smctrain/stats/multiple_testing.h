// Many tests at once, and how many rows one test needs.
//
//   Benjamini-Hochberg   accept the largest i with p_(i) <= i q / S and everything smaller
//   e-BH                 accept the largest i with e_(i) >= S / (i q) and everything larger (any dependence)
//   Stouffer             z = sum w z_{1-p} / sqrt(sum w^2), p clipped to [1e-6, 1 - 1e-6]
//   required sample      ceil(DEFF (z_{1-alpha/2} + z_{1-beta})^2 p0 (1 - p0) / edge^2)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace smctrain::stats {

// One flag per test, in the order given: 1 = accepted.
std::vector<uint8_t> benjamini_hochberg(std::span<const double> p, double q);
std::vector<uint8_t> e_benjamini_hochberg(std::span<const double> e, double q);

struct Combined {
  double z;
  double p;
};

Combined stouffer(std::span<const double> p, std::span<const double> weights);

double required_sample(double edge, double alpha, double beta, double design_effect, double p0);

}  // namespace smctrain::stats
