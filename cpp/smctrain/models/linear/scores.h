// Scores of linear models, and the probabilities and loss that logistic regression makes of them.
#pragma once

#include <cstdint>
#include <span>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::models::linear {

// Probabilities of one row in place of its scores (one for two classes); returns -log p of class y.
double row_loss(double* score, int64_t n_scores, int32_t y);

// Probabilities (n x classes) from scores (n x 1 or n x classes), in place of them for more than two classes.
void probabilities(const double* scores, int64_t n, int64_t n_scores, double* out);

// Scores (rows x n_scores) = X coef' + intercept.
void linear_scores(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const double> coefs,
                   std::span<const double> intercepts, int threads, const StopToken& stop, double* out);

}  // namespace smctrain::models::linear
