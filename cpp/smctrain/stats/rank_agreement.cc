#include "smctrain/stats/rank_agreement.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"

namespace smctrain::stats {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void check_pair(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) {
    raise("InputError", "a and b must have the same length, but have ", a.size(), " and ", b.size(), ".");
  }
  for (const auto values : {a, b}) {
    for (const double value : values) {
      if (std::isnan(value)) raise("InputError", "a and b must hold no NaN, but one is among them.");
    }
  }
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Pairs of equal neighbours in a sorted order.
template <class Equal>
double tied_pairs(size_t n, Equal&& equal) {
  double pairs = 0.0;
  double run = 1.0;
  for (size_t i = 1; i <= n; ++i) {
    if (i < n && equal(i - 1, i)) {
      run += 1.0;
      continue;
    }
    pairs += run * (run - 1.0) / 2.0;
    run = 1.0;
  }
  return pairs;
}

// Sorts and counts the pairs out of order.
double swaps(std::vector<double>& values, std::vector<double>& room, size_t begin, size_t end) {
  if (end - begin < 2) return 0.0;
  const size_t middle = (begin + end) / 2;
  double count = swaps(values, room, begin, middle) + swaps(values, room, middle, end);
  size_t left = begin;
  size_t right = middle;
  for (size_t to = begin; to < end; ++to) {
    if (left < middle && (right == end || values[left] <= values[right])) {
      room[to] = values[left++];
    } else {
      room[to] = values[right++];
      count += static_cast<double>(middle - left);
    }
  }
  std::copy(room.begin() + static_cast<int64_t>(begin), room.begin() + static_cast<int64_t>(end),
            values.begin() + static_cast<int64_t>(begin));
  return count;
}

// Items at each depth, cumulated.
std::vector<double> sizes_of(const RankedList& list, const char* name) {
  if (list.item.empty() || list.item.size() != list.depth.size()) {
    raise("InputError", name, " must hold at least one item.");
  }
  std::vector<double> sizes;
  for (size_t i = 0; i < list.depth.size(); ++i) {
    const auto depth = static_cast<size_t>(list.depth[i]);
    if (depth != sizes.size() && depth != sizes.size() + 1) {
      raise("InputError", name, " must have ranks 1, 2, ... in ascending order.");
    }
    if (depth == sizes.size() + 1) sizes.push_back(sizes.empty() ? 0.0 : sizes.back());
    sizes.back() += 1.0;
  }
  return sizes;
}

}  // namespace

std::vector<double> average_ranks(std::span<const double> values) {
  std::vector<size_t> order;
  order.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size(), kNaN);
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = (static_cast<double>(begin) + static_cast<double>(end) + 1.0) / 2.0;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

std::vector<double> unit_ranks(std::span<const double> values) {
  std::vector<double> ranks = average_ranks(values);
  double sum = 0.0;
  double count = 0.0;
  for (const double rank : ranks) {
    if (std::isnan(rank)) continue;
    sum += rank;
    count += 1.0;
  }
  for (double& rank : ranks) rank = std::isnan(rank) ? 0.0 : rank - sum / count;
  const double length = std::sqrt(dot(ranks, ranks));
  for (double& rank : ranks) rank = length > 0.0 ? rank / length : 0.0;
  return ranks;
}

std::vector<double> spearman_matrix(MatrixView<const float> X, std::span<const int64_t> rows, int threads) {
  for (const int64_t row : rows) {
    if (row < 0 || row >= X.rows) raise("InputError", "rows must lie in 0..", X.rows - 1, ".");
  }
  std::vector<std::vector<double>> ranks(static_cast<size_t>(X.cols));
  parallel_for(X.cols, threads, [&](int64_t j) {
    std::vector<double> values;
    values.reserve(rows.size());
    for (const int64_t row : rows) values.push_back(static_cast<double>(X(row, j)));
    ranks[static_cast<size_t>(j)] = unit_ranks(values);
  });
  std::vector<double> out(static_cast<size_t>(X.cols * X.cols), 1.0);
  parallel_for(X.cols, threads, [&](int64_t a) {
    const auto& left = ranks[static_cast<size_t>(a)];
    const bool flat = dot(left, left) == 0.0;
    for (int64_t b = 0; b < a; ++b) {
      const auto& right = ranks[static_cast<size_t>(b)];
      const double value = flat || dot(right, right) == 0.0 ? kNaN : std::clamp(dot(left, right), -1.0, 1.0);
      out[static_cast<size_t>(a * X.cols + b)] = out[static_cast<size_t>(b * X.cols + a)] = value;
    }
  });
  return out;
}

double spearman(std::span<const double> a, std::span<const double> b) {
  check_pair(a, b);
  const auto left = unit_ranks(a);
  const auto right = unit_ranks(b);
  if (dot(left, left) == 0.0 || dot(right, right) == 0.0) return kNaN;
  return std::clamp(dot(left, right), -1.0, 1.0);
}

double kendall_tau_b(std::span<const double> a, std::span<const double> b) {
  check_pair(a, b);
  const size_t n = a.size();
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t i, size_t j) { return a[i] != a[j] ? a[i] < a[j] : b[i] < b[j]; });
  const double tied_a = tied_pairs(n, [&](size_t i, size_t j) { return a[order[i]] == a[order[j]]; });
  const double tied_both = tied_pairs(
      n, [&](size_t i, size_t j) { return a[order[i]] == a[order[j]] && b[order[i]] == b[order[j]]; });
  std::vector<double> values(n);
  std::vector<double> room(n);
  for (size_t i = 0; i < n; ++i) values[i] = b[order[i]];
  const double discordant = swaps(values, room, 0, n);
  const double tied_b = tied_pairs(n, [&](size_t i, size_t j) { return values[i] == values[j]; });
  const double pairs = static_cast<double>(n) * (static_cast<double>(n) - 1.0) / 2.0;
  const double scale = std::sqrt(pairs - tied_a) * std::sqrt(pairs - tied_b);
  if (!(scale > 0.0)) return kNaN;
  return std::clamp((pairs - tied_a - tied_b + tied_both - 2.0 * discordant) / scale, -1.0, 1.0);
}

Rbo rank_biased_overlap(const RankedList& a, const RankedList& b, double p) {
  if (!(p > 0.0 && p < 1.0)) raise("InputError", "p must lie between 0 and 1, but is ", p, ".");
  const auto size_a = sizes_of(a, "list1");
  const auto size_b = sizes_of(b, "list2");
  const size_t s = std::min(size_a.size(), size_b.size());
  const size_t l = std::max(size_a.size(), size_b.size());
  std::unordered_map<int32_t, std::pair<int32_t, int32_t>> seen;  // depth in a, depth in b; 0: absent
  for (size_t i = 0; i < a.item.size(); ++i) {
    if (!seen.emplace(a.item[i], std::pair{a.depth[i], 0}).second) {
      raise("InputError", "list1 must hold every item once.");
    }
  }
  for (size_t i = 0; i < b.item.size(); ++i) {
    int32_t& depth = seen.emplace(b.item[i], std::pair{0, 0}).first->second.second;
    if (depth != 0) raise("InputError", "list2 must hold every item once.");
    depth = b.depth[i];
  }
  std::vector<double> both(l + 1, 0.0);  // X_d
  for (const auto& [item, depths] : seen) {
    if (depths.first > 0 && depths.second > 0)
      both[static_cast<size_t>(std::max(depths.first, depths.second))] += 1.0;
  }
  for (size_t d = 1; d <= l; ++d) both[d] += both[d - 1];
  const auto size_at = [](const std::vector<double>& sizes, size_t d) {
    return d <= sizes.size() ? sizes[d - 1] : sizes.back() + static_cast<double>(d - sizes.size());
  };
  const auto agreement = [&](size_t d) { return 2.0 * both[d] / (size_at(size_a, d) + size_at(size_b, d)); };
  const auto overlap = [&](size_t d) { return agreement(d) * static_cast<double>(d); };
  const double x_s = overlap(s);
  const double x_l = overlap(l);
  const auto short_length = static_cast<double>(s);
  const auto long_length = static_cast<double>(l);

  double sum = 0.0;
  double power = 1.0;
  double below = 0.0;  // of `min`
  for (size_t d = 1; d <= l; ++d) {
    power *= p;
    const auto depth = static_cast<double>(d);
    sum += power * agreement(d);
    if (d > s) sum += power * x_s * (depth - short_length) / (short_length * depth);
    below += power / depth * (overlap(d) - x_l);
  }
  Rbo result{};
  result.ext = (1.0 - p) / p * sum + power * ((x_l - x_s) / long_length + x_s / short_length);
  result.min = (1.0 - p) / p * (below - x_l * std::log(1.0 - p));

  const double f = std::ceil(long_length + short_length - x_l - 1e-9);
  double after_short = 0.0;
  double after_long = 0.0;
  double all = 0.0;
  double term = 1.0;
  for (double d = 1.0; d <= f; d += 1.0) {
    term *= p;
    if (d > short_length) after_short += term / d;
    if (d > long_length) after_long += term / d;
    all += term / d;
  }
  result.res =
      std::pow(p, short_length) + std::pow(p, long_length) - std::pow(p, f) -
      (1.0 - p) / p *
          (short_length * after_short + long_length * after_long + x_l * (std::log(1.0 / (1.0 - p)) - all));
  return result;
}

namespace {

// Distances between clusters. A cluster is known by one of its members, the one that stayed when it was
// joined.
class Clusters {
 public:
  explicit Clusters(MatrixView<const double> distance)
      : n_(distance.rows),
        distance_(static_cast<size_t>(n_ * n_)),
        size_(static_cast<size_t>(n_), 1.0),
        is_alive_(static_cast<size_t>(n_), 1) {
    for (int64_t i = 0; i < n_; ++i) {
      for (int64_t j = 0; j < n_; ++j) {
        const double value = distance(i, j);
        if (!(value >= 0.0)) raise("InputError", "distance must hold numbers of at least 0.");
        at(i, j) = value;
      }
    }
  }

  int64_t any() const { return std::find(is_alive_.begin(), is_alive_.end(), 1) - is_alive_.begin(); }

  // The nearest cluster; `favourite` (-1: none) wins ties.
  std::pair<int64_t, double> nearest(int64_t to, int64_t favourite) {
    int64_t found = favourite;
    double least = favourite >= 0 ? at(to, favourite) : std::numeric_limits<double>::infinity();
    for (int64_t j = 0; j < n_; ++j) {
      if (j == to || is_alive_[static_cast<size_t>(j)] == 0) continue;
      if (found < 0 || at(to, j) < least) {
        found = j;
        least = at(to, j);
      }
    }
    return {found, least};
  }

  void join(int64_t keep, int64_t gone) {
    const double a = size_[static_cast<size_t>(keep)];
    const double b = size_[static_cast<size_t>(gone)];
    is_alive_[static_cast<size_t>(gone)] = 0;
    size_[static_cast<size_t>(keep)] = a + b;
    for (int64_t j = 0; j < n_; ++j) {
      if (j == keep || is_alive_[static_cast<size_t>(j)] == 0) continue;
      at(keep, j) = at(j, keep) = (a * at(keep, j) + b * at(gone, j)) / (a + b);
    }
  }

 private:
  double& at(int64_t i, int64_t j) { return distance_[static_cast<size_t>(i * n_ + j)]; }

  int64_t n_;
  std::vector<double> distance_;
  std::vector<double> size_;
  std::vector<uint8_t> is_alive_;
};

struct Join {
  int64_t a, b;  // a < b
  double height;
};

// All joins of n members, by chains of nearest neighbours: a chain ends at two that are each other's.
std::vector<Join> joins_of(MatrixView<const double> distance) {
  Clusters clusters(distance);
  std::vector<Join> joins;
  std::vector<int64_t> chain;
  for (int64_t left = distance.rows; left > 1; --left) {
    if (chain.empty()) chain.push_back(clusters.any());
    for (;;) {
      const int64_t last = chain.back();
      const int64_t before = chain.size() > 1 ? chain[chain.size() - 2] : -1;
      // The one before wins ties, so that the chain ends.
      const auto [nearest, height] = clusters.nearest(last, before);
      if (nearest != before) {
        chain.push_back(nearest);
        continue;
      }
      chain.resize(chain.size() - 2);
      joins.push_back({std::min(last, before), std::max(last, before), height});
      clusters.join(joins.back().a, joins.back().b);
      break;
    }
  }
  return joins;
}

}  // namespace

std::vector<int32_t> average_linkage(MatrixView<const double> distance, double cut) {
  const int64_t n = distance.rows;
  if (distance.cols != n)
    raise("InputError", "distance must be square, but is ", n, " x ", distance.cols, ".");
  std::vector<int32_t> root(static_cast<size_t>(n));
  std::iota(root.begin(), root.end(), 0);
  const auto root_of = [&](int64_t i) {
    while (root[static_cast<size_t>(i)] != i) i = root[static_cast<size_t>(i)];
    return i;
  };
  // Heights of average linkage never fall from a member to its cluster, so joins under the cut are whole
  // trees.
  for (const auto& join : joins_of(distance)) {
    if (join.height > cut) continue;
    const int64_t a = root_of(join.a);
    const int64_t b = root_of(join.b);
    root[static_cast<size_t>(std::max(a, b))] = static_cast<int32_t>(std::min(a, b));
  }
  std::vector<int32_t> labels(static_cast<size_t>(n), -1);
  int32_t next = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto r = static_cast<size_t>(root_of(i));
    if (labels[r] < 0) labels[r] = next++;
    labels[static_cast<size_t>(i)] = labels[r];
  }
  return labels;
}

}  // namespace smctrain::stats
