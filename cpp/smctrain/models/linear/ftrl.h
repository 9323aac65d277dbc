// FTRL-proximal logistic regression, one row at a time, exactly as published.
//
//   z_i, n_i   state of coordinate i
//   weight     w_i = 0 if |z_i| <= l1, else -(z_i - sign(z_i) l1) / ((beta + sqrt n_i) / alpha + l2)
//   row        p = sigmoid(x . w); for each i with x_i != 0: g = (p - y) x_i,
//              sigma = (sqrt(n_i + g^2) - sqrt n_i) / alpha, z_i += g - sigma w_i, n_i += g^2
//
// Ours beside the publication: the intercept is a coordinate with x = 1 and l1 = l2 = 0; a row weight
// multiplies g; more than two classes are fitted one against the rest. Cost: d a row and model. No
// randomness. Source: McMahan et al., "Ad Click Prediction: a View from the Trenches" (2013), Algorithm 1.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "smctrain/base/progress.h"
#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::models::linear {

struct FtrlSettings {
  double alpha = 0.1;
  double beta = 1.0;
  double l1 = 0.0;
  double l2 = 0.0;
  bool fit_intercept = true;
  Progress progress;  // rows seen, after every stretch of the history
};

// Model k: entries k (d + 1) .. k (d + 1) + d, the intercept last.
struct FtrlState {
  std::vector<double> z, n;
};

struct FtrlPass {
  int64_t rows_seen = 0;
  // Loss and accuracy of predictions made before each row was learned, in stretches of rows.
  std::vector<double> step, loss, accuracy;
  std::string stop_reason;
};

// y: class codes of all rows of X. n_models is 1 for two classes (code 1 is y = 1), else the number of
// classes.
FtrlPass ftrl_pass(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const int32_t> y,
                   std::span<const double> weight, int64_t n_models, const FtrlSettings& settings,
                   const StopToken& stop, FtrlState& state);

// Weights of all models, models x (d + 1).
std::vector<double> ftrl_weights(const FtrlState& state, int64_t n_models, const FtrlSettings& settings);

}  // namespace smctrain::models::linear
