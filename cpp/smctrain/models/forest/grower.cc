#include "smctrain/models/forest/grower.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <queue>
#include <utility>

#include "smctrain/models/forest/tree_grower.h"

namespace smctrain::models {

namespace growing {

namespace {

int words_of(const TreeRows& data, bool allow_packed) {
  if (!data.targets.empty()) return 2;
  const size_t n_classes = data.factors.size();
  if (!allow_packed || !data.weights.empty() || n_classes > kMaxPackedClasses) return 0;
  return n_classes > 3 ? 2 : 1;
}

}  // namespace

TreeGrower::TreeGrower(const BinnedMatrix& matrix, const TreeRows& data, const GrowSettings& settings,
                       Philox& stream, const StopToken& stop, Tree& tree)
    : matrix_(matrix),
      data_(data),
      settings_(settings),
      stream_(stream),
      stop_(stop),
      tree_(tree),
      regression_(!data.targets.empty()),
      n_classes_(regression_ ? 1 : static_cast<int>(data.factors.size())),
      words_(words_of(data, settings.allow_packed)) {
  const size_t m = data.rows.size();
  rows_.assign(data.rows.begin(), data.rows.end());
  counts_.assign(data.counts.begin(), data.counts.end());
  spare_rows_.resize(m);
  spare_counts_.resize(m);
  fill_words();
  if (settings.random_splits) codes_here_.resize(m);
  if (regression_) {
    wide_.assign(static_cast<size_t>(kBatch * kBins * kMomentWidth), 0.0);
  } else {
    packed_.resize(static_cast<size_t>(kBatch * kBins * words_));
    wide_.assign(static_cast<size_t>(kBins * (n_classes_ + 1)), 0.0);
  }
  order_.resize(static_cast<size_t>(matrix.cols));
  std::iota(order_.begin(), order_.end(), 0);
  total_.resize(static_cast<size_t>(n_classes_));
  left_.resize(static_cast<size_t>(n_classes_));
  prefix_.resize(static_cast<size_t>(n_classes_ + 1));
}

void TreeGrower::fill_words() {
  if (words_ == 0) return;
  const size_t m = rows_.size();
  additions_.assign(m * static_cast<size_t>(words_), 0);
  spare_additions_.resize(additions_.size());
  for (size_t i = 0; i < m; ++i) {
    uint64_t* words = additions_.data() + i * static_cast<size_t>(words_);
    const auto row = static_cast<size_t>(rows_[i]);
    if (regression_) {
      const double weight = data_.weights.empty() ? counts_[i] : counts_[i] * data_.weights[row];
      words[0] = std::bit_cast<uint64_t>(weight * (data_.targets[row] - data_.centre));
      words[1] = std::bit_cast<uint64_t>(weight);
    } else {
      const int label = data_.labels[row];
      words[label / 4] += static_cast<uint64_t>(counts_[i]) << (16 * (label % 4));
      words[n_classes_ / 4] += uint64_t{1} << (16 * (n_classes_ % 4));  // the lane of distinct rows
    }
  }
}

bool TreeGrower::grow() {
  tree_.nodes.emplace_back();
  Candidate root;
  root.end = static_cast<int64_t>(rows_.size());
  if (!visit(root)) return false;
  if (!(settings_.max_leaf_nodes > 0 ? grow_best_first(root) : grow_depth_first(root))) return false;
  if (settings_.ccp_alpha > 0.0) {
    prune_tree(settings_.ccp_alpha * root_mass_, n_classes_, tree_, records_);
  }
  finish();
  return true;
}

bool TreeGrower::grow_depth_first(Candidate root) {
  std::vector<Candidate> stack{root};
  while (!stack.empty()) {
    if (stop_.stop_requested()) return false;
    Candidate at = stack.back();
    stack.pop_back();
    if (at.node != 0 && !visit(at)) return false;
    if (at.split.feature < 0) continue;
    Candidate left;
    Candidate right;
    divide(at, left, right);
    stack.push_back(right);
    stack.push_back(left);
  }
  return true;
}

bool TreeGrower::grow_best_first(Candidate root) {
  const auto later = [](const Candidate& a, const Candidate& b) {
    return a.gain != b.gain ? a.gain < b.gain : a.node > b.node;
  };
  std::priority_queue<Candidate, std::vector<Candidate>, decltype(later)> waiting(later);
  if (root.split.feature >= 0) waiting.push(root);
  for (int64_t leaves = 1; leaves < settings_.max_leaf_nodes && !waiting.empty(); ++leaves) {
    if (stop_.stop_requested()) return false;
    const Candidate at = waiting.top();
    waiting.pop();
    Candidate left;
    Candidate right;
    divide(at, left, right);
    for (Candidate* child : {&left, &right}) {
      if (!visit(*child)) return false;
      if (child->split.feature >= 0) waiting.push(*child);
    }
  }
  return true;
}

bool TreeGrower::visit(Candidate& candidate) {
  measure(candidate.node, candidate.begin, candidate.end);
  const int64_t distinct = candidate.end - candidate.begin;
  if (!splittable(candidate.depth, distinct)) return true;
  if (!find_split(candidate.begin, candidate.end, candidate.split)) return false;
  candidate.gain = std::max(0.0, candidate.split.score - node_score_);
  const double tiny = std::numeric_limits<double>::epsilon();
  if (settings_.min_impurity_decrease > 0.0 &&
      candidate.gain / root_mass_ + tiny < settings_.min_impurity_decrease) {
    candidate.split.feature = -1;
  }
  return true;
}

void TreeGrower::divide(const Candidate& at, Candidate& left, Candidate& right) {
  const int64_t middle = partition(at.begin, at.end, at.split);
  const auto first = static_cast<int32_t>(tree_.nodes.size());
  const auto& edges = matrix_.edges[static_cast<size_t>(at.split.feature)];
  const auto code = static_cast<size_t>(at.split.code);
  TreeNode& node = tree_.nodes[static_cast<size_t>(at.node)];
  node.feature = static_cast<int32_t>(at.split.feature);
  node.threshold = code < edges.size() ? edges[code] : std::numeric_limits<float>::max();
  node.code = static_cast<uint8_t>(at.split.code);
  node.missing_left = at.split.missing_left ? 1 : 0;
  node.left = first;
  records_.gains[static_cast<size_t>(at.node)] = at.gain;
  tree_.nodes.resize(tree_.nodes.size() + 2);
  left.node = first;
  left.begin = at.begin;
  left.end = middle;
  right.node = first + 1;
  right.begin = middle;
  right.end = at.end;
  left.depth = right.depth = at.depth + 1;
}

void TreeGrower::measure(int32_t node, int64_t begin, int64_t end) {
  std::fill(total_.begin(), total_.end(), 0.0);
  node_count_ = 0;
  mass_ = 0.0;
  const auto at = static_cast<size_t>(node);
  const size_t n_nodes = tree_.nodes.size();
  const auto k = static_cast<size_t>(n_classes_);
  tree_.covers.resize(n_nodes);
  records_.gains.resize(n_nodes);
  records_.risks.resize(n_nodes);
  records_.values.resize(n_nodes * k);
  if (regression_) {
    measure_targets(begin, end);
    records_.values[at] = mass_ > 0.0 ? data_.centre + total_[0] / mass_ : data_.centre;
  } else {
    measure_classes(begin, end);
    for (size_t c = 0; c < k; ++c)
      records_.values[at * k + c] = mass_ > 0.0 ? total_[c] / mass_ : 1.0 / n_classes_;
  }
  if (node == 0) {
    root_mass_ = mass_;
    least_mass_ = std::max(settings_.min_weight_fraction_leaf * root_mass_ * (1.0 - 1e-12),
                           std::numeric_limits<double>::denorm_min());
  }
  tree_.covers[at] = mass_;
  records_.risks[at] = risk_;
}

void TreeGrower::measure_classes(int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const auto row = static_cast<size_t>(rows_[static_cast<size_t>(i)]);
    const uint32_t count = counts_[static_cast<size_t>(i)];
    total_[static_cast<size_t>(data_.labels[row])] +=
        data_.weights.empty() ? count : count * data_.weights[row];
    node_count_ += count;
  }
  double squares = 0.0;
  int present = 0;
  for (int c = 0; c < n_classes_; ++c) {
    double& mass = total_[static_cast<size_t>(c)];
    mass *= data_.factors[static_cast<size_t>(c)];
    if (mass > 0.0) ++present;
    mass_ += mass;
    squares += mass * mass;
  }
  node_score_ = mass_ > 0.0 ? squares / mass_ : 0.0;
  pure_ = present <= 1;
  risk_ = std::max(0.0, mass_ - node_score_);
}

void TreeGrower::measure_targets(int64_t begin, int64_t end) {
  double squares = 0.0;
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  for (int64_t i = begin; i < end; ++i) {
    const double target = data_.targets[static_cast<size_t>(rows_[static_cast<size_t>(i)])];
    const double product = std::bit_cast<double>(additions_[static_cast<size_t>(2 * i)]);
    total_[0] += product;
    squares += product * (target - data_.centre);
    mass_ += std::bit_cast<double>(additions_[static_cast<size_t>(2 * i + 1)]);
    least = std::min(least, target);
    most = std::max(most, target);
  }
  node_score_ = mass_ > 0.0 ? total_[0] * total_[0] / mass_ : 0.0;
  pure_ = !(least < most);
  risk_ = std::max(0.0, squares - node_score_);
}

bool TreeGrower::splittable(int depth, int64_t distinct) const {
  return !pure_ && distinct >= settings_.min_samples_split && distinct >= 2 * settings_.min_samples_leaf &&
         mass_ >= 2.0 * least_mass_ && (settings_.max_depth <= 0 || depth < settings_.max_depth);
}

bool TreeGrower::find_split(int64_t begin, int64_t end, Split& best) {
  const int64_t d = matrix_.cols;
  int64_t visited = 0;
  bool all_constant = true;
  while (visited < d && (visited < settings_.max_features || all_constant)) {
    const int64_t wanted = visited < settings_.max_features ? settings_.max_features - visited : 1;
    const int batch = static_cast<int>(std::min<int64_t>({wanted, d - visited, kBatch}));
    Columns columns{};
    for (int b = 0; b < batch; ++b) {
      const int64_t pick = visited + b + stream_.below(d - visited - b);
      std::swap(order_[static_cast<size_t>(visited + b)], order_[static_cast<size_t>(pick)]);
      columns[static_cast<size_t>(b)] = order_[static_cast<size_t>(visited + b)];
    }
    if ((end - begin) * batch > 100'000 && stop_.stop_requested()) return false;
    bool varied = false;
    if (settings_.random_splits) {
      for (int b = 0; b < batch; ++b)
        varied |= search_random(begin, end, columns[static_cast<size_t>(b)], best);
    } else if (regression_) {
      varied = search_moments(begin, end, columns, batch, best);
    } else if (counts_fit_lanes()) {
      varied = search_packed_columns(begin, end, columns, batch, best);
    } else {
      for (int b = 0; b < batch; ++b)
        varied |= search_wide(begin, end, columns[static_cast<size_t>(b)], best);
    }
    if (varied) all_constant = false;
    visited += batch;
  }
  return true;
}

// Codes that rows of the node take, ascending, without the missing one.
int TreeGrower::occupied_by_rows(int64_t begin, int64_t end, int64_t column,
                                 std::array<uint8_t, kBins>& occupied) const {
  std::array<uint64_t, 4> bitmap{};
  const uint8_t* codes = matrix_.column(column);
  for (int64_t i = begin; i < end; ++i) {
    const unsigned code = codes[rows_[static_cast<size_t>(i)]];
    bitmap[code / 64] |= uint64_t{1} << (code % 64);
  }
  bitmap[3] &= ~(uint64_t{1} << 63);
  size_t n = 0;
  for (unsigned word = 0; word < 4; ++word) {
    for (uint64_t bits = bitmap[word]; bits != 0; bits &= bits - 1) {
      occupied[n++] = static_cast<uint8_t>(word * 64 + static_cast<unsigned>(std::countr_zero(bits)));
    }
  }
  return static_cast<int>(n);
}

// Stable: rows keep their order on both sides. Returns where the right side begins.
int64_t TreeGrower::partition(int64_t begin, int64_t end, const Split& split) {
  const uint8_t* codes = matrix_.column(split.feature);
  const auto w = static_cast<size_t>(words_);
  int64_t n_left = begin;
  int64_t n_right = 0;
  for (int64_t i = begin; i < end; ++i) {
    const int32_t row = rows_[static_cast<size_t>(i)];
    const uint32_t count = counts_[static_cast<size_t>(i)];
    const int code = codes[row];
    const bool left = code == kMissingCode ? split.missing_left : code <= split.code;
    const auto to_left = static_cast<size_t>(n_left);
    const auto to_right = static_cast<size_t>(n_right);
    // Both targets are written, one of them counts: no branch to mispredict.
    for (size_t k = 0; k < w; ++k) {
      const uint64_t word = additions_[static_cast<size_t>(i) * w + k];
      spare_additions_[to_right * w + k] = word;
      additions_[to_left * w + k] = word;
    }
    spare_rows_[to_right] = row;
    spare_counts_[to_right] = count;
    rows_[to_left] = row;
    counts_[to_left] = count;
    n_left += left ? 1 : 0;
    n_right += left ? 0 : 1;
  }
  std::copy_n(spare_rows_.begin(), n_right, rows_.begin() + n_left);
  std::copy_n(spare_counts_.begin(), n_right, counts_.begin() + n_left);
  if (w > 0) {
    std::copy_n(spare_additions_.begin(), n_right * words_, additions_.begin() + n_left * words_);
  }
  return n_left;
}

// Numbers the leaves from left to right and sums the gains of each column.
void TreeGrower::finish() {
  const auto k = static_cast<size_t>(n_classes_);
  tree_.importances.assign(static_cast<size_t>(matrix_.cols), 0.0);
  int32_t n_leaves = 0;
  std::vector<int32_t> stack{0};
  while (!stack.empty()) {
    const auto at = static_cast<size_t>(stack.back());
    stack.pop_back();
    TreeNode& node = tree_.nodes[at];
    if (node.feature >= 0) {
      tree_.importances[static_cast<size_t>(node.feature)] += records_.gains[at];
      stack.push_back(node.left + 1);
      stack.push_back(node.left);
      continue;
    }
    node.left = n_leaves++;
    const double* value = records_.values.data() + at * k;
    tree_.leaves.insert(tree_.leaves.end(), value, value + k);
  }
}

}  // namespace growing

bool grow_tree(const BinnedMatrix& matrix, const TreeRows& data, const GrowSettings& settings, Philox& stream,
               const StopToken& stop, Tree& tree) {
  return growing::TreeGrower(matrix, data, settings, stream, stop, tree).grow();
}

}  // namespace smctrain::models
