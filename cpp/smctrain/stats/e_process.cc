#include "smctrain/stats/e_process.h"

#include <algorithm>
#include <array>

#include "smctrain/base/error.h"

namespace smctrain::stats {

namespace {

constexpr std::array<double, 4> kBets = {0.05, 0.1, 0.2, 0.3};
constexpr double kLowestShare = 0.05;
constexpr double kHighestShare = 0.95;
constexpr double kWealthCap = 1e250;
constexpr int64_t kLongestHorizon = 1'000'000;  // one account per row of the horizon, bet and model

// Sum of `count` slots, each of which changes one at a time: leaf updates walk to the root.
class SumTree {
 public:
  explicit SumTree(int64_t count) {
    while (leaves_ < count) leaves_ *= 2;
    nodes_.assign(static_cast<size_t>(2 * leaves_), 0.0);
  }
  void set(int64_t slot, double value) {
    auto node = static_cast<size_t>(leaves_ + slot);
    nodes_[node] = value;
    for (node /= 2; node >= 1; node /= 2) nodes_[node] = nodes_[2 * node] + nodes_[2 * node + 1];
  }
  double total() const { return nodes_[1]; }

 private:
  int64_t leaves_ = 1;
  std::vector<double> nodes_;
};

}  // namespace

std::vector<double> e_process(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                              int64_t n_classes, const EProcessSettings& settings) {
  const auto n = static_cast<int64_t>(y.size());
  const int64_t h = settings.horizon;
  const int64_t k = predictions.rows;
  if (h < 1 || h > kLongestHorizon) {
    raise("InputError", "horizon must be from 1 to ", kLongestHorizon, " rows, but is ", h, ".");
  }
  if (k == 0) raise("InputError", "predictions must hold at least one model, but has none.");
  if (predictions.cols != n) {
    raise("InputError", "predictions must have as many rows in time as y_true (", n, "), but has ",
          predictions.cols, ".");
  }
  const bool class_odds = !settings.train_shares.empty();
  if (!class_odds && !(settings.baseline > 0.0 && settings.baseline < 1.0)) {
    raise("InputError", "baseline must lie between 0 and 1, but is ", settings.baseline, ".");
  }
  if (class_odds && static_cast<int64_t>(settings.train_shares.size()) != n_classes) {
    raise("InputError", "train_shares must have one entry per class (", n_classes, "), but has ",
          settings.train_shares.size(), ".");
  }

  const auto bets = static_cast<int64_t>(kBets.size());
  std::vector<double> wealth(static_cast<size_t>(h * k * bets), 1.0);
  SumTree streams(h);
  for (int64_t j = 0; j < h; ++j) streams.set(j, static_cast<double>(k * bets));
  const double mean_divisor = static_cast<double>(h) * static_cast<double>(k * bets);

  std::vector<int64_t> resolved(static_cast<size_t>(n_classes), 0);
  int64_t resolved_total = 0;
  std::vector<double> path;
  path.reserve(static_cast<size_t>(n + 1));
  path.push_back(1.0);
  for (int64_t t = 0; t < n; ++t) {
    if (class_odds && t >= h) {
      const int32_t code = y[static_cast<size_t>(t - h)];
      if (code >= 0 && code < n_classes) {
        ++resolved[static_cast<size_t>(code)];
        ++resolved_total;
      }
    }
    const int64_t j = t % h;
    double stream_sum = 0.0;
    for (int64_t m = 0; m < k; ++m) {
      const int32_t code = predictions(m, t);
      double* money = wealth.data() + (j * k + m) * bets;
      if (code >= 0 && code < n_classes) {
        double q = settings.baseline;
        if (class_odds) {
          q = settings.train_shares[static_cast<size_t>(code)];
          if (resolved_total > 0) {
            q = std::max(q, static_cast<double>(resolved[static_cast<size_t>(code)]) /
                                static_cast<double>(resolved_total));
          }
          q = std::clamp(q, kLowestShare, kHighestShare);
        }
        const double right = code == y[static_cast<size_t>(t)] ? 1.0 : 0.0;
        const double gain = (right - q) / std::max(q, 1.0 - q);
        for (int64_t b = 0; b < bets; ++b) {
          money[b] = std::min(money[b] * (1.0 + kBets[static_cast<size_t>(b)] * gain), kWealthCap);
        }
      }
      for (int64_t b = 0; b < bets; ++b) stream_sum += money[b];
    }
    streams.set(j, stream_sum);
    path.push_back(streams.total() / mean_divisor);
  }
  return path;
}

}  // namespace smctrain::stats
