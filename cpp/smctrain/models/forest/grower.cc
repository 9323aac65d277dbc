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

// Columns that are all tried in every node may keep histograms, up to this many at a time.
constexpr int64_t kHistogramColumns = 512;
constexpr int32_t kHistograms = 64;
constexpr int64_t kHistogramRows = 128;  // a node with fewer is filled from its rows

bool packs(const TreeRows& data, bool allow_packed) {
  return data.targets.empty() && allow_packed && data.weights.empty() &&
         data.factors.size() <= kMaxPackedClasses &&
         *std::max_element(data.counts.begin(), data.counts.end()) <= kLane;
}

// With one row a leaf, masses above 0 say all there is to say; what matters is a word less for four classes.
bool counts_distinct(const TreeRows& data, const GrowSettings& settings) {
  return data.factors.size() != 4 || settings.min_samples_leaf > 1;
}

}  // namespace

template <class Code>
TreeGrower<Code>::TreeGrower(const BinnedMatrix& matrix, const TreeRows& data, const GrowSettings& settings,
                             Philox& stream, const StopToken& stop, Tree& tree)
    : matrix_(matrix),
      data_(data),
      settings_(settings),
      stream_(stream),
      stop_(stop),
      tree_(tree),
      kernels_(kernels()),
      n_classes_(data.targets.empty() ? static_cast<int>(data.factors.size()) : 1),
      counts_rows_(counts_distinct(data, settings)),
      form_(!data.targets.empty()                ? Form::kMoments
            : packs(data, settings.allow_packed) ? Form::kPacked
                                                 : Form::kMasses),
      words_(form_ == Form::kPacked ? (n_classes_ + (counts_rows_ ? 1 : 0) + 3) / 4 : 2),
      keeps_histograms_(kBytes && form_ == Form::kPacked && !settings.random_splits &&
                        settings.max_features >= matrix.cols && matrix.cols <= kHistogramColumns) {
  const size_t m = data.rows.size();
  rows_.assign(data.rows.begin(), data.rows.end());
  spare_rows_.resize(m);
  fill_words();
  if (settings.random_splits) {
    codes_here_.resize(m);
  } else {
    const size_t n_bins = std::max(bins(), static_cast<size_t>(kBins)) + kBlock;
    occupied_.resize(n_bins);
    profile_0_.resize(n_bins);
    profile_1_.resize(words_ == 2 ? n_bins : 0);
    few_codes_.resize(static_cast<size_t>(kBatch * kPairRows));
    if (!kBytes) {
      ranks_.resize(m);
      bitmap_.resize((kMissing<Code> + 1) / 64);
      ranks_before_.resize(bitmap_.size());
    }
    const size_t batch = kBytes ? kBatch : 1;
    if (form_ == Form::kPacked) packed_.resize(batch * (bins() + kBlock) * static_cast<size_t>(words_));
    if (form_ == Form::kMoments) histogram_.resize(batch * bins() * kMomentWidth);
  }
  order_.resize(static_cast<size_t>(matrix.cols));
  std::iota(order_.begin(), order_.end(), 0);
  total_.resize(static_cast<size_t>(n_classes_));
  left_.resize(static_cast<size_t>(n_classes_));
  prefix_.resize(static_cast<size_t>(n_classes_ + 1));
  pool_.start(static_cast<size_t>(matrix.cols * kBins * words_));
  scan_.n_classes = n_classes_;
  scan_.least_rows = settings.min_samples_leaf;
  if (form_ == Form::kPacked) std::copy(data.factors.begin(), data.factors.end(), scan_.factor);
}

template <class Code>
void TreeGrower<Code>::fill_words() {
  const size_t m = rows_.size();
  const auto w = static_cast<size_t>(words_);
  additions_.assign(m * w, 0);
  spare_additions_.resize(additions_.size());
  for (size_t i = 0; i < m; ++i) {
    uint64_t* words = additions_.data() + i * w;
    const auto row = static_cast<size_t>(rows_[i]);
    const uint32_t count = data_.counts[i];
    if (form_ == Form::kPacked) {
      const int label = data_.labels[row];
      words[label / 4] += static_cast<uint64_t>(count) << (16 * (label % 4));
      if (counts_rows_) words[n_classes_ / 4] += uint64_t{1} << (16 * (n_classes_ % 4));
      continue;
    }
    const double weight = data_.weights.empty() ? count : count * data_.weights[row];
    if (form_ == Form::kMasses) {
      words[0] = std::bit_cast<uint64_t>(weight);
      words[1] = static_cast<uint64_t>(data_.labels[row]);
    } else {
      words[0] = std::bit_cast<uint64_t>(weight * (data_.targets[row] - data_.centre));
      words[1] = std::bit_cast<uint64_t>(weight);
    }
  }
}

template <class Code>
bool TreeGrower<Code>::grow() {
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

template <class Code>
bool TreeGrower<Code>::grow_depth_first(Candidate root) {
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

template <class Code>
bool TreeGrower<Code>::grow_best_first(Candidate root) {
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

template <class Code>
bool TreeGrower<Code>::visit(Candidate& at) {
  measure(at);
  const int64_t distinct = at.end - at.begin;
  if (at.leaf || !splittable(at.depth, distinct)) {
    if (at.histogram >= 0) pool_.give(at.histogram);
    return true;
  }
  if (keeps_histograms_ && at.histogram < 0 && distinct >= kHistogramRows && counts_fit_lanes()) {
    at.histogram = pool_.take();
    uint64_t* histogram = pool_.at(at.histogram);
    std::fill_n(histogram, matrix_.cols * kBins * words_, uint64_t{0});
    add_all_columns(at.begin, at.end, false, histogram);
  }
  scan_.rows = distinct;
  if (!find_split(at, at.split)) return false;
  at.gain = std::max(0.0, at.split.score - node_score_);
  const double tiny = std::numeric_limits<double>::epsilon();
  if (settings_.min_impurity_decrease > 0.0 &&
      at.gain / root_mass_ + tiny < settings_.min_impurity_decrease) {
    at.split.feature = -1;
  }
  if (at.split.feature < 0 && at.histogram >= 0) pool_.give(at.histogram);
  return true;
}

template <class Code>
void TreeGrower<Code>::divide(const Candidate& at, Candidate& left, Candidate& right) {
  const auto first = static_cast<int32_t>(tree_.nodes.size());
  const auto& edges = matrix_.edges[static_cast<size_t>(at.split.feature)];
  const auto code = static_cast<size_t>(at.split.code);
  TreeNode& node = tree_.nodes[static_cast<size_t>(at.node)];
  node.feature = static_cast<int32_t>(at.split.feature);
  node.threshold = code < edges.size() ? edges[code] : std::numeric_limits<float>::max();
  node.code = static_cast<uint16_t>(at.split.code);
  node.missing_left = at.split.missing_left ? 1 : 0;
  node.left = first;
  records_.gains[static_cast<size_t>(at.node)] = at.gain;
  tree_.nodes.resize(tree_.nodes.size() + 2);
  left.node = first;
  right.node = first + 1;
  left.depth = right.depth = at.depth + 1;
  if (at.counted) {
    for (size_t w = 0; w < 2; ++w) {
      left.words[w] = at.split.left_words[w];
      right.words[w] = at.words[w] - left.words[w];
    }
    left.counted = right.counted = true;
    left.leaf = surely_leaf(left);
    right.leaf = surely_leaf(right);
  }
  if (left.leaf && right.leaf) {  // nobody will ask where their rows are
    if (at.histogram >= 0) pool_.give(at.histogram);
    return;
  }
  const int64_t middle =
      words_ == 1 ? partition<1>(at.begin, at.end, at.split) : partition<2>(at.begin, at.end, at.split);
  left.begin = at.begin;
  left.end = right.begin = middle;
  right.end = at.end;
  if (at.histogram >= 0) share_histogram(at, left, right);
}

// The parent's histogram becomes that of the child with more rows.
template <class Code>
void TreeGrower<Code>::share_histogram(const Candidate& parent, Candidate& left, Candidate& right) {
  const bool left_smaller = left.end - left.begin < right.end - right.begin;
  Candidate& smaller = left_smaller ? left : right;
  Candidate& larger = left_smaller ? right : left;
  const auto wants = [](const Candidate& child) {
    return !child.leaf && child.end - child.begin >= kHistogramRows;
  };
  if (!wants(larger)) {
    pool_.give(parent.histogram);
    return;
  }
  larger.histogram = parent.histogram;
  if (!wants(smaller) || pool_.in_use() >= kHistograms) {
    add_all_columns(smaller.begin, smaller.end, true, pool_.at(larger.histogram));
    return;
  }
  smaller.histogram = pool_.take();
  const int64_t n_words = matrix_.cols * kBins * words_;
  uint64_t* histogram = pool_.at(smaller.histogram);
  std::fill_n(histogram, n_words, uint64_t{0});
  add_all_columns(smaller.begin, smaller.end, false, histogram);
  kernels_.subtract(pool_.at(larger.histogram), histogram, n_words);
}

template <class Code>
bool TreeGrower<Code>::surely_leaf(const Candidate& at) const {
  int present = 0;
  for (int c = 0; c < n_classes_; ++c) present += lane(at.words.data(), c) > 0 ? 1 : 0;
  if (present <= 1 || (settings_.max_depth > 0 && at.depth >= settings_.max_depth)) return true;
  if (!counts_rows_) return false;
  const auto distinct = static_cast<int64_t>(lane(at.words.data(), n_classes_));
  return distinct < settings_.min_samples_split || distinct < 2 * settings_.min_samples_leaf;
}

template <class Code>
void TreeGrower<Code>::measure(Candidate& at) {
  std::fill(total_.begin(), total_.end(), 0.0);
  node_count_ = 0;
  mass_ = 0.0;
  const auto node = static_cast<size_t>(at.node);
  const size_t n_nodes = tree_.nodes.size();
  const auto k = static_cast<size_t>(n_classes_);
  tree_.covers.resize(n_nodes);
  records_.gains.resize(n_nodes);
  records_.risks.resize(n_nodes);
  records_.values.resize(n_nodes * k);
  if (form_ == Form::kMoments) {
    measure_targets(at.begin, at.end);
    records_.values[node] = mass_ > 0.0 ? data_.centre + total_[0] / mass_ : data_.centre;
  } else {
    form_ == Form::kPacked ? measure_counts(at) : measure_masses(at.begin, at.end);
    for (size_t c = 0; c < k; ++c)
      records_.values[node * k + c] = mass_ > 0.0 ? total_[c] / mass_ : 1.0 / n_classes_;
  }
  if (at.node == 0) {
    root_mass_ = mass_;
    least_mass_ = std::max(settings_.min_weight_fraction_leaf * root_mass_ * (1.0 - 1e-12),
                           std::numeric_limits<double>::denorm_min());
    scan_.least = least_mass_;
  }
  tree_.covers[node] = mass_;
  records_.risks[node] = risk_;
}

template <class Code>
void TreeGrower<Code>::measure_counts(Candidate& at) {
  const auto k = static_cast<size_t>(n_classes_);
  std::array<uint64_t, kMaxPackedClasses> count{};
  if (at.counted) {
    for (size_t c = 0; c < k; ++c) count[c] = lane(at.words.data(), static_cast<int>(c));
  } else {
    for (int64_t i = at.begin; i < at.end; ++i) {
      const uint64_t* words = additions_.data() + i * words_;
      for (int w = 0; w < words_; ++w) at.words[static_cast<size_t>(w)] += words[w];
      for (size_t c = 0; c < k; ++c) count[c] += lane(words, static_cast<int>(c));
    }
  }
  for (size_t c = 0; c < k; ++c) {
    node_count_ += count[c];
    total_[c] = static_cast<double>(static_cast<int64_t>(count[c]));
  }
  at.counted = node_count_ <= kLane;  // else the lanes of `words` ran over
  score_classes();
  std::copy(total_.begin(), total_.end(), scan_.total);
}

template <class Code>
void TreeGrower<Code>::measure_masses(int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    total_[static_cast<size_t>(additions_[static_cast<size_t>(2 * i + 1)])] +=
        std::bit_cast<double>(additions_[static_cast<size_t>(2 * i)]);
  }
  score_classes();
}

template <class Code>
void TreeGrower<Code>::score_classes() {
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

template <class Code>
void TreeGrower<Code>::measure_targets(int64_t begin, int64_t end) {
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

template <class Code>
bool TreeGrower<Code>::splittable(int depth, int64_t distinct) const {
  return !pure_ && distinct >= settings_.min_samples_split && distinct >= 2 * settings_.min_samples_leaf &&
         mass_ >= 2.0 * least_mass_ && (settings_.max_depth <= 0 || depth < settings_.max_depth);
}

template <class Code>
bool TreeGrower<Code>::find_split(const Candidate& at, Split& best) {
  const int64_t d = matrix_.cols;
  const int64_t rows = at.end - at.begin;
  int64_t visited = 0;
  bool all_constant = true;
  while (visited < d && (visited < settings_.max_features || all_constant)) {
    const int64_t wanted = std::min(d, std::max(settings_.max_features, visited + 1)) - visited;
    const int64_t passes = (wanted + kBatch - 1) / kBatch;
    const int batch = static_cast<int>((wanted + passes - 1) / passes);
    Columns columns{};
    for (int b = 0; b < batch; ++b) {
      const int64_t pick = visited + b + stream_.below(d - visited - b);
      std::swap(order_[static_cast<size_t>(visited + b)], order_[static_cast<size_t>(pick)]);
      columns[static_cast<size_t>(b)] = order_[static_cast<size_t>(visited + b)];
    }
    if (rows * batch > 100'000 && stop_.stop_requested()) return false;
    bool varied = false;
    if (settings_.random_splits) {
      for (int b = 0; b < batch; ++b)
        varied |= search_random(at.begin, at.end, columns[static_cast<size_t>(b)], best);
    } else if (form_ == Form::kMoments) {
      varied = search_moments(at.begin, at.end, columns, batch, best);
    } else if (counts_fit_lanes()) {
      varied = search_packed(at, columns, batch, best);
    } else {
      varied = search_masses(at.begin, at.end, columns, batch, best);
    }
    if (varied) all_constant = false;
    visited += batch;
  }
  return true;
}

template <class Code>
int TreeGrower<Code>::occupied_by_rows(int64_t begin, int64_t end, int64_t column) {
  std::array<uint64_t, 4> bitmap{};
  const Code* codes = matrix_.column<Code>(column);
  for (int64_t i = begin; i < end; ++i) {
    const unsigned code = codes[rows_[static_cast<size_t>(i)]];
    bitmap[code / 64] |= uint64_t{1} << (code % 64);
  }
  bitmap[3] &= ~(uint64_t{1} << 63);
  size_t n = 0;
  for (unsigned word = 0; word < 4; ++word) {
    for (uint64_t bits = bitmap[word]; bits != 0; bits &= bits - 1) {
      occupied_[n++] = static_cast<int32_t>(word * 64 + static_cast<unsigned>(std::countr_zero(bits)));
    }
  }
  return static_cast<int>(n);
}

template <class Code>
int TreeGrower<Code>::occupied_codes(int64_t begin, int64_t end, int64_t column, const double* rows_of_bin,
                                     int width) {
  if constexpr (!kBytes) return static_cast<int>(n_ranks_);
  if (end - begin < kSmallNode) return occupied_by_rows(begin, end, column);
  int n = 0;
  for (int code = 0; code < n_codes(column); ++code) {
    occupied_[static_cast<size_t>(n)] = code;
    n += rows_of_bin[code * width] > 0.0 ? 1 : 0;
  }
  return n;
}

template <class Code>
int TreeGrower<Code>::rank_codes(int64_t begin, int64_t end, int64_t column) {
  const Code* codes = matrix_.column<Code>(column);
  const int64_t m = end - begin;
  int32_t* ranks = ranks_.data();
  int32_t* occupied = occupied_.data();
  for (int64_t i = 0; i < m; ++i) ranks[i] = codes[rows_[static_cast<size_t>(begin + i)]];
  int32_t n = 0;
  if (m * 8 < n_codes(column)) {  // sort the few
    std::vector<uint64_t>& keys = sort_keys_;
    keys.resize(static_cast<size_t>(m));
    for (int64_t i = 0; i < m; ++i)
      keys[static_cast<size_t>(i)] = static_cast<uint64_t>(ranks[i]) << 32 | static_cast<uint64_t>(i);
    std::sort(keys.begin(), keys.end());
    int32_t previous = -1;
    for (const uint64_t key : keys) {
      const auto code = static_cast<int32_t>(key >> 32);
      if (code != previous && code != kNone) occupied[n++] = code;
      previous = code;
      ranks[key & 0xFFFFFFFF] = code == kNone ? n : n - 1;
    }
    return n_ranks_ = n;
  }
  uint64_t* bitmap = bitmap_.data();
  const int n_words = n_codes(column) / 64 + 1;
  std::fill_n(bitmap, n_words, uint64_t{0});
  for (int64_t i = 0; i < m; ++i) {
    if (ranks[i] != kNone) bitmap[ranks[i] / 64] |= uint64_t{1} << (ranks[i] % 64);
  }
  for (int word = 0; word < n_words; ++word) {
    ranks_before_[static_cast<size_t>(word)] = n;
    for (uint64_t bits = bitmap[word]; bits != 0; bits &= bits - 1) {
      occupied[n++] = word * 64 + std::countr_zero(bits);
    }
  }
  for (int64_t i = 0; i < m; ++i) {
    const int32_t code = ranks[i];
    const uint64_t below = (uint64_t{1} << (code % 64)) - 1;
    ranks[i] = code == kNone
                   ? n
                   : ranks_before_[static_cast<size_t>(code / 64)] + std::popcount(bitmap[code / 64] & below);
  }
  return n_ranks_ = n;
}

// Stable: rows keep their order on both sides. Returns where the right side begins.
template <class Code>
template <int W>
int64_t TreeGrower<Code>::partition(int64_t begin, int64_t end, const Split& split) {
  const Code* codes = matrix_.column<Code>(split.feature);
  int32_t* rows = rows_.data();
  int32_t* spare_rows = spare_rows_.data();
  uint64_t* additions = additions_.data();
  uint64_t* spare = spare_additions_.data();
  const int last = split.code;
  const bool missing_left = split.missing_left;
  int64_t n_left = begin;
  int64_t n_right = 0;
  for (int64_t i = begin; i < end; ++i) {
    const int32_t row = rows[i];
    const int code = codes[row];
    const bool left = (code <= last) | ((code == kNone) & missing_left);
    // Both targets are written, one of them counts: no branch to mispredict.
    for (int w = 0; w < W; ++w) {
      const uint64_t word = additions[i * W + w];
      spare[n_right * W + w] = word;
      additions[n_left * W + w] = word;
    }
    spare_rows[n_right] = row;
    rows[n_left] = row;
    n_left += left ? 1 : 0;
    n_right += left ? 0 : 1;
  }
  std::copy_n(spare_rows, n_right, rows + n_left);
  std::copy_n(spare, n_right * W, additions + n_left * W);
  return n_left;
}

// Numbers the leaves from left to right and sums the gains of each column.
template <class Code>
void TreeGrower<Code>::finish() {
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

template class TreeGrower<uint8_t>;
template class TreeGrower<uint16_t>;

}  // namespace growing

bool grow_tree(const BinnedMatrix& matrix, const TreeRows& data, const GrowSettings& settings, Philox& stream,
               const StopToken& stop, Tree& tree) {
  if (matrix.wide) return growing::TreeGrower<uint16_t>(matrix, data, settings, stream, stop, tree).grow();
  return growing::TreeGrower<uint8_t>(matrix, data, settings, stream, stop, tree).grow();
}

}  // namespace smctrain::models
