#include "smctrain/stats/pbo.h"

#include <algorithm>
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

// Sums of every configuration over the rows of every block.
struct Blocks {
  int64_t configurations;
  std::vector<double> sums;  // blocks x configurations
  std::vector<double> rows;

  int64_t size() const { return static_cast<int64_t>(rows.size()); }
};

Blocks blocks_of(MatrixView<const double> matrix, int64_t n_blocks, int64_t purge) {
  const int64_t rows = matrix.rows / n_blocks;
  const int64_t first = matrix.rows - rows * n_blocks;
  Blocks blocks{matrix.cols, std::vector<double>(static_cast<size_t>(n_blocks * matrix.cols), 0.0),
                std::vector<double>(static_cast<size_t>(n_blocks), 0.0)};
  for (int64_t b = 0; b < n_blocks; ++b) {
    const int64_t end = first + (b + 1) * rows - (b + 1 < n_blocks ? purge : 0);
    for (int64_t t = first + b * rows; t < end; ++t) {
      for (int64_t c = 0; c < matrix.cols; ++c) {
        if (!std::isfinite(matrix(t, c))) {
          raise("InputError", "matrix must be finite, but row ", t, ", column ", c, " is not.");
        }
        blocks.sums[static_cast<size_t>(b * matrix.cols + c)] += matrix(t, c);
      }
      blocks.rows[static_cast<size_t>(b)] += 1.0;
    }
  }
  return blocks;
}

// Means of every configuration over the blocks that are in (or out of) the choice.
std::vector<double> means(const Blocks& blocks, const std::vector<bool>& in_sample, bool in) {
  std::vector<double> mean(static_cast<size_t>(blocks.configurations), 0.0);
  double rows = 0.0;
  for (int64_t b = 0; b < blocks.size(); ++b) {
    if (in_sample[static_cast<size_t>(b)] != in) continue;
    rows += blocks.rows[static_cast<size_t>(b)];
    for (size_t c = 0; c < mean.size(); ++c) {
      mean[c] += blocks.sums[static_cast<size_t>(b) * mean.size() + c];
    }
  }
  for (double& value : mean) value /= rows;
  return mean;
}

// Logit of the winner's relative rank out of sample.
double logit(const std::vector<double>& inside, const std::vector<double>& outside) {
  const auto winner = static_cast<size_t>(std::max_element(inside.begin(), inside.end()) - inside.begin());
  double below = 0.0;
  double equal = 0.0;
  for (const double value : outside) {
    below += value < outside[winner] ? 1.0 : 0.0;
    equal += value == outside[winner] ? 1.0 : 0.0;
  }
  const double w = (below + 0.5 * (equal + 1.0)) / (static_cast<double>(outside.size()) + 1.0);
  return std::log(w / (1.0 - w));
}

}  // namespace

PboResult pbo(MatrixView<const double> matrix, int64_t n_blocks, int64_t purge, const StopToken& stop) {
  if (n_blocks < 2 || n_blocks % 2 != 0 || n_blocks > kMaxBlocks) {
    raise("InputError", "n_blocks must be an even number from 2 to ", kMaxBlocks, ", but is ", n_blocks, ".");
  }
  if (matrix.cols < 2) {
    raise("InputError", "matrix must have at least 2 columns (configurations), but has ", matrix.cols, ".");
  }
  if (purge < 0) raise("InputError", "horizon must not be negative, but is ", purge, ".");
  if (matrix.rows / n_blocks - purge < 1) {
    raise("TooFewRows", "matrix must have at least ", n_blocks, " x (horizon ", purge, " + 1) rows for ",
          n_blocks, " blocks, but has ", matrix.rows, ". Use fewer blocks.");
  }
  const Blocks blocks = blocks_of(matrix, n_blocks, purge);
  PboResult result{0.0, {}};
  std::vector<int64_t> choice(static_cast<size_t>(n_blocks / 2));
  std::iota(choice.begin(), choice.end(), int64_t{0});
  int64_t worse = 0;
  do {
    if (stop.stop_requested()) break;
    std::vector<bool> in_sample(static_cast<size_t>(n_blocks), false);
    for (const int64_t b : choice) in_sample[static_cast<size_t>(b)] = true;
    result.logits.push_back(logit(means(blocks, in_sample, true), means(blocks, in_sample, false)));
    worse += result.logits.back() <= 0.0 ? 1 : 0;
  } while (next_choice(choice, n_blocks));
  if (!result.logits.empty())
    result.pbo = static_cast<double>(worse) / static_cast<double>(result.logits.size());
  return result;
}

}  // namespace smctrain::stats
