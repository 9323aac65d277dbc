#include "smctrain/models/forest/forest.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/base/rng.h"
#include "smctrain/models/forest/grown_tree.h"
#include "smctrain/models/forest/row_draw.h"

namespace smctrain::models {

namespace {

using growing::GrownTree;
using growing::Lesson;

// How often each training row is drawn.
std::vector<uint32_t> draw_bag(int64_t n, const ForestSettings& settings, const RowDraw& rows,
                               Philox& stream) {
  std::vector<uint32_t> count(static_cast<size_t>(n), settings.bootstrap ? 0U : 1U);
  if (settings.bootstrap) {
    for (int64_t k = 0; k < settings.n_draw; ++k) ++count[static_cast<size_t>(rows.draw(n, stream))];
  }
  return count;
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

// Reports finished trees, a few times a second at most, and never two threads at once.
class Ticker {
 public:
  explicit Ticker(const ForestSettings& settings)
      : settings_(settings), next_(StopToken::Clock::now().time_since_epoch() + kPause) {}

  void tick() {
    const int64_t done = done_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (!settings_.report) return;
    const auto now = StopToken::Clock::now().time_since_epoch();
    auto due = next_.load(std::memory_order_relaxed);
    if (now < due || !next_.compare_exchange_strong(due, now + kPause)) return;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock() || done <= reported_) return;
    reported_ = done;
    settings_.report(done, settings_.n_trees);
  }

 private:
  using Span = StopToken::Clock::duration;
  static constexpr Span kPause = std::chrono::milliseconds(100);

  const ForestSettings& settings_;
  std::atomic<int64_t> done_{0};
  std::atomic<Span> next_;
  std::mutex mutex_;
  int64_t reported_ = 0;
};

ForestState flatten(const std::vector<const GrownTree*>& trees, int64_t n_features, int64_t n_classes) {
  ForestState state;
  state.n_features = n_features;
  state.n_classes = n_classes;
  state.node_start.push_back(0);
  state.leaf_start.push_back(0);
  state.importances.assign(static_cast<size_t>(n_features), 0.0);
  size_t n_nodes = 0;
  size_t n_shares = 0;
  for (const GrownTree* grown : trees) {
    const Tree* tree = &grown->tree;
    n_nodes += tree->nodes.size();
    n_shares += tree->leaves.size();
  }
  state.feature.reserve(n_nodes);
  state.threshold.reserve(n_nodes);
  state.left.reserve(n_nodes);
  state.right.reserve(n_nodes);
  state.missing_left.reserve(n_nodes);
  state.leaf_share.reserve(n_shares);
  state.cover.reserve(n_nodes);
  for (const GrownTree* grown : trees) {
    const Tree* tree = &grown->tree;
    for (const TreeNode& node : tree->nodes) {
      state.feature.push_back(node.feature);
      state.threshold.push_back(node.threshold);
      state.left.push_back(node.left);
      state.right.push_back(node.feature >= 0 ? node.left + 1 : -1);
      state.missing_left.push_back(node.missing_left);
    }
    state.cover.insert(state.cover.end(), tree->covers.begin(), tree->covers.end());
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

// The weight of each class where all its rows weigh the same, else nothing: classes are weighed for free.
std::vector<double> weight_of_classes(std::span<const int64_t> rows, std::span<const int32_t> labels,
                                      std::span<const double> weights, int64_t n_classes) {
  std::vector<double> of_class(static_cast<size_t>(n_classes), weights.empty() ? 1.0 : 0.0);
  if (weights.empty()) return of_class;
  for (const int64_t row : rows) {
    double& weight = of_class[static_cast<size_t>(labels[static_cast<size_t>(row)])];
    if (weight == 0.0) weight = weights[static_cast<size_t>(row)];
    if (weight != weights[static_cast<size_t>(row)]) return {};
  }
  return of_class;
}

// Checks that classification and regression share.
void check_rows(const BinnedMatrix& matrix, std::span<const int64_t> rows, size_t n_answers,
                std::span<const double> weights, const ForestSettings& settings) {
  if (rows.empty()) raise("TooFewRows", "a forest needs training rows, but got 0.");
  if (matrix.cols == 0) raise("TooFewColumns", "a forest needs at least 1 column, but X has 0.");
  if (static_cast<int64_t>(n_answers) != matrix.rows) {
    raise("InputError", "y must have ", matrix.rows, " entries, one for each row of X, but has ", n_answers,
          ".");
  }
  if (settings.grow.max_leaf_nodes == 1 || settings.grow.max_leaf_nodes < 0) {
    raise("InputError", "max_leaf_nodes must be 0 or at least 2, but is ", settings.grow.max_leaf_nodes, ".");
  }
  int64_t previous = -1;
  for (const int64_t row : rows) {
    if (row <= previous || row >= matrix.rows) {
      raise("InputError", "rows must be ascending and lie in 0..", matrix.rows - 1, ", but ", row,
            " follows ", previous, ".");
    }
    previous = row;
    if (!weights.empty() &&
        !(weights[static_cast<size_t>(row)] > 0.0 && std::isfinite(weights[static_cast<size_t>(row)]))) {
      raise("InputError", "weight must be positive and finite in training rows, but is ",
            weights[static_cast<size_t>(row)], " in row ", row, ".");
    }
  }
}

// With bootstrap, weights of rows and classes are chances of being drawn, and the trees see counts alone.
ForestFit grow_forest(const BinnedMatrix& matrix, std::span<const int64_t> rows, const Lesson& lesson,
                      std::span<const double> weights, std::vector<double> fixed_factors,
                      const ForestSettings& settings, const StopToken& stop) {
  const auto n = static_cast<int64_t>(rows.size());
  const bool classify = lesson.targets.empty();
  std::vector<GrownTree> trees(static_cast<size_t>(settings.n_trees));
  std::vector<uint8_t> finished(static_cast<size_t>(settings.n_trees), 0);
  const bool score_oob = settings.oob_score && settings.bootstrap;
  RowDraw draw;
  if (settings.bootstrap) {
    std::vector<double> chance(rows.size());
    for (size_t k = 0; k < rows.size(); ++k) {
      const auto row = static_cast<size_t>(rows[k]);
      chance[k] = weights.empty() ? 1.0 : weights[row];
      if (classify) chance[k] *= fixed_factors[static_cast<size_t>(lesson.labels[row])];
    }
    draw = RowDraw(std::move(chance));
    weights = {};
    std::fill(fixed_factors.begin(), fixed_factors.end(), 1.0);
  }
  Ticker ticker(settings);

  parallel_for(settings.n_trees, settings.threads, [&](int64_t t) {
    if (stop.stop_requested()) return;
    Philox stream(settings.seed, format("tree/", t));
    const std::vector<uint32_t> bag = draw_bag(n, settings, draw, stream);
    GrownTree grown;
    grown.rows.resize(static_cast<size_t>(n));
    grown.counts.resize(static_cast<size_t>(n));
    grown.in_bag.resize(score_oob ? static_cast<size_t>(n / 64 + 1) : 0);
    size_t m = 0;
    for (size_t k = 0; k < bag.size(); ++k) {
      grown.rows[m] = static_cast<int32_t>(rows[k]);
      grown.counts[m] = bag[k];
      m += bag[k] > 0 ? 1 : 0;
    }
    grown.rows.resize(m);
    grown.counts.resize(m);
    for (size_t k = 0; score_oob && k < bag.size(); ++k)
      grown.in_bag[k / 64] |= uint64_t{bag[k] > 0} << (k % 64);
    std::vector<double> own_factors;
    if (settings.class_weight == ClassWeight::kBalancedSubsample && classify) {
      std::vector<int64_t> bag_classes(fixed_factors.size(), 0);
      for (size_t i = 0; i < m; ++i) {
        bag_classes[static_cast<size_t>(lesson.labels[static_cast<size_t>(grown.rows[i])])] +=
            grown.counts[i];
      }
      own_factors = balanced_factors(bag_classes);
      for (size_t c = 0; c < own_factors.size(); ++c) own_factors[c] *= fixed_factors[c];
    }
    const std::vector<double>& factors = own_factors.empty() ? fixed_factors : own_factors;
    const TreeRows data{grown.rows, grown.counts,   lesson.labels, weights,
                        factors,    lesson.targets, lesson.centre};
    if (!grow_tree(matrix, data, settings.grow, stream, stop, grown.tree)) return;
    if (!settings.keep_members) {
      grown.rows = {};
      grown.counts = {};
    }
    trees[static_cast<size_t>(t)] = std::move(grown);
    finished[static_cast<size_t>(t)] = 1;
    ticker.tick();
  });

  ForestFit fit;
  fit.requested_trees = settings.n_trees;
  fit.oob_score = std::numeric_limits<double>::quiet_NaN();
  std::vector<const GrownTree*> done;
  for (size_t t = 0; t < trees.size(); ++t) {
    if (finished[t] != 0) done.push_back(&trees[t]);
  }
  if (static_cast<int64_t>(done.size()) < settings.n_trees) fit.stop_reason = stop.reason();
  if (done.empty()) {
    raise("TrainingFailed", "the forest fit was ended (", to_string(stop.reason()),
          ") before its first tree was grown: allow more time.");
  }
  if (score_oob) {
    fit.oob_values = growing::out_of_bag_values(matrix, rows, lesson.n_classes, done, settings.threads, stop);
    if (stop.stop_requested()) {
      fit.oob_values.clear();
    } else {
      growing::score_out_of_bag(rows, lesson, fit);
    }
  }
  LeafMembers members;
  if (settings.keep_members) {
    members = growing::members_of(matrix, rows, lesson.targets, weights, done, stop);
    if (static_cast<int64_t>(done.size()) < settings.n_trees) fit.stop_reason = stop.reason();
  }
  fit.state = flatten(done, matrix.cols, lesson.n_classes);
  fit.state.members = std::move(members);
  return fit;
}

}  // namespace

ForestFit fit_forest(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                     std::span<const int32_t> labels, std::span<const double> weights, int64_t n_classes,
                     const ForestSettings& settings, const StopToken& stop) {
  check_rows(matrix, rows, labels.size(), weights, settings);
  if (settings.keep_members) raise("InputError", "leaf members are kept by regression forests only.");
  std::vector<int64_t> class_count(static_cast<size_t>(n_classes), 0);
  for (const int64_t row : rows) {
    const int32_t label = labels[static_cast<size_t>(row)];
    if (label < 0 || label >= n_classes) {
      raise("InputError", "y must hold class codes 0..", n_classes - 1, " in training rows, but is ", label,
            " in row ", row, ".");
    }
    ++class_count[static_cast<size_t>(label)];
  }
  if (std::count_if(class_count.begin(), class_count.end(), [](int64_t count) { return count > 0; }) < 2) {
    raise("OneClass", "the ", rows.size(),
          " training rows hold a single class, so there is nothing to learn.");
  }
  std::vector<double> factors = settings.class_weight == ClassWeight::kBalanced
                                    ? balanced_factors(class_count)
                                    : std::vector<double>(static_cast<size_t>(n_classes), 1.0);
  std::vector<double> class_weight = weight_of_classes(rows, labels, weights, n_classes);
  if (class_weight.empty()) {
    class_weight.assign(static_cast<size_t>(n_classes), 1.0);
  } else {
    weights = {};
  }
  for (size_t c = 0; c < factors.size(); ++c) factors[c] *= class_weight[c];
  return grow_forest(matrix, rows, {labels, {}, n_classes, 0.0}, weights, factors, settings, stop);
}

ForestFit fit_regression_forest(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                                std::span<const double> targets, std::span<const double> weights,
                                const ForestSettings& settings, const StopToken& stop) {
  check_rows(matrix, rows, targets.size(), weights, settings);
  double sum = 0.0;  // weighted, so that a row of weight 2 is the same as a row given twice
  double mass = 0.0;
  double largest = 0.0;
  for (const int64_t row : rows) {
    const double target = targets[static_cast<size_t>(row)];
    if (!std::isfinite(target)) {
      raise("InputError", "y must be finite in training rows, but is ", target, " in row ", row, ".");
    }
    const double weight = weights.empty() ? 1.0 : weights[static_cast<size_t>(row)];
    sum += weight * target;
    mass += weight;
    largest = std::max(largest, std::abs(target));
  }
  if (largest > 1e100) {
    raise("InputError", "y must be at most 1e100 in size, because squares are summed, but reaches ", largest,
          ": scale it.");
  }
  if (!std::isfinite(sum) || !std::isfinite(mass)) {
    raise("InputError", "weight x y must sum to a finite number, but does not: scale the weights.");
  }
  return grow_forest(matrix, rows, {{}, targets, 1, sum / mass}, weights, {}, settings, stop);
}

}  // namespace smctrain::models
