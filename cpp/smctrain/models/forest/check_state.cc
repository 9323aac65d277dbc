// What a stored forest must satisfy before anything walks it.
#include <cmath>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/models/forest/forest.h"

namespace smctrain::models {

namespace {

constexpr int64_t kMaxNodes = std::numeric_limits<int32_t>::max();

void check_starts(const std::vector<int64_t>& starts, int64_t total, const char* name) {
  if (starts.size() < 2 || starts.front() != 0 || starts.back() != total) {
    raise("ArtifactError", "forest: ", name, " must run from 0 to ", total, ".");
  }
  for (size_t t = 0; t + 1 < starts.size(); ++t) {
    if (starts[t + 1] <= starts[t]) {
      raise("ArtifactError", "forest: ", name, " must ascend, but entry ", t + 1, " does not.");
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

// Masses are positive, and a node has that of its children.
void check_covers(const ForestState& state) {
  if (state.cover.empty()) return;
  if (state.cover.size() != state.feature.size()) {
    raise("ArtifactError", "forest: cover must have one entry for each of the ", state.feature.size(),
          " nodes, but has ", state.cover.size(), ".");
  }
  for (size_t tree = 0; tree + 1 < state.node_start.size(); ++tree) {
    const auto begin = static_cast<size_t>(state.node_start[tree]);
    for (size_t i = begin; i < static_cast<size_t>(state.node_start[tree + 1]); ++i) {
      const double cover = state.cover[i];
      if (!(cover > 0.0 && std::isfinite(cover))) {
        raise("ArtifactError", "forest: the cover of node ", i, " must be positive and finite, but is ",
              cover, ".");
      }
      if (state.feature[i] < 0) continue;
      const size_t left = begin + static_cast<size_t>(state.left[i]);
      const double below = state.cover[left] + state.cover[left + 1];
      if (!(std::abs(cover - below) <= 1e-6 * cover)) {
        raise("ArtifactError", "forest: the cover of node ", i, " is ", cover, ", but its children have ",
              below, ".");
      }
    }
  }
}

void check_members(const ForestState& state, int64_t n_leaves) {
  const LeafMembers& members = state.members;
  if (members.empty()) {
    if (!members.start.empty() || !members.rank.empty() || !members.weight.empty()) {
      raise("ArtifactError", "forest: leaf members need the training targets, but there are none.");
    }
    return;
  }
  if (state.n_classes != 1) raise("ArtifactError", "forest: only a regression forest has leaf members.");
  for (size_t i = 0; i < members.target.size(); ++i) {
    if (!std::isfinite(members.target[i]) || (i > 0 && !(members.target[i] > members.target[i - 1]))) {
      raise("ArtifactError", "forest: training targets must be finite and ascend, but entry ", i,
            " does not.");
    }
  }
  if (members.rank.size() != members.weight.size() ||
      static_cast<int64_t>(members.start.size()) != n_leaves + 1) {
    raise("ArtifactError", "forest: the arrays of leaf members must have matching lengths.");
  }
  check_starts(members.start, static_cast<int64_t>(members.rank.size()), "member_start");
  for (int64_t leaf = 0; leaf < n_leaves; ++leaf) {
    double sum = 0.0;
    for (int64_t m = members.start[static_cast<size_t>(leaf)];
         m < members.start[static_cast<size_t>(leaf) + 1]; ++m) {
      const auto at = static_cast<size_t>(m);
      if (members.rank[at] < 0 || members.rank[at] >= static_cast<int64_t>(members.target.size())) {
        raise("ArtifactError", "forest: a member of leaf ", leaf, " has target number ", members.rank[at],
              ", but there are ", members.target.size(), ".");
      }
      if (!(members.weight[at] >= 0.0 && members.weight[at] <= 1.0 + 1e-9)) {
        raise("ArtifactError", "forest: member weights of leaf ", leaf, " must lie in 0..1, but one is ",
              members.weight[at], ".");
      }
      sum += members.weight[at];
    }
    if (!(std::abs(sum - 1.0) < 1e-6)) {
      raise("ArtifactError", "forest: member weights of leaf ", leaf, " must sum to 1, but sum to ", sum,
            ".");
    }
  }
}

}  // namespace

void check_state(const ForestState& state) {
  if (state.n_features < 1)
    raise("ArtifactError", "forest: n_features must be at least 1, but is ", state.n_features, ".");
  if (state.n_classes < 1 || state.n_classes > 100'000) {
    raise("ArtifactError", "forest: n_classes must be in 1..100000 (1 is regression), but is ",
          state.n_classes, ".");
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
      if (state.n_classes == 1) {
        if (!std::isfinite(share))
          raise("ArtifactError", "forest: the mean of leaf ", leaf, " is not finite.");
        sum = 1.0;
        continue;
      }
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
  check_covers(state);
  check_members(state, n_leaves);
}

}  // namespace smctrain::models
