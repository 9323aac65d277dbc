#include "smctrain/stats/bootstrap.h"

#include <string>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/base/rng.h"

namespace smctrain::stats {

std::vector<double> bootstrap_means(std::span<const double> values, double mean_block, int64_t draws,
                                    uint64_t seed, int threads, const StopToken& stop) {
  const auto n = static_cast<int64_t>(values.size());
  if (n < 1) raise("TooFewRows", "values must hold at least one row, but is empty.");
  if (!(mean_block >= 1.0)) raise("InputError", "mean_block must be at least 1, but is ", mean_block, ".");
  if (draws < 1) raise("InputError", "draws must be at least 1, but is ", draws, ".");
  const double restart = 1.0 / mean_block;
  std::vector<double> means(static_cast<size_t>(draws), 0.0);
  parallel_for(draws, threads, [&](int64_t draw) {
    if (stop.stop_requested()) return;
    Philox stream(seed, "stationary_bootstrap/" + std::to_string(draw));
    double sum = 0.0;
    int64_t i = stream.below(n);
    for (int64_t t = 0; t < n; ++t) {
      sum += values[static_cast<size_t>(i)];
      if (stream.uniform() < restart) {
        i = stream.below(n);
      } else if (++i == n) {
        i = 0;
      }
    }
    means[static_cast<size_t>(draw)] = sum / static_cast<double>(n);
  });
  return means;
}

}  // namespace smctrain::stats
