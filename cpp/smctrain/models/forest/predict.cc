// Validation and prediction of a stored forest.
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/models/forest/forest.h"

namespace smctrain::models {

namespace {

constexpr int kLanes = 8;            // rows that walk one tree side by side: their memory latencies overlap
constexpr int64_t kBlockRows = 128;  // a unit of parallel work
constexpr int64_t kMaxNodes = std::numeric_limits<int32_t>::max();

void check_starts(const std::vector<int64_t>& starts, int64_t total, const char* name) {
  if (starts.size() < 2 || starts.front() != 0 || starts.back() != total) {
    raise("ArtifactError", "forest: ", name, " must run from 0 to ", total, ".");
  }
  for (size_t t = 0; t + 1 < starts.size(); ++t) {
    if (starts[t + 1] <= starts[t]) {
      raise("ArtifactError", "forest: ", name, " must ascend, but tree ", t, " is empty or runs backwards.");
    }
  }
}

// Every node but the root is the child of exactly one earlier node, every leaf row belongs to exactly one
// leaf.
void check_tree(const ForestState& state, size_t tree) {
  const int64_t begin = state.node_start[tree];
  const int64_t n_nodes = state.node_start[tree + 1] - begin;
  const int64_t n_leaves = state.leaf_start[tree + 1] - state.leaf_start[tree];
  if (n_nodes != 2 * n_leaves - 1) {
    raise("ArtifactError", "forest: tree ", tree, " has ", n_nodes, " nodes and ", n_leaves,
          " leaves, which no binary tree has.");
  }
  std::vector<uint8_t> has_parent(static_cast<size_t>(n_nodes), 0);
  std::vector<uint8_t> leaf_taken(static_cast<size_t>(n_leaves), 0);
  for (int64_t k = 0; k < n_nodes; ++k) {
    const auto i = static_cast<size_t>(begin + k);
    const auto refuse = [&](const auto&... what) {
      raise("ArtifactError", "forest: tree ", tree, ", node ", k, ": ", what...);
    };
    if (state.missing_left[i] > 1)
      refuse("missing_left must be 0 or 1, but is ", int{state.missing_left[i]}, ".");
    if (!std::isfinite(state.threshold[i])) refuse("the threshold is not finite.");
    const int64_t left = state.left[i];
    if (state.feature[i] < 0) {
      if (state.feature[i] != -1 || state.right[i] != -1) refuse("a leaf must have feature -1 and right -1.");
      if (left < 0 || left >= n_leaves) refuse("leaf number ", left, " is not in 0..", n_leaves - 1, ".");
      if (leaf_taken[static_cast<size_t>(left)]++ != 0) refuse("leaf number ", left, " is used twice.");
      continue;
    }
    if (state.feature[i] >= state.n_features) {
      refuse("feature ", state.feature[i], " is not in 0..", state.n_features - 1, ".");
    }
    if (left <= k || left + 1 >= n_nodes) {
      refuse("its left child ", left, " must come after it and before the last of ", n_nodes, " nodes.");
    }
    if (state.right[i] != left + 1)
      refuse("its right child must be ", left + 1, ", but is ", state.right[i], ".");
    for (int64_t child = left; child <= left + 1; ++child) {
      if (has_parent[static_cast<size_t>(child)]++ != 0)
        refuse("its child ", child, " already has a parent.");
    }
  }
  // With n - 1 children, all different, none of them the root, and parents before children, it is one tree.
}

void check_state(const ForestState& state) {
  if (state.n_features < 1)
    raise("ArtifactError", "forest: n_features must be at least 1, but is ", state.n_features, ".");
  if (state.n_classes < 2 || state.n_classes > 100'000) {
    raise("ArtifactError", "forest: n_classes must be in 2..100000, but is ", state.n_classes, ".");
  }
  const auto n_nodes = static_cast<int64_t>(state.feature.size());
  if (n_nodes > kMaxNodes) raise("ArtifactError", "forest: too many nodes (", n_nodes, ").");
  if (state.threshold.size() != state.feature.size() || state.left.size() != state.feature.size() ||
      state.right.size() != state.feature.size() || state.missing_left.size() != state.feature.size()) {
    raise("ArtifactError", "forest: the node arrays must have equal lengths.");
  }
  if (state.leaf_share.size() % static_cast<size_t>(state.n_classes) != 0) {
    raise("ArtifactError", "forest: leaf_share must have ", state.n_classes, " columns.");
  }
  const auto n_leaves = static_cast<int64_t>(state.leaf_share.size()) / state.n_classes;
  check_starts(state.node_start, n_nodes, "node_start");
  check_starts(state.leaf_start, n_leaves, "leaf_start");
  if (state.node_start.size() != state.leaf_start.size()) {
    raise("ArtifactError", "forest: node_start and leaf_start must have equal lengths.");
  }
  for (size_t tree = 0; tree + 1 < state.node_start.size(); ++tree) check_tree(state, tree);
  for (int64_t leaf = 0; leaf < n_leaves; ++leaf) {
    double sum = 0.0;
    for (int64_t c = 0; c < state.n_classes; ++c) {
      const double share = state.leaf_share[static_cast<size_t>(leaf * state.n_classes + c)];
      if (!(share >= 0.0 && share <= 1.0 + 1e-9)) {
        raise("ArtifactError", "forest: class shares of leaf ", leaf, " must lie in 0..1, but one is ", share,
              ".");
      }
      sum += share;
    }
    if (!(std::abs(sum - 1.0) < 1e-6)) {
      raise("ArtifactError", "forest: class shares of leaf ", leaf, " must sum to 1, but sum to ", sum, ".");
    }
  }
  if (static_cast<int64_t>(state.importances.size()) != state.n_features) {
    raise("ArtifactError", "forest: importances must have ", state.n_features, " entries, but has ",
          state.importances.size(), ".");
  }
  for (const double value : state.importances) {
    if (!(value >= 0.0 && value <= 1.0 + 1e-9)) {
      raise("ArtifactError", "forest: importances must lie in 0..1, but one is ", value, ".");
    }
  }
}

}  // namespace

Forest::Forest(ForestState state) : state_(std::move(state)) {
  check_state(state_);
  const size_t n_nodes = state_.feature.size();
  flat_.resize(n_nodes);
  leaf_of_node_.assign(n_nodes, -1);
  for (size_t tree = 0; tree + 1 < state_.node_start.size(); ++tree) {
    const int64_t begin = state_.node_start[tree];
    for (int64_t k = begin; k < state_.node_start[tree + 1]; ++k) {
      const auto i = static_cast<size_t>(k);
      if (state_.feature[i] < 0) {
        flat_[i] = {std::numeric_limits<float>::infinity(), 0, static_cast<int32_t>(k), 0};
        leaf_of_node_[i] = static_cast<int32_t>(state_.leaf_start[tree] + state_.left[i]);
      } else {
        flat_[i] = {state_.threshold[i], state_.feature[i], static_cast<int32_t>(begin + state_.left[i]),
                    state_.missing_left[i] != 0 ? 0U : 1U};
      }
    }
  }
}

void Forest::predict_block(MatrixView<const float> X, const int64_t* rows, int n, double* out) const {
  const int64_t k = state_.n_classes;
  const FlatNode* nodes = flat_.data();
  const int64_t trees = n_trees();
  std::fill_n(out, n * k, 0.0);
  const auto step = [nodes](const float* x, int32_t at) {
    const FlatNode& node = nodes[at];
    const float value = x[node.feature];
    const uint32_t right = static_cast<uint32_t>(value > node.threshold) |
                           (static_cast<uint32_t>(value != value) & node.missing_right);
    return node.left + static_cast<int32_t>(right);
  };
  const auto add_leaf = [&](int32_t at, double* target) {
    const double* share =
        state_.leaf_share.data() + static_cast<int64_t>(leaf_of_node_[static_cast<size_t>(at)]) * k;
    for (int64_t c = 0; c < k; ++c) target[c] += share[c];
  };
  // Trees outside, rows inside: a tree stays in the nearest cache while a whole block of rows walks it.
  const int in_lanes = n - n % kLanes;
  for (int64_t tree = 0; tree < trees && in_lanes > 0; ++tree) {
    const auto root = static_cast<int32_t>(state_.node_start[static_cast<size_t>(tree)]);
    for (int first = 0; first < in_lanes; first += kLanes) {
      std::array<const float*, kLanes> x;
      for (int lane = 0; lane < kLanes; ++lane) x[lane] = X.data + rows[first + lane] * X.row_stride;
      std::array<int32_t, kLanes> at;
      at.fill(root);
      for (int32_t moved = 1; moved != 0;) {
        moved = 0;
        for (int lane = 0; lane < kLanes; ++lane) {
          const int32_t next = step(x[lane], at[lane]);
          moved |= next ^ at[lane];
          at[lane] = next;
        }
      }
      for (int lane = 0; lane < kLanes; ++lane) add_leaf(at[lane], out + (first + lane) * k);
    }
  }
  for (int i = in_lanes; i < n; ++i) {  // single rows: trees side by side instead
    const float* x = X.data + rows[i] * X.row_stride;
    for (int64_t tree = 0; tree < trees; tree += kLanes) {
      const int lanes = static_cast<int>(std::min<int64_t>(kLanes, trees - tree));
      std::array<int32_t, kLanes> at{};
      for (int lane = 0; lane < kLanes; ++lane) {
        at[lane] =
            static_cast<int32_t>(state_.node_start[static_cast<size_t>(tree + std::min(lane, lanes - 1))]);
      }
      for (int32_t moved = 1; moved != 0;) {
        moved = 0;
        for (int lane = 0; lane < kLanes; ++lane) {
          const int32_t next = step(x, at[lane]);
          moved |= next ^ at[lane];
          at[lane] = next;
        }
      }
      for (int lane = 0; lane < lanes; ++lane) add_leaf(at[lane], out + i * k);
    }
  }
  const auto n_trees_real = static_cast<double>(trees);
  for (int64_t i = 0; i < n * k; ++i) out[i] /= n_trees_real;
}

bool Forest::predict(MatrixView<const float> X, std::span<const int64_t> rows, int threads,
                     const StopToken& stop, double* out) const {
  if (X.cols != state_.n_features) {
    raise("InputError", "X must have ", state_.n_features, " columns, as in training, but has ", X.cols, ".");
  }
  const auto n = static_cast<int64_t>(rows.size());
  const int64_t blocks = (n + kBlockRows - 1) / kBlockRows;
  for (const int64_t row : rows) {
    if (row < 0 || row >= X.rows)
      raise("InputError", "rows must lie in 0..", X.rows - 1, ", but holds ", row, ".");
  }
  std::atomic<bool> stopped{false};
  parallel_for(blocks, threads, [&](int64_t block) {
    if (stop.stop_requested()) {
      stopped.store(true, std::memory_order_relaxed);
      return;
    }
    const int64_t begin = block * kBlockRows;
    const int size = static_cast<int>(std::min(n - begin, kBlockRows));
    predict_block(X, rows.data() + begin, size, out + begin * state_.n_classes);
  });
  return !stopped.load();
}

}  // namespace smctrain::models
