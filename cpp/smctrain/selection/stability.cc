#include "smctrain/selection/stability.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/base/rng.h"

namespace smctrain::selection {

std::vector<std::vector<int64_t>> half_samples(int64_t rows, int64_t block, int64_t pair, uint64_t seed) {
  const int64_t blocks = (rows + block - 1) / block;
  std::vector<int64_t> order(static_cast<size_t>(blocks));
  std::iota(order.begin(), order.end(), 0);
  Philox stream(seed, format("stability/blocks/", pair));
  for (int64_t i = blocks - 1; i > 0; --i) {
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(stream.below(i + 1))]);
  }
  const int64_t half = blocks / 2;
  std::vector<std::vector<int64_t>> halves(2);
  for (int64_t side = 0; side < 2; ++side) {
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(side * half);
    std::vector<int64_t> taken(begin, begin + static_cast<std::ptrdiff_t>(half));
    std::sort(taken.begin(), taken.end());
    auto& out = halves[static_cast<size_t>(side)];
    for (const int64_t b : taken) {
      for (int64_t i = b * block; i < std::min(rows, (b + 1) * block); ++i) out.push_back(i);
    }
  }
  return halves;
}

StabilityResult stability_selection(MatrixView<const float> X, const Target& target,
                                    const StabilitySettings& settings, const StopToken& stop) {
  check_target(target, X.rows);
  if (settings.block < 1 || settings.pairs < 1 || settings.n_select < 1) {
    raise("InputError", "block, pairs and n_select must be at least 1, but are ", settings.block, ", ",
          settings.pairs, " and ", settings.n_select, ".");
  }
  if (X.rows < 2 * settings.block) {
    raise("TooFewRows", "halves of time blocks need at least 2 blocks of ", settings.block,
          " rows, but there are ", X.rows, " rows. Give more history or shorten the horizon.");
  }
  const auto d = static_cast<size_t>(X.cols);
  const Prepared prepared = prepare(X, target, settings.n_bins, settings.threads, stop);
  const int64_t samples = 2 * settings.pairs;
  std::vector<std::vector<double>> consensus(static_cast<size_t>(samples));
  parallel_for(samples, settings.threads, [&](int64_t sample) {
    if (stop.stop_requested()) return;
    auto halves = half_samples(X.rows, settings.block, sample / 2, settings.seed);
    const auto& rows = halves[static_cast<size_t>(sample % 2)];
    SmallForest forest = settings.forest;
    forest.seed = Philox(settings.seed, format("stability/forest/", sample)).next();
    const auto scores = column_scores(X, prepared, rows, target, settings.methods, forest, 1, stop);
    if (!scores.empty()) consensus[static_cast<size_t>(sample)] = rank_consensus(scores);
  });

  StabilityResult result;
  result.chosen.assign(d, 0);
  result.consensus.assign(d, 0.0);
  const auto done = [&](int64_t sample) { return !consensus[static_cast<size_t>(sample)].empty(); };
  std::vector<size_t> order(d);
  for (int64_t pair = 0; pair < settings.pairs && done(2 * pair) && done(2 * pair + 1); ++pair) {
    for (int64_t side = 0; side < 2; ++side) {
      const auto& values = consensus[static_cast<size_t>(2 * pair + side)];
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] > values[b]; });
      const auto q = std::min(d, static_cast<size_t>(settings.n_select));
      for (size_t k = 0; k < q; ++k) ++result.chosen[order[k]];
      for (size_t j = 0; j < d; ++j) result.consensus[j] += values[j];
      ++result.samples;
    }
  }
  for (double& value : result.consensus) value /= static_cast<double>(std::max<int64_t>(1, result.samples));
  if (result.samples < samples) result.stop_reason = stop.reason();
  return result;
}

}  // namespace smctrain::selection
