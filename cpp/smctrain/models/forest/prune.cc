// Minimal cost-complexity pruning.
//
//   link   an inner node t with the subtree below it. Its strength is  (risk(t) - risk of the subtree's
//   leaves)
//          / (leaves of the subtree - 1):  what each leaf below saves
//
// The weakest link is cut again and again, up to the wanted strength; a cut changes only the nodes above it.
// Cost: nodes x depth x log nodes. Source: Breiman, Friedman, Olshen and Stone, "Classification and
// Regression Trees" (1984), chapter 3.
#include <algorithm>
#include <queue>
#include <utility>

#include "smctrain/models/forest/tree_grower.h"

namespace smctrain::models::growing {

void prune_tree(double alpha, int n_outputs, Tree& tree, NodeRecords& records) {
  const size_t n = tree.nodes.size();
  std::vector<int32_t> parent(n, -1);
  std::vector<int64_t> n_leaves(n, 1);
  std::vector<double> below = records.risks;  // of the leaves of each subtree
  for (size_t i = n; i-- > 0;) {
    const TreeNode& node = tree.nodes[i];
    if (node.feature < 0) continue;
    const auto left = static_cast<size_t>(node.left);
    parent[left] = parent[left + 1] = static_cast<int32_t>(i);
    n_leaves[i] = n_leaves[left] + n_leaves[left + 1];
    below[i] = below[left] + below[left + 1];
  }
  const auto strength = [&](size_t i) {
    return std::max(0.0, records.risks[i] - below[i]) / static_cast<double>(n_leaves[i] - 1);
  };
  using Link = std::pair<double, int32_t>;
  std::priority_queue<Link, std::vector<Link>, std::greater<>> weakest;
  for (size_t i = 0; i < n; ++i) {
    if (tree.nodes[i].feature >= 0) weakest.emplace(strength(i), static_cast<int32_t>(i));
  }
  std::vector<uint8_t> cut(n, 0);  // the node is a leaf now
  const auto gone = [&](size_t i) {
    for (int32_t up = parent[i]; up >= 0; up = parent[static_cast<size_t>(up)]) {
      if (cut[static_cast<size_t>(up)] != 0) return true;
    }
    return false;
  };
  while (!weakest.empty() && weakest.top().first <= alpha) {
    const auto [value, index] = weakest.top();
    weakest.pop();
    const auto i = static_cast<size_t>(index);
    if (n_leaves[i] < 2 || value != strength(i) || gone(i)) continue;  // an old entry
    cut[i] = 1;
    const int64_t fewer = n_leaves[i] - 1;
    const double dearer = records.risks[i] - below[i];
    n_leaves[i] = 1;
    below[i] = records.risks[i];
    for (int32_t up = parent[i]; up >= 0; up = parent[static_cast<size_t>(up)]) {
      const auto at = static_cast<size_t>(up);
      n_leaves[at] -= fewer;
      below[at] += dearer;
      weakest.emplace(strength(at), up);
    }
  }
  // Nodes that still hang on the root, in their old order.
  std::vector<int32_t> place(n, -1);
  Tree kept;
  NodeRecords kept_records;
  place[0] = 0;
  int32_t next = 1;
  for (size_t i = 0; i < n; ++i) {
    if (place[i] < 0) continue;
    TreeNode node = tree.nodes[i];
    if (node.feature >= 0 && cut[i] != 0) node = TreeNode{};
    if (node.feature >= 0) {
      const auto left = static_cast<size_t>(node.left);
      place[left] = next;
      place[left + 1] = next + 1;
      node.left = next;
      next += 2;
    }
    const auto at = static_cast<size_t>(place[i]);
    if (kept.nodes.size() <= at) {
      kept.nodes.resize(at + 1);
      kept.covers.resize(at + 1);
      kept_records.gains.resize(at + 1);
      kept_records.risks.resize(at + 1);
      kept_records.values.resize((at + 1) * static_cast<size_t>(n_outputs));
    }
    kept.nodes[at] = node;
    kept.covers[at] = tree.covers[i];
    kept_records.gains[at] = node.feature >= 0 ? records.gains[i] : 0.0;
    kept_records.risks[at] = records.risks[i];
    std::copy_n(records.values.begin() + static_cast<int64_t>(i) * n_outputs, n_outputs,
                kept_records.values.begin() + static_cast<int64_t>(at) * n_outputs);
  }
  tree.nodes = std::move(kept.nodes);
  tree.covers = std::move(kept.covers);
  records = std::move(kept_records);
}

}  // namespace smctrain::models::growing
