#include "smctrain/models/forest/grower.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>

namespace smctrain::models {

namespace {

constexpr int kBins = 256;
constexpr int kBatch = 4;             // columns filled in one pass over the rows
constexpr int64_t kSmallNode = 64;    // below, occupied bins are found by rows
constexpr int kMaxPackedClasses = 7;  // two words of four lanes, one lane for distinct rows
constexpr uint64_t kLane = 0xFFFF;

struct Split {
  double score = -0.5;  // every real score is at least 0
  int64_t feature = -1;
  int code = 0;
  bool missing_left = false;
};

// Sum of squared masses over mass on both sides; grows as Gini impurity falls. Negative where a side is
// empty.
inline double split_score(const double* left, const double* total, int n_classes) {
  double left_mass = 0.0;
  double right_mass = 0.0;
  double left_squares = 0.0;
  double right_squares = 0.0;
  for (int c = 0; c < n_classes; ++c) {
    const double l = left[c];
    const double r = total[c] - l;
    left_mass += l;
    right_mass += r;
    left_squares += l * l;
    right_squares += r * r;
  }
  if (!(left_mass > 0.0 && right_mass > 0.0)) return -1.0;
  return (left_squares * right_mass + right_squares * left_mass) / (left_mass * right_mass);
}

class Grower {
 public:
  Grower(const BinnedMatrix& matrix, const TreeRows& data, const GrowSettings& settings, Philox& stream,
         const StopToken& stop, Tree& tree)
      : matrix_(matrix),
        data_(data),
        settings_(settings),
        stream_(stream),
        stop_(stop),
        tree_(tree),
        n_classes_(static_cast<int>(data.factors.size())),
        words_(!settings.allow_packed || !data.weights.empty() || n_classes_ > kMaxPackedClasses ? 0
               : n_classes_ > 3                                                                  ? 2
                                                                                                 : 1) {
    const size_t m = data.rows.size();
    rows_.assign(data.rows.begin(), data.rows.end());
    counts_.assign(data.counts.begin(), data.counts.end());
    spare_rows_.resize(m);
    spare_counts_.resize(m);
    if (words_ > 0) {
      additions_.assign(m * static_cast<size_t>(words_), 0);
      spare_additions_.resize(additions_.size());
      const int distinct_lane = n_classes_;
      for (size_t i = 0; i < m; ++i) {
        uint64_t* words = additions_.data() + i * static_cast<size_t>(words_);
        const int label = data.labels[static_cast<size_t>(rows_[i])];
        words[label / 4] += static_cast<uint64_t>(counts_[i]) << (16 * (label % 4));
        words[distinct_lane / 4] += uint64_t{1} << (16 * (distinct_lane % 4));
      }
      packed_.resize(static_cast<size_t>(kBatch * kBins * words_));
    }
    wide_.resize(static_cast<size_t>(kBins * (n_classes_ + 1)));
    order_.resize(static_cast<size_t>(matrix.cols));
    std::iota(order_.begin(), order_.end(), 0);
    total_.resize(static_cast<size_t>(n_classes_));
    left_.resize(static_cast<size_t>(n_classes_));
    prefix_.resize(static_cast<size_t>(n_classes_ + 1));
    tree_.importances.assign(static_cast<size_t>(matrix.cols), 0.0);
  }

  bool grow() {
    struct Task {
      int32_t node;
      int depth;
      int64_t begin, end;
    };
    std::vector<Task> stack;
    tree_.nodes.emplace_back();
    stack.push_back({0, 0, 0, static_cast<int64_t>(rows_.size())});
    while (!stack.empty()) {
      if (stop_.stop_requested()) return false;
      const Task task = stack.back();
      stack.pop_back();
      measure(task.begin, task.end);
      Split split;
      if (splittable(task.depth, task.end - task.begin) && !find_split(task.begin, task.end, split))
        return false;
      if (split.feature < 0) {
        make_leaf(task.node);
        continue;
      }
      const int64_t middle = partition(task.begin, task.end, split);
      const auto left = static_cast<int32_t>(tree_.nodes.size());
      const auto& edges = matrix_.edges[static_cast<size_t>(split.feature)];
      TreeNode& node = tree_.nodes[static_cast<size_t>(task.node)];
      node.feature = static_cast<int32_t>(split.feature);
      node.threshold = static_cast<size_t>(split.code) < edges.size() ? edges[static_cast<size_t>(split.code)]
                                                                      : std::numeric_limits<float>::max();
      node.code = static_cast<uint8_t>(split.code);
      node.missing_left = split.missing_left ? 1 : 0;
      node.left = left;
      tree_.importances[static_cast<size_t>(split.feature)] += std::max(0.0, split.score - node_score_);
      tree_.nodes.resize(tree_.nodes.size() + 2);
      stack.push_back({left + 1, task.depth + 1, middle, task.end});
      stack.push_back({left, task.depth + 1, task.begin, middle});
    }
    return true;
  }

 private:
  // Class masses of the node, its count, and the score of leaving it whole.
  void measure(int64_t begin, int64_t end) {
    std::fill(total_.begin(), total_.end(), 0.0);
    node_count_ = 0;
    for (int64_t i = begin; i < end; ++i) {
      const auto row = static_cast<size_t>(rows_[static_cast<size_t>(i)]);
      const uint32_t count = counts_[static_cast<size_t>(i)];
      total_[static_cast<size_t>(data_.labels[row])] +=
          data_.weights.empty() ? count : count * data_.weights[row];
      node_count_ += count;
    }
    mass_ = 0.0;
    double squares = 0.0;
    classes_present_ = 0;
    for (int c = 0; c < n_classes_; ++c) {
      double& mass = total_[static_cast<size_t>(c)];
      mass *= data_.factors[static_cast<size_t>(c)];
      if (mass > 0.0) ++classes_present_;
      mass_ += mass;
      squares += mass * mass;
    }
    node_score_ = mass_ > 0.0 ? squares / mass_ : 0.0;
  }

  bool splittable(int depth, int64_t distinct) const {
    return classes_present_ > 1 && distinct >= settings_.min_samples_split &&
           distinct >= 2 * settings_.min_samples_leaf &&
           (settings_.max_depth <= 0 || depth < settings_.max_depth);
  }

  void make_leaf(int32_t index) {
    TreeNode& node = tree_.nodes[static_cast<size_t>(index)];
    node.feature = -1;
    node.left = static_cast<int32_t>(tree_.leaves.size() / static_cast<size_t>(n_classes_));
    for (int c = 0; c < n_classes_; ++c) {
      tree_.leaves.push_back(mass_ > 0.0 ? total_[static_cast<size_t>(c)] / mass_ : 1.0 / n_classes_);
    }
  }

  // Visits max_features columns, and further ones only while all of them were constant in the node.
  // False when the token ended the search.
  bool find_split(int64_t begin, int64_t end, Split& best) {
    const int64_t d = matrix_.cols;
    int64_t visited = 0;
    bool all_constant = true;
    while (visited < d && (visited < settings_.max_features || all_constant)) {
      const int64_t wanted = visited < settings_.max_features ? settings_.max_features - visited : 1;
      const int batch = static_cast<int>(std::min<int64_t>({wanted, d - visited, kBatch}));
      std::array<int64_t, kBatch> columns{};
      for (int b = 0; b < batch; ++b) {
        const int64_t pick = visited + b + stream_.below(d - visited - b);
        std::swap(order_[static_cast<size_t>(visited + b)], order_[static_cast<size_t>(pick)]);
        columns[static_cast<size_t>(b)] = order_[static_cast<size_t>(visited + b)];
      }
      if ((end - begin) * batch > 100'000 && stop_.stop_requested()) return false;
      bool varied = false;
      if (words_ == 1 && node_count_ <= kLane) {
        varied = search_packed<1>(begin, end, columns, batch, best);
      } else if (words_ == 2 && node_count_ <= kLane) {
        varied = search_packed<2>(begin, end, columns, batch, best);
      } else {
        for (int b = 0; b < batch; ++b)
          varied |= search_wide(begin, end, columns[static_cast<size_t>(b)], best);
      }
      if (varied) all_constant = false;
      visited += batch;
    }
    return true;
  }

  template <int W>
  bool search_packed(int64_t begin, int64_t end, const std::array<int64_t, kBatch>& columns, int batch,
                     Split& best) {
    switch (batch) {  // packed_ is all zero between searches
      case 4:
        fill_packed<W, 4>(begin, end, columns);
        break;
      case 3:
        fill_packed<W, 3>(begin, end, columns);
        break;
      case 2:
        fill_packed<W, 2>(begin, end, columns);
        break;
      default:
        fill_packed<W, 1>(begin, end, columns);
        break;
    }
    bool varied = false;
    std::array<uint8_t, kBins> occupied;
    for (int b = 0; b < batch; ++b) {
      uint64_t* histogram = packed_.data() + b * kBins * W;
      const int64_t column = columns[static_cast<size_t>(b)];
      const bool small = end - begin < kSmallNode;
      const int n_occupied = small ? occupied_by_rows(begin, end, column, occupied)
                                   : occupied_by_bins<W>(histogram, n_codes(column), occupied);
      const std::span<const uint8_t> codes(occupied.data(), static_cast<size_t>(n_occupied));
      switch (n_classes_) {
        case 2:
          varied |= scan_packed<W, 2>(histogram, codes, column, end - begin, best);
          break;
        case 3:
          varied |= scan_packed<W, 3>(histogram, codes, column, end - begin, best);
          break;
        default:
          varied |= scan_packed<W, 0>(histogram, codes, column, end - begin, best);
          break;
      }
      if (small) {
        for (const uint8_t code : codes) std::fill_n(histogram + code * W, W, uint64_t{0});
        std::fill_n(histogram + kMissingCode * W, W, uint64_t{0});
      } else {
        std::fill_n(histogram, kBins * W, uint64_t{0});
      }
    }
    return varied;
  }

  int n_codes(int64_t column) const {
    return static_cast<int>(matrix_.edges[static_cast<size_t>(column)].size()) + 1;
  }

  // Codes that rows of the node take, ascending, without the missing one. By rows: a bitmap; by bins: a pass
  // over all of them without a branch for each of the mostly empty ones.
  int occupied_by_rows(int64_t begin, int64_t end, int64_t column,
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

  template <int W>
  static int occupied_by_bins(const uint64_t* histogram, int n_codes, std::array<uint8_t, kBins>& occupied) {
    int n = 0;
    for (int code = 0; code < n_codes; ++code) {
      uint64_t any = histogram[code * W];
      for (int w = 1; w < W; ++w) any |= histogram[code * W + w];
      occupied[static_cast<size_t>(n)] = static_cast<uint8_t>(code);
      n += any != 0 ? 1 : 0;
    }
    return n;
  }

  template <int W, int B>
  void fill_packed(int64_t begin, int64_t end, const std::array<int64_t, kBatch>& columns) {
    std::array<const uint8_t*, B> codes;
    for (int b = 0; b < B; ++b) codes[b] = matrix_.column(columns[b]);
    uint64_t* histogram = packed_.data();
    const int32_t* rows = rows_.data();
    const uint64_t* additions = additions_.data();
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = rows[i];
      std::array<uint64_t, W> words;
      for (int w = 0; w < W; ++w) words[w] = additions[i * W + w];
      for (int b = 0; b < B; ++b) {
        uint64_t* bin = histogram + b * kBins * W + codes[b][row] * W;
        for (int w = 0; w < W; ++w) bin[w] += words[w];
      }
    }
  }

  // True when the column takes more than one code in the node. K: number of classes, 0 = ask at run time.
  template <int W, int K>
  bool scan_packed(const uint64_t* histogram, std::span<const uint8_t> occupied, int64_t column,
                   int64_t distinct, Split& best) {
    const int k = K > 0 ? K : n_classes_;
    const auto lane = [](const uint64_t* words, int index) {
      if constexpr (W == 1) return (words[0] >> (16 * index)) & kLane;
      return (words[index / 4] >> (16 * (index % 4))) & kLane;
    };
    const uint64_t* missing = histogram + kMissingCode * W;
    const auto n_missing = static_cast<int64_t>(lane(missing, k));
    const double* factors = data_.factors.data();
    const double* total = total_.data();
    double left[K > 0 ? K : kMaxPackedClasses];
    const int n_occupied = static_cast<int>(occupied.size());
    int best_at = -1;
    for (int side = 0; side < (n_missing > 0 ? 2 : 1); ++side) {
      uint64_t prefix[W];
      for (int w = 0; w < W; ++w) prefix[w] = side == 1 ? missing[w] : 0;
      for (int at = 0; at < n_occupied; ++at) {
        const int code = occupied[static_cast<size_t>(at)];
        for (int w = 0; w < W; ++w) prefix[w] += histogram[code * W + w];
        const auto n_left = static_cast<int64_t>(lane(prefix, k));
        if (n_left < settings_.min_samples_leaf) continue;
        if (distinct - n_left < settings_.min_samples_leaf) break;
        for (int c = 0; c < k; ++c)
          left[c] = factors[c] * static_cast<double>(static_cast<int64_t>(lane(prefix, c)));
        const double score = split_score(left, total, k);
        if (score > best.score) {
          best.score = score;
          best.feature = column;
          best.missing_left = n_missing > 0 ? side == 1 : heavier_left(left, k);
          best_at = at;
        }
      }
    }
    if (best_at >= 0) {
      const int next =
          best_at + 1 < n_occupied ? occupied[static_cast<size_t>(best_at + 1)] : n_codes(column);
      best.code = middle_of_gap(occupied[static_cast<size_t>(best_at)], next, n_codes(column));
    }
    return n_occupied + (n_missing > 0 ? 1 : 0) > 1;
  }

  bool search_wide(int64_t begin, int64_t end, int64_t column, Split& best) {
    const int k = n_classes_;
    const int width = k + 1;
    std::fill(wide_.begin(), wide_.end(), 0.0);
    const uint8_t* codes = matrix_.column(column);
    for (int64_t i = begin; i < end; ++i) {
      const auto row = static_cast<size_t>(rows_[static_cast<size_t>(i)]);
      const double count = counts_[static_cast<size_t>(i)];
      double* bin = wide_.data() + codes[row] * width;
      bin[data_.labels[row]] += data_.weights.empty() ? count : count * data_.weights[row];
      bin[k] += 1.0;
    }
    const int64_t distinct = end - begin;
    const int n_bins = n_codes(column);
    const double* missing = wide_.data() + kMissingCode * width;
    const bool has_missing = missing[k] > 0.0;
    int n_occupied = has_missing ? 1 : 0;
    for (int code = 0; code < n_bins; ++code)
      n_occupied += wide_[static_cast<size_t>(code * width + k)] > 0.0 ? 1 : 0;
    int best_code = -1;
    for (int side = 0; side < (has_missing ? 2 : 1); ++side) {
      for (int c = 0; c < width; ++c) prefix_[static_cast<size_t>(c)] = side == 1 ? missing[c] : 0.0;
      for (int code = 0; code < n_bins; ++code) {
        const double* bin = wide_.data() + code * width;
        if (bin[k] == 0.0) continue;
        for (int c = 0; c < width; ++c) prefix_[static_cast<size_t>(c)] += bin[c];
        const auto n_left = static_cast<int64_t>(prefix_[static_cast<size_t>(k)]);
        if (n_left < settings_.min_samples_leaf) continue;
        if (distinct - n_left < settings_.min_samples_leaf) break;
        for (int c = 0; c < k; ++c) {
          left_[static_cast<size_t>(c)] =
              data_.factors[static_cast<size_t>(c)] * prefix_[static_cast<size_t>(c)];
        }
        const double score = split_score(left_.data(), total_.data(), k);
        if (score > best.score) {
          best.score = score;
          best.feature = column;
          best.missing_left = has_missing ? side == 1 : heavier_left(left_.data(), k);
          best_code = code;
        }
      }
    }
    if (best_code >= 0) {
      int next = best_code + 1;
      while (next < n_bins && wide_[static_cast<size_t>(next * width + k)] == 0.0) ++next;
      best.code = middle_of_gap(best_code, next, n_bins);
    }
    return n_occupied > 1;
  }

  // Where no row of the node was missing, later missing values follow the majority.
  bool heavier_left(const double* left, int k) const {
    double mass = 0.0;
    for (int c = 0; c < k; ++c) mass += left[c];
    return 2.0 * mass > mass_;
  }

  // The node may have no rows in the bins next to the boundary: cut in the middle of that gap. `next` is the
  // next occupied code; none (n_codes) means that only missing values go right, which the last code
  // expresses.
  static int middle_of_gap(int code, int next, int n_codes) {
    return next >= n_codes ? n_codes - 1 : (code + next - 1) / 2;
  }

  // Stable: rows keep their order on both sides. Returns where the right side begins.
  int64_t partition(int64_t begin, int64_t end, const Split& split) {
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

  const BinnedMatrix& matrix_;
  const TreeRows& data_;
  const GrowSettings& settings_;
  Philox& stream_;
  const StopToken& stop_;
  Tree& tree_;
  const int n_classes_;
  const int words_;  // 0: wide histograms only

  std::vector<int32_t> rows_, spare_rows_;
  std::vector<uint32_t> counts_, spare_counts_;
  std::vector<uint64_t> additions_, spare_additions_;  // words_ for each position
  std::vector<uint64_t> packed_;
  std::vector<double> wide_, prefix_, left_;
  std::vector<int64_t> order_;

  // Of the node at hand.
  std::vector<double> total_;
  double mass_ = 0.0;
  double node_score_ = 0.0;
  uint64_t node_count_ = 0;
  int classes_present_ = 0;
};

}  // namespace

bool grow_tree(const BinnedMatrix& matrix, const TreeRows& data, const GrowSettings& settings, Philox& stream,
               const StopToken& stop, Tree& tree) {
  return Grower(matrix, data, settings, stream, stop, tree).grow();
}

}  // namespace smctrain::models
