// Do probabilities mean what they say, and how to make them.
//
//   reliability  rows sorted by confidence (the highest probability; row order among equals), bins of equal
//   count:
//                rows, mean confidence, accuracy. ECE = sum n_b / n |accuracy_b - confidence_b|
//   Platt        p' = 1 / (1 + exp(-(slope s + offset))), maximum likelihood without penalty, Newton's method
//   with
//                step halving. Where the score parts the classes perfectly there is no maximum: is_finite is
//                false and the last step is kept
//   isotonic     non-decreasing step function of least squares (pool adjacent violators), equal scores pooled
//   first;
//                knots for linear interpolation between them
//   temperature  one number: p'_c ~ p_c^(1/T), maximum likelihood, Newton's method on 1/T within [1e-3, 1e3]
//
// O(n log n). Sources: Platt (1999); Zadrozny and Elkan, KDD (2002); Guo et al., ICML (2017).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::metrics {

struct ReliabilityTable {
  std::vector<int64_t> rows;
  std::vector<double> confidence;
  std::vector<double> accuracy;
  std::vector<double> lowest;  // confidence of the bin's first row
  std::vector<double> highest;
};

ReliabilityTable reliability_table(std::span<const double> confidence, std::span<const uint8_t> correct,
                                   int64_t bins);

struct PlattFit {
  double slope;
  double offset;
  bool is_finite;
};

// `score` finite; `is_positive` must hold both values.
PlattFit fit_platt(std::span<const double> score, std::span<const uint8_t> is_positive);

struct IsotonicFit {
  std::vector<double> score;  // ascending
  std::vector<double> value;
};

IsotonicFit fit_isotonic(std::span<const double> score, std::span<const uint8_t> is_positive);

// log_proba: n x K, finite. Returns T.
double fit_temperature(MatrixView<const double> log_proba, std::span<const int32_t> y_true);

}  // namespace smctrain::metrics
