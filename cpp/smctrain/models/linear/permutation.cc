#include "smctrain/models/linear/permutation.h"

#include "smctrain/base/error.h"

namespace smctrain::models::linear {

MovedScores moved_scores(std::span<const double> coefs, std::span<const double> intercepts, Link link,
                         MatrixView<const float> X, const Score& score, const Moves& moves, int threads,
                         const StopToken& stop) {
  check_moves(moves, X.rows, X.cols);
  if (score.rows() != X.rows || X.rows == 0) {
    raise("InputError", "y must have ", X.rows, " entries, one for each row of X, but has ", score.rows(),
          ".");
  }
  const auto width = static_cast<int64_t>(intercepts.size());
  return score_moves(score, link, width, 1.0, moves, threads, stop, [&](const MoveBlock& block) {
    const int64_t size = block.end - block.begin;
    for (int64_t i = 0; i < size; ++i) {
      if (stop.stop_requested()) return false;
      const auto row = X.row(block.begin + i);
      for (int64_t c = 0; c < width; ++c) {
        const double* coef = coefs.data() + c * X.cols;
        double sum = intercepts[static_cast<size_t>(c)];
        for (int64_t j = 0; j < X.cols; ++j)
          sum += coef[j] * static_cast<double>(row[static_cast<size_t>(j)]);
        block.base[i * width + c] = sum;
      }
      for (int64_t r = 0; r < moves.repeats; ++r) {
        const auto other = X.row(moves.sources[static_cast<size_t>(r * X.rows + block.begin + i)]);
        for (int64_t j = 0; j < X.cols; ++j) {
          const int32_t g = moves.group_of[static_cast<size_t>(j)];
          if (g < block.first_group || g >= block.last_group) continue;
          const double step = static_cast<double>(other[static_cast<size_t>(j)]) -
                              static_cast<double>(row[static_cast<size_t>(j)]);
          double* change = block.change + (((g - block.first_group) * moves.repeats + r) * size + i) * width;
          for (int64_t c = 0; c < width; ++c) change[c] += coefs[static_cast<size_t>(c * X.cols + j)] * step;
        }
      }
    }
    return true;
  });
}

}  // namespace smctrain::models::linear
