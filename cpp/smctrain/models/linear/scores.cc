#include "smctrain/models/linear/scores.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/models/linear/design.h"
#include "smctrain/models/linear/kernels.h"

namespace smctrain::models::linear {

double row_loss(double* score, int64_t n_scores, int32_t y) {
  if (n_scores == 1) {
    const double margin = y == 1 ? score[0] : -score[0];
    const double small = std::exp(-std::abs(margin));
    const double loss = std::log1p(small) + (margin < 0.0 ? -margin : 0.0);
    score[0] = score[0] >= 0.0 ? 1.0 / (1.0 + std::exp(-score[0])) : 1.0 - 1.0 / (1.0 + std::exp(score[0]));
    return loss;
  }
  const double top = *std::max_element(score, score + n_scores);
  const double own = score[y] - top;
  double sum = 0.0;
  for (int64_t k = 0; k < n_scores; ++k) {
    score[k] = std::exp(score[k] - top);
    sum += score[k];
  }
  for (int64_t k = 0; k < n_scores; ++k) score[k] /= sum;
  return std::log(sum) - own;
}

void probabilities(const double* scores, int64_t n, int64_t n_scores, double* out) {
  for (int64_t i = 0; i < n; ++i) {
    if (n_scores == 1) {
      double up = scores[i];
      row_loss(&up, 1, 0);
      out[2 * i] = 1.0 - up;
      out[2 * i + 1] = up;
    } else {
      std::copy(scores + i * n_scores, scores + (i + 1) * n_scores, out + i * n_scores);
      row_loss(out + i * n_scores, n_scores, 0);
    }
  }
}

void linear_scores(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const double> coefs,
                   std::span<const double> intercepts, int threads, const StopToken& stop, double* out) {
  constexpr int64_t kRows = 32;
  const int64_t d = X.cols;
  const int64_t stride = padded(d);
  const auto n_scores = static_cast<int64_t>(intercepts.size());
  const auto n = static_cast<int64_t>(rows.size());
  std::vector<double> vectors(static_cast<size_t>(n_scores * stride), 0.0);
  for (int64_t k = 0; k < n_scores; ++k) {
    std::copy(coefs.begin() + k * d, coefs.begin() + (k + 1) * d, vectors.begin() + k * stride);
  }
  for (const int64_t row : rows) {
    if (row < 0 || row >= X.rows)
      raise("InputError", "rows must lie in 0..", X.rows - 1, ", but holds ", row, ".");
  }
  const std::vector<double> zeros(static_cast<size_t>(d), 0.0);
  const std::vector<double> units(static_cast<size_t>(d), 1.0);
  const int64_t chunks = std::max<int64_t>(1, n / 4096);
  parallel_for(chunks, threads, [&](int64_t chunk) {
    std::vector<double> block(static_cast<size_t>(kRows * stride), 0.0);
    std::vector<double> score(static_cast<size_t>(kRows));
    const int64_t end = n * (chunk + 1) / chunks;
    for (int64_t first = n * chunk / chunks; first < end; first += kRows) {
      if (stop.stop_requested()) return;
      const int64_t count = std::min(kRows, end - first);
      for (int64_t r = 0; r < count; ++r) {
        standardise_row(&X(rows[static_cast<size_t>(first + r)], 0), d, zeros.data(), units.data(),
                        block.data() + r * stride);
      }
      for (int64_t k = 0; k < n_scores; ++k) {
        block_times(block.data(), count, stride, vectors.data() + k * stride, score.data());
        for (int64_t r = 0; r < count; ++r) {
          out[(first + r) * n_scores + k] =
              score[static_cast<size_t>(r)] + intercepts[static_cast<size_t>(k)];
        }
      }
    }
  });
}

}  // namespace smctrain::models::linear
