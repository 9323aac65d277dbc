#include "smctrain/models/forest/shap.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <numbers>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"

namespace smctrain::models {

namespace {

using namespace explaining;

constexpr int64_t kFewRows = 64;  // that share the tables of a tree, at least and at most
constexpr int64_t kManyRows = 512;

// Points and weights of Gauss-Legendre quadrature on 0..1.
void quadrature(int n, double* points, double* weights) {
  for (int i = 0; i < n; ++i) {
    double x = std::cos(std::numbers::pi * (i + 0.75) / (n + 0.5));
    double slope = 1.0;
    for (int iteration = 0; iteration < 100; ++iteration) {
      double previous = 1.0;
      double value = x;
      for (int k = 2; k <= n; ++k) {
        const double next = ((2 * k - 1) * x * value - (k - 1) * previous) / k;
        previous = value;
        value = next;
      }
      slope = n * (x * value - previous) / (x * x - 1.0);
      const double change = value / slope;
      x -= change;
      if (std::abs(change) < 1e-16) break;
    }
    points[i] = (1.0 + x) / 2.0;
    weights[i] = 1.0 / ((1.0 - x * x) * slope * slope);
  }
}

// Numbers from a multiple of 64 bytes on.
class Aligned {
 public:
  double* take(int64_t n) {
    if (lines_.size() * kLine < static_cast<size_t>(n))
      lines_.resize((static_cast<size_t>(n) + kLine - 1) / kLine);
    return lines_.empty() ? nullptr : lines_.data()->numbers.data();
  }

 private:
  static constexpr size_t kLine = 8;
  struct alignas(64) Line {
    std::array<double, kLine> numbers{};
  };
  std::vector<Line> lines_;
};

// Everything about a tree's edges that no row changes.
class TreeTables {
 public:
  void prepare(const ForestState& state, size_t tree);
  const ListedTree& tree() const { return tree_; }
  const std::vector<double>& base() const { return base_; }

 private:
  struct Edge {
    int32_t parent = -1;
    int32_t above = -1;  // -1: none
    int32_t column = -1;
    int32_t level = 0;
    double shrink = 1.0;  // z / z of the edge above: the factor where the row left the path before
  };
  void list_steps(const ForestState& state, size_t begin, size_t n_nodes);

  ListedTree tree_{};
  std::vector<Step> steps_;
  std::vector<Edge> edges_;
  std::vector<double> tables_, leaf_values_, z_, weights_, base_;
};

void TreeTables::prepare(const ForestState& state, size_t tree) {
  const auto begin = static_cast<size_t>(state.node_start[tree]);
  const size_t n_nodes = static_cast<size_t>(state.node_start[tree + 1]) - begin;
  const auto k = static_cast<size_t>(state.n_classes);
  edges_.assign(n_nodes, {});
  z_.assign(n_nodes, 1.0);
  std::vector<int> path_columns(n_nodes, 0);
  int most = 1;
  int32_t deepest = 0;
  for (size_t node = 0; node < n_nodes; ++node) {
    const int32_t column = state.feature[begin + node];
    if (column < 0) continue;
    auto above = static_cast<int32_t>(node);
    while (above > 0 && edges_[static_cast<size_t>(above)].column != column)
      above = edges_[static_cast<size_t>(above)].parent;
    if (above == 0) above = -1;
    for (int side = 0; side < 2; ++side) {
      const auto child = static_cast<size_t>(state.left[begin + node] + side);
      const double share = state.cover[begin + child] / state.cover[begin + node];
      edges_[child] = {static_cast<int32_t>(node), above, column, edges_[node].level + 1, share};
      z_[child] = share * (above >= 0 ? z_[static_cast<size_t>(above)] : 1.0);
      path_columns[child] = path_columns[node] + (above < 0 ? 1 : 0);
      most = std::max(most, path_columns[child]);
      deepest = std::max(deepest, edges_[child].level);
    }
  }
  const auto n = static_cast<size_t>((most + 1) / 2);
  tree_.n_points = static_cast<int>(n);
  tree_.n_values = static_cast<int>(k > 1 ? k - 1 : 1);  // the last class is what the others leave
  tree_.n_levels = deepest + 1;
  std::vector<double> t(n);
  weights_.resize(n);
  quadrature(static_cast<int>(n), t.data(), weights_.data());
  tree_.weights = weights_.data();
  tables_.resize(n_nodes * 4 * n);
  for (size_t node = 1; node < n_nodes; ++node) {
    const Edge& edge = edges_[node];
    const double z = z_[node];
    const double z_above = edge.above >= 0 ? z_[static_cast<size_t>(edge.above)] : 1.0;
    double* table = tables_.data() + node * 4 * n;
    for (size_t q = 0; q < n; ++q) {
      const double f_above = t[q] + (1.0 - t[q]) * z_above;  // 1 where there is none
      const double f_taken = t[q] + (1.0 - t[q]) * z;
      const double gain_above = (1.0 - z_above) / f_above;  // 0 where there is none
      table[q] = f_taken / f_above;
      table[n + q] = (1.0 - t[q]) * z / f_above;
      table[2 * n + q] = (1.0 - z) / f_taken - gain_above;
      table[3 * n + q] = -1.0 / (1.0 - t[q]) - gain_above;
    }
  }
  const auto n_values = static_cast<size_t>(tree_.n_values);
  base_.assign(k, 0.0);
  leaf_values_.resize(n_nodes * n_values);
  for (size_t node = 0; node < n_nodes; ++node) {
    if (state.feature[begin + node] >= 0) continue;
    const double* value =
        state.leaf_share.data() + static_cast<size_t>(state.leaf_start[tree] + state.left[begin + node]) * k;
    std::copy_n(value, n_values, leaf_values_.begin() + static_cast<int64_t>(node * n_values));
    const double share = state.cover[begin + node] / state.cover[begin];
    for (size_t c = 0; c < k; ++c) base_[c] += share * value[c];
  }
  list_steps(state, begin, n_nodes);
}

void TreeTables::list_steps(const ForestState& state, size_t begin, size_t n_nodes) {
  steps_.clear();
  steps_.reserve(2 * n_nodes);
  const auto step_of = [&](Act act, size_t node) {
    const Edge& edge = edges_[node];
    const size_t i = begin + node;
    const bool left = edge.parent >= 0 &&
                      state.left[begin + static_cast<size_t>(edge.parent)] == static_cast<int32_t>(node);
    // Where the row left the path at the edge above, both gains are -1 / (1 - t): nothing is left to add.
    return Step{act,
                left,
                state.missing_left[i] != 0,
                edge.level,
                edge.above >= 0 ? edges_[static_cast<size_t>(edge.above)].level : 0,
                edge.column,
                state.feature[i],
                state.threshold[i],
                edge.shrink,
                tables_.data() + node * 4 * static_cast<size_t>(tree_.n_points),
                leaf_values_.data() + node * static_cast<size_t>(tree_.n_values)};
  };
  struct Waiting {
    int32_t node;
    bool done;  // its children are
  };
  std::vector<Waiting> stack{{0, false}};
  while (!stack.empty()) {
    const auto [node, done] = stack.back();
    stack.pop_back();
    const auto at = static_cast<size_t>(node);
    const bool leaf = state.feature[begin + at] < 0;
    if (leaf && node == 0) continue;  // nothing is asked, nothing contributes
    steps_.push_back(step_of(leaf ? Act::kLeaf : done ? Act::kLeave : Act::kEnter, at));
    if (leaf || done) continue;
    stack.push_back({node, true});
    stack.push_back({state.left[begin + at] + 1, false});
    stack.push_back({state.left[begin + at], false});
  }
  tree_.steps = steps_.data();
  tree_.n_steps = static_cast<int64_t>(steps_.size());
}

}  // namespace

bool shap_values(const Forest& forest, MatrixView<const float> X, int threads, const StopToken& stop,
                 const explaining::Kernels& kernels, double* out) {
  const ForestState& state = forest.state();
  if (state.cover.empty()) {
    raise("InputError", "this forest was stored without node masses, which SHAP values need: fit it again.");
  }
  if (X.cols != state.n_features) {
    raise("InputError", "X must have ", state.n_features, " columns, as in training, but has ", X.cols, ".");
  }
  const int64_t k = state.n_classes;
  const int64_t width = (state.n_features + 1) * k;
  const int64_t lanes = kernels.lanes;
  // All trees are prepared once a block.
  const int64_t block_rows = std::clamp((X.rows + threads - 1) / std::max(threads, 1), kFewRows, kManyRows);
  std::atomic<bool> stopped{false};
  parallel_for((X.rows + block_rows - 1) / block_rows, threads, [&](int64_t block) {
    const int64_t begin = block * block_rows;
    const int64_t n = std::min(X.rows - begin, block_rows);
    const int64_t groups = (n + lanes - 1) / lanes;
    const int64_t n_values = k > 1 ? k - 1 : 1;
    const int64_t n_phi = state.n_features * n_values;
    Aligned x_room;
    Aligned phi_room;
    Aligned work_room;
    double* x = x_room.take(groups * state.n_features * lanes + lanes);
    double* phi = phi_room.take(groups * n_phi * lanes + lanes);
    for (int64_t i = 0; i < groups * lanes; ++i) {
      const float* row = X.data + (begin + std::min(i, n - 1)) * X.row_stride;
      double* group = x + i / lanes * state.n_features * lanes + i % lanes;
      for (int64_t j = 0; j < state.n_features; ++j) group[j * lanes] = row[j];
    }
    TreeTables tables;
    std::vector<double> base(static_cast<size_t>(k), 0.0);
    for (int64_t tree = 0; tree < forest.n_trees(); ++tree) {
      tables.prepare(state, static_cast<size_t>(tree));
      double* work = work_room.take(work_size(tables.tree()) * lanes);
      for (size_t c = 0; c < base.size(); ++c) base[c] += tables.base()[c];
      for (int64_t group = 0; group < groups; ++group) {
        if (stop.stop_requested()) {
          stopped.store(true, std::memory_order_relaxed);
          return;
        }
        kernels.explain(tables.tree(), x + group * state.n_features * lanes, work,
                        phi + group * n_phi * lanes);
      }
    }
    const auto trees = static_cast<double>(forest.n_trees());
    for (int64_t i = 0; i < n; ++i) {
      double* target = out + (begin + i) * width;
      const double* source = phi + i / lanes * n_phi * lanes + i % lanes;
      for (int64_t j = 0; j < state.n_features; ++j) {
        double rest = 0.0;
        for (int64_t c = 0; c < n_values; ++c) {
          const double value = source[(j * n_values + c) * lanes];
          target[j * k + c] = value / trees;
          rest -= value;
        }
        if (k > 1) target[j * k + k - 1] = rest / trees;  // class shares sum to 1, so contributions sum to 0
      }
      for (int64_t c = 0; c < k; ++c) target[state.n_features * k + c] = base[static_cast<size_t>(c)] / trees;
    }
  });
  return !stopped.load();
}

bool shap_values(const Forest& forest, MatrixView<const float> X, int threads, const StopToken& stop,
                 double* out) {
  return shap_values(forest, X, threads, stop, explaining::kernels(), out);
}

}  // namespace smctrain::models
