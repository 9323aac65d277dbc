#include "smctrain/stats/pbo.h"

#include <cmath>
#include <numeric>

#include "smctrain/base/error.h"

namespace smctrain::stats {

namespace {

constexpr int64_t kMaxBlocks = 20;  // 184,756 choices

// The next choice of k out of n in lexicographic order; false after the last.
bool next_choice(std::vector<int64_t>& choice, int64_t n) {
  const auto k = static_cast<int64_t>(choice.size());
  int64_t i = k - 1;
  while (i >= 0 && choice[static_cast<size_t>(i)] == n - k + i) --i;
  if (i < 0) return false;
  ++choice[static_cast<size_t>(i)];
  for (int64_t j = i + 1; j < k; ++j) choice[static_cast<size_t>(j)] = choice[static_cast<size_t>(j - 1)] + 1;
  return true;
}

}  // namespace

PboResult pbo(MatrixView<const double> matrix, int64_t n_blocks, int64_t purge, const StopToken& stop) {
  const int64_t configurations = matrix.cols;
  if (n_blocks < 2 || n_blocks % 2 != 0 || n_blocks > kMaxBlocks) {
    raise("InputError", "n_blocks must be an even number from 2 to ", kMaxBlocks, ", but is ", n_blocks, ".");
  }
  if (configurations < 2) {
    raise("InputError", "matrix must have at least 2 columns (configurations), but has ", configurations,
          ".");
  }
  if (purge < 0) raise("InputError", "horizon must not be negative, but is ", purge, ".");
  const int64_t rows = matrix.rows / n_blocks;
  if (rows - purge < 1) {
    raise("TooFewRows", "matrix must have at least ", n_blocks * (purge + 1), " rows for ", n_blocks,
          " blocks, but has ", matrix.rows, ". Use fewer blocks.");
  }
  const int64_t first = matrix.rows - rows * n_blocks;
  std::vector<double> sums(static_cast<size_t>(n_blocks * configurations), 0.0);
  std::vector<int64_t> counts(static_cast<size_t>(n_blocks), 0);
  for (int64_t b = 0; b < n_blocks; ++b) {
    const int64_t end = first + (b + 1) * rows - (b + 1 < n_blocks ? purge : 0);
    for (int64_t t = first + b * rows; t < end; ++t) {
      for (int64_t c = 0; c < configurations; ++c) {
        if (!std::isfinite(matrix(t, c))) {
          raise("InputError", "matrix must be finite, but row ", t, ", column ", c, " is not.");
        }
        sums[static_cast<size_t>(b * configurations + c)] += matrix(t, c);
      }
      ++counts[static_cast<size_t>(b)];
    }
  }

  PboResult result{0.0, {}};
  std::vector<int64_t> choice(static_cast<size_t>(n_blocks / 2));
  std::iota(choice.begin(), choice.end(), int64_t{0});
  std::vector<double> inside(static_cast<size_t>(configurations));
  std::vector<double> outside(static_cast<size_t>(configurations));
  int64_t worse = 0;
  do {
    if (stop.stop_requested()) break;
    std::vector<bool> in_sample(static_cast<size_t>(n_blocks), false);
    for (const int64_t b : choice) in_sample[static_cast<size_t>(b)] = true;
    double rows_in = 0.0;
    double rows_out = 0.0;
    inside.assign(inside.size(), 0.0);
    outside.assign(outside.size(), 0.0);
    for (int64_t b = 0; b < n_blocks; ++b) {
      const bool in = in_sample[static_cast<size_t>(b)];
      (in ? rows_in : rows_out) += static_cast<double>(counts[static_cast<size_t>(b)]);
      auto& target = in ? inside : outside;
      for (int64_t c = 0; c < configurations; ++c) {
        target[static_cast<size_t>(c)] += sums[static_cast<size_t>(b * configurations + c)];
      }
    }
    size_t best = 0;
    for (size_t c = 1; c < inside.size(); ++c) {
      if (inside[c] / rows_in > inside[best] / rows_in) best = c;
    }
    double below = 0.0;
    double equal = 0.0;
    for (const double value : outside) {
      below += value / rows_out < outside[best] / rows_out ? 1.0 : 0.0;
      equal += value / rows_out == outside[best] / rows_out ? 1.0 : 0.0;
    }
    const double w = (below + 0.5 * (equal + 1.0)) / (static_cast<double>(configurations) + 1.0);
    result.logits.push_back(std::log(w / (1.0 - w)));
    worse += result.logits.back() <= 0.0 ? 1 : 0;
  } while (next_choice(choice, n_blocks));
  if (!result.logits.empty())
    result.pbo = static_cast<double>(worse) / static_cast<double>(result.logits.size());
  return result;
}

}  // namespace smctrain::stats
