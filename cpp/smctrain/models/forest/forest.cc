#include "smctrain/models/forest/forest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/base/rng.h"

namespace smctrain::models {

namespace {

struct Bag {
  std::vector<uint32_t> count;  // of each training row
  int64_t drawn = 0;
};

Bag draw_bag(int64_t n, const ForestSettings& settings, Philox& stream) {
  Bag bag;
  if (!settings.bootstrap) {
    bag.count.assign(static_cast<size_t>(n), 1);
    bag.drawn = n;
    return bag;
  }
  bag.count.assign(static_cast<size_t>(n), 0);
  bag.drawn = settings.n_draw;
  for (int64_t k = 0; k < settings.n_draw; ++k) ++bag.count[static_cast<size_t>(stream.below(n))];
  return bag;
}

// Factor of a class: rows / (classes present x rows of the class), or 1.
std::vector<double> balanced_factors(const std::vector<int64_t>& class_count) {
  int64_t rows = 0;
  int64_t present = 0;
  for (const int64_t count : class_count) {
    rows += count;
    present += count > 0 ? 1 : 0;
  }
  std::vector<double> factors(class_count.size(), 0.0);
  for (size_t c = 0; c < class_count.size(); ++c) {
    if (class_count[c] > 0) {
      factors[c] =
          static_cast<double>(rows) / (static_cast<double>(present) * static_cast<double>(class_count[c]));
    }
  }
  return factors;
}

const double* leaf_of(const Tree& tree, const BinnedMatrix& matrix, int64_t row, int64_t n_classes) {
  const TreeNode* node = tree.nodes.data();
  while (node->feature >= 0) {
    const int code = matrix.column(node->feature)[row];
    const bool left = code == kMissingCode ? node->missing_left != 0 : code <= node->code;
    node = tree.nodes.data() + node->left + (left ? 0 : 1);
  }
  return tree.leaves.data() + static_cast<int64_t>(node->left) * n_classes;
}

// Accuracy of the trees that did not see a row, over rows that some tree did not see.
void score_out_of_bag(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                      std::span<const int32_t> labels, int64_t n_classes,
                      const std::vector<const Tree*>& trees,
                      const std::vector<const std::vector<bool>*>& in_bag, int threads, const StopToken& stop,
                      ForestFit& fit) {
  constexpr int64_t kBlock = 256;
  const auto n = static_cast<int64_t>(rows.size());
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  std::vector<int64_t> seen(static_cast<size_t>(blocks), 0);
  std::vector<int64_t> right(static_cast<size_t>(blocks), 0);
  parallel_for(blocks, threads, [&](int64_t block) {
    if (stop.stop_requested()) return;
    const int64_t begin = block * kBlock;
    const int64_t size = std::min(n - begin, kBlock);
    std::vector<double> sums(static_cast<size_t>(size * n_classes), 0.0);
    std::vector<uint8_t> any(static_cast<size_t>(size), 0);
    for (size_t t = 0; t < trees.size(); ++t) {
      for (int64_t i = 0; i < size; ++i) {
        if ((*in_bag[t])[static_cast<size_t>(begin + i)]) continue;
        const double* share = leaf_of(*trees[t], matrix, rows[static_cast<size_t>(begin + i)], n_classes);
        for (int64_t c = 0; c < n_classes; ++c) sums[static_cast<size_t>(i * n_classes + c)] += share[c];
        any[static_cast<size_t>(i)] = 1;
      }
    }
    for (int64_t i = 0; i < size; ++i) {
      if (any[static_cast<size_t>(i)] == 0) continue;
      const auto first = sums.begin() + i * n_classes;
      const auto best = std::max_element(first, first + n_classes) - first;
      ++seen[static_cast<size_t>(block)];
      if (best == labels[static_cast<size_t>(rows[static_cast<size_t>(begin + i)])])
        ++right[static_cast<size_t>(block)];
    }
  });
  if (stop.stop_requested()) return;
  int64_t hits = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    fit.oob_rows += seen[static_cast<size_t>(block)];
    hits += right[static_cast<size_t>(block)];
  }
  if (fit.oob_rows > 0) fit.oob_score = static_cast<double>(hits) / static_cast<double>(fit.oob_rows);
}

ForestState flatten(const std::vector<const Tree*>& trees, int64_t n_features, int64_t n_classes) {
  ForestState state;
  state.n_features = n_features;
  state.n_classes = n_classes;
  state.node_start.push_back(0);
  state.leaf_start.push_back(0);
  state.importances.assign(static_cast<size_t>(n_features), 0.0);
  size_t n_nodes = 0;
  size_t n_shares = 0;
  for (const Tree* tree : trees) {
    n_nodes += tree->nodes.size();
    n_shares += tree->leaves.size();
  }
  state.feature.reserve(n_nodes);
  state.threshold.reserve(n_nodes);
  state.left.reserve(n_nodes);
  state.right.reserve(n_nodes);
  state.missing_left.reserve(n_nodes);
  state.leaf_share.reserve(n_shares);
  for (const Tree* tree : trees) {
    for (const TreeNode& node : tree->nodes) {
      state.feature.push_back(node.feature);
      state.threshold.push_back(node.threshold);
      state.left.push_back(node.left);
      state.right.push_back(node.feature >= 0 ? node.left + 1 : -1);
      state.missing_left.push_back(node.missing_left);
    }
    state.leaf_share.insert(state.leaf_share.end(), tree->leaves.begin(), tree->leaves.end());
    state.node_start.push_back(static_cast<int64_t>(state.feature.size()));
    state.leaf_start.push_back(static_cast<int64_t>(state.leaf_share.size()) / n_classes);
    double sum = 0.0;
    for (const double value : tree->importances) sum += value;
    if (sum > 0.0) {
      for (size_t j = 0; j < tree->importances.size(); ++j)
        state.importances[j] += tree->importances[j] / sum;
    }
  }
  double sum = 0.0;
  for (const double value : state.importances) sum += value;
  if (sum > 0.0) {
    for (double& value : state.importances) value /= sum;
  }
  return state;
}

}  // namespace

ForestFit fit_forest(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                     std::span<const int32_t> labels, std::span<const double> weights, int64_t n_classes,
                     const ForestSettings& settings, const StopToken& stop) {
  const auto n = static_cast<int64_t>(rows.size());
  if (n == 0) raise("TooFewRows", "a forest needs training rows, but got 0.");
  if (matrix.cols == 0) raise("TooFewColumns", "a forest needs at least 1 column, but X has 0.");
  if (static_cast<int64_t>(labels.size()) != matrix.rows) {
    raise("InputError", "y must have ", matrix.rows, " entries, one for each row of X, but has ",
          labels.size(), ".");
  }
  std::vector<int64_t> class_count(static_cast<size_t>(n_classes), 0);
  int64_t previous = -1;
  for (const int64_t row : rows) {
    if (row <= previous || row >= matrix.rows) {
      raise("InputError", "rows must be ascending and lie in 0..", matrix.rows - 1, ", but ", row,
            " follows ", previous, ".");
    }
    previous = row;
    const int32_t label = labels[static_cast<size_t>(row)];
    if (label < 0 || label >= n_classes) {
      raise("InputError", "y must hold class codes 0..", n_classes - 1, " in training rows, but is ", label,
            " in row ", row, ".");
    }
    if (!weights.empty() &&
        !(weights[static_cast<size_t>(row)] > 0.0 && std::isfinite(weights[static_cast<size_t>(row)]))) {
      raise("InputError", "weight must be positive and finite in training rows, but is ",
            weights[static_cast<size_t>(row)], " in row ", row, ".");
    }
    ++class_count[static_cast<size_t>(label)];
  }
  if (std::count_if(class_count.begin(), class_count.end(), [](int64_t count) { return count > 0; }) < 2) {
    raise("OneClass", "the ", n, " training rows hold a single class, so there is nothing to learn.");
  }

  const std::vector<double> fixed_factors = settings.class_weight == ClassWeight::kBalanced
                                                ? balanced_factors(class_count)
                                                : std::vector<double>(static_cast<size_t>(n_classes), 1.0);
  std::vector<Tree> trees(static_cast<size_t>(settings.n_trees));
  std::vector<std::vector<bool>> in_bag(static_cast<size_t>(settings.n_trees));
  std::vector<uint8_t> finished(static_cast<size_t>(settings.n_trees), 0);
  const bool score_oob = settings.oob_score && settings.bootstrap;

  parallel_for(settings.n_trees, settings.threads, [&](int64_t t) {
    if (stop.stop_requested()) return;
    Philox stream(settings.seed, format("tree/", t));
    const Bag bag = draw_bag(n, settings, stream);
    std::vector<int32_t> bag_rows;
    std::vector<uint32_t> bag_counts;
    std::vector<int64_t> bag_classes(static_cast<size_t>(n_classes), 0);
    bag_rows.reserve(static_cast<size_t>(std::min(n, bag.drawn)));
    bag_counts.reserve(bag_rows.capacity());
    std::vector<bool> seen(score_oob ? static_cast<size_t>(n) : 0);
    for (int64_t k = 0; k < n; ++k) {
      const uint32_t count = bag.count[static_cast<size_t>(k)];
      if (count == 0) continue;
      const int64_t row = rows[static_cast<size_t>(k)];
      bag_rows.push_back(static_cast<int32_t>(row));
      bag_counts.push_back(count);
      bag_classes[static_cast<size_t>(labels[static_cast<size_t>(row)])] += count;
      if (score_oob) seen[static_cast<size_t>(k)] = true;
    }
    const std::vector<double> factors = settings.class_weight == ClassWeight::kBalancedSubsample
                                            ? balanced_factors(bag_classes)
                                            : fixed_factors;
    const TreeRows data{bag_rows, bag_counts, labels, weights, factors};
    Tree tree;
    if (!grow_tree(matrix, data, settings.grow, stream, stop, tree)) return;
    trees[static_cast<size_t>(t)] = std::move(tree);
    in_bag[static_cast<size_t>(t)] = std::move(seen);
    finished[static_cast<size_t>(t)] = 1;
  });

  ForestFit fit;
  fit.requested_trees = settings.n_trees;
  fit.oob_score = std::numeric_limits<double>::quiet_NaN();
  std::vector<const Tree*> done;
  std::vector<const std::vector<bool>*> done_bags;
  for (size_t t = 0; t < trees.size(); ++t) {
    if (finished[t] == 0) continue;
    done.push_back(&trees[t]);
    done_bags.push_back(&in_bag[t]);
  }
  if (static_cast<int64_t>(done.size()) < settings.n_trees) fit.stop_reason = stop.reason();
  if (done.empty()) {
    raise("TrainingFailed", "the forest fit was ended (", to_string(stop.reason()),
          ") before its first tree was grown: allow more time.");
  }
  if (score_oob)
    score_out_of_bag(matrix, rows, labels, n_classes, done, done_bags, settings.threads, stop, fit);
  fit.state = flatten(done, matrix.cols, n_classes);
  return fit;
}

}  // namespace smctrain::models
