// Quantile regression forest: quantiles of the training targets under the weights the leaves of a row give.
#include <algorithm>
#include <atomic>
#include <cmath>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/models/forest/forest.h"

namespace smctrain::models {

bool Forest::quantiles(MatrixView<const float> X, std::span<const double> levels, int threads,
                       const StopToken& stop, double* out) const {
  constexpr int64_t kBlock = 64;
  constexpr double kRounding = 1e-12;  // of a sum of weights that should reach a level exactly
  const LeafMembers& members = state_.members;
  if (members.empty()) raise("InputError", "this forest keeps no training targets, so it has no quantiles.");
  if (X.cols != state_.n_features) {
    raise("InputError", "X must have ", state_.n_features, " columns, as in training, but has ", X.cols, ".");
  }
  for (const double level : levels) {
    if (!(level >= 0.0 && level <= 1.0)) {
      raise("InputError", "quantiles must lie in 0..1, but one is ", level, ".");
    }
  }
  std::vector<size_t> ascending(levels.size());
  for (size_t q = 0; q < levels.size(); ++q) ascending[q] = q;
  std::stable_sort(ascending.begin(), ascending.end(),
                   [&](size_t a, size_t b) { return levels[a] < levels[b]; });
  std::atomic<bool> stopped{false};
  parallel_for((X.rows + kBlock - 1) / kBlock, threads, [&](int64_t block) {
    if (stop.stop_requested()) {
      stopped.store(true, std::memory_order_relaxed);
      return;
    }
    std::vector<double> mass(members.target.size(), 0.0);
    std::vector<int32_t> leaves(static_cast<size_t>(n_trees()));
    const int64_t end = std::min(X.rows, (block + 1) * kBlock);
    for (int64_t i = block * kBlock; i < end; ++i) {
      leaves_of(X.data + i * X.row_stride, leaves.data());
      std::fill(mass.begin(), mass.end(), 0.0);
      for (const int32_t leaf : leaves) {
        const auto from = static_cast<size_t>(members.start[static_cast<size_t>(leaf)]);
        const auto to = static_cast<size_t>(members.start[static_cast<size_t>(leaf) + 1]);
        for (size_t m = from; m < to; ++m) mass[static_cast<size_t>(members.rank[m])] += members.weight[m];
      }
      const auto trees = static_cast<double>(n_trees());
      size_t next = 0;
      size_t last = 0;  // the greatest target with weight: rounding may leave a level of 1 unreached
      double sum = 0.0;
      for (size_t t = 0; t < mass.size() && next < ascending.size(); ++t) {
        if (mass[t] <= 0.0) continue;
        sum += mass[t];
        last = t;
        while (next < ascending.size() && sum / trees >= levels[ascending[next]] - kRounding) {
          out[i * static_cast<int64_t>(levels.size()) + static_cast<int64_t>(ascending[next++])] =
              members.target[t];
        }
      }
      for (; next < ascending.size(); ++next) {
        out[i * static_cast<int64_t>(levels.size()) + static_cast<int64_t>(ascending[next])] =
            members.target[last];
      }
    }
  });
  return !stopped.load();
}

}  // namespace smctrain::models
