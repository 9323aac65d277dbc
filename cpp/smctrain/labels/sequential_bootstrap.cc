#include "smctrain/labels/sequential_bootstrap.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"

namespace smctrain::labels {

namespace {
constexpr int64_t kRecomputeEvery = 1024;
}

SequentialBootstrap::SequentialBootstrap(std::span<const int64_t> t0, std::span<const int64_t> t1)
    : t0_(t0), t1_(t1), cover_(label_coverage(t0, t1)) {
  const size_t m = t0.size();
  if (m == 0) raise("InputError", "t0 must have at least one label, but is empty.");
  drawn_.assign(cover_.count.size(), 0);
  order_.resize(m);
  std::iota(order_.begin(), order_.end(), int64_t{0});
  std::stable_sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) {
    return t0_[static_cast<size_t>(a)] < t0_[static_cast<size_t>(b)];
  });
  start_.resize(m);
  latest_.resize(m);
  for (size_t k = 0; k < m; ++k) {
    const auto i = static_cast<size_t>(order_[k]);
    start_[k] = t0_[i];
    latest_[k] = k == 0 ? t1_[i] : std::max(latest_[k - 1], t1_[i]);
  }
  top_ = std::bit_floor(m);
  recompute();
}

void SequentialBootstrap::recompute() {
  prefix_.resize(drawn_.size() + 1);
  prefix_[0] = 0.0;
  for (size_t b = 0; b < drawn_.size(); ++b) {
    prefix_[b + 1] = prefix_[b] + 1.0 / static_cast<double>(1 + drawn_[b]);
  }
  value_.resize(t0_.size());
  for (size_t i = 0; i < value_.size(); ++i) {
    value_[i] =
        (prefix_[cover_.end(t1_[i])] - prefix_[cover_.begin(t0_[i])]) / static_cast<double>(t1_[i] - t0_[i]);
  }
  rebuild_tree();
}

// tree_[j], 1-based: the sum of the values of labels j - lowbit(j) .. j - 1.
void SequentialBootstrap::rebuild_tree() {
  const size_t m = value_.size();
  tree_.assign(m + 1, 0.0);
  for (size_t j = 1; j <= m; ++j) {
    tree_[j] += value_[j - 1];
    const size_t parent = j + (j & (~j + 1));
    if (parent <= m) tree_[parent] += tree_[j];
  }
}

void SequentialBootstrap::add(size_t i, double change) {
  for (size_t j = i + 1; j < tree_.size(); j += j & (~j + 1)) tree_[j] += change;
}

int64_t SequentialBootstrap::pick(double u) const {
  const size_t m = value_.size();
  double total = 0.0;
  for (size_t j = m; j > 0; j -= j & (~j + 1)) total += tree_[j];
  double left = u * total;
  size_t at = 0;
  for (size_t step = top_; step > 0; step /= 2) {
    if (at + step <= m && tree_[at + step] <= left) {
      at += step;
      left -= tree_[at];
    }
  }
  // Rounding may leave a remainder behind the last label.
  return static_cast<int64_t>(std::min(at, m - 1));
}

void SequentialBootstrap::take(int64_t label) {
  const auto drawn = static_cast<size_t>(label);
  const int64_t t0 = t0_[drawn];
  const int64_t t1 = t1_[drawn];
  const size_t begin = cover_.begin(t0);
  const size_t length = static_cast<size_t>(t1 - t0);
  const bool full = ++taken_ % kRecomputeEvery == 0;
  if (!full) {
    prefix_[0] = 0.0;
    for (size_t b = 0; b < length; ++b) {
      const auto d = static_cast<double>(drawn_[begin + b]);
      prefix_[b + 1] = prefix_[b] + (1.0 / (2.0 + d) - 1.0 / (1.0 + d));
    }
  }
  for (size_t b = 0; b < length; ++b) ++drawn_[begin + b];
  if (full) {
    recompute();
    return;
  }
  // Labels before `low` end too early, labels from `high` on start too late.
  const auto low =
      static_cast<size_t>(std::upper_bound(latest_.begin(), latest_.end(), t0) - latest_.begin());
  const auto high = static_cast<size_t>(std::lower_bound(start_.begin(), start_.end(), t1) - start_.begin());
  const size_t levels = static_cast<size_t>(std::bit_width(value_.size()));
  const bool rebuild = (high - low) * levels > 2 * value_.size();
  for (size_t k = low; k < high; ++k) {
    const auto j = static_cast<size_t>(order_[k]);
    if (t1_[j] <= t0) continue;
    const auto from = static_cast<size_t>(std::max(t0_[j], t0) - t0);
    const auto to = static_cast<size_t>(std::min(t1_[j], t1) - t0);
    const double change = (prefix_[to] - prefix_[from]) / static_cast<double>(t1_[j] - t0_[j]);
    value_[j] += change;
    if (!rebuild) add(j, change);
  }
  if (rebuild) rebuild_tree();
}

std::vector<int64_t> sequential_bootstrap(std::span<const int64_t> t0, std::span<const int64_t> t1,
                                          int64_t size, uint64_t seed, const StopToken& stop) {
  if (size < 0) raise("InputError", "size must be at least 0, but is ", size, ".");
  SequentialBootstrap bootstrap(t0, t1);
  Philox random(seed, "labels/sequential_bootstrap");
  std::vector<int64_t> out;
  out.reserve(static_cast<size_t>(size));
  for (int64_t k = 0; k < size; ++k) {
    if (k % 32 == 0 && stop.stop_requested()) break;
    out.push_back(bootstrap.pick(random.uniform()));
    bootstrap.take(out.back());
  }
  return out;
}

}  // namespace smctrain::labels
