#include "smctrain/models/forest/permutation.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/base/rng.h"

namespace smctrain::models {

namespace {

constexpr int64_t kFewBlocks = 8;
constexpr int64_t kBlockBytes = 4 << 20;  // changes of a block of rows: about what the second cache holds

bool goes_left(const ForestState& state, size_t node, float value) {
  return std::isnan(value) ? state.missing_left[node] != 0 : value <= state.threshold[node];
}

// Predictions of a block of rows, and how each (column, repeat) changes them.
class Block {
 public:
  Block(const Forest& forest, MatrixView<const float> X, std::span<const int32_t> sources, int64_t repeats,
        int64_t begin, int64_t end)
      : state_(forest.state()),
        X_(X),
        sources_(sources),
        repeats_(repeats),
        k_(state_.n_classes),
        begin_(begin),
        size_(end - begin),
        base_(static_cast<size_t>(size_ * k_), 0.0),
        change_(static_cast<size_t>(X.cols * repeats * size_ * k_), 0.0),
        left_path_(static_cast<size_t>(X.cols * repeats), 0) {}

  void walk(size_t tree) {
    const auto first = static_cast<size_t>(state_.node_start[tree]);
    for (int64_t i = 0; i < size_; ++i) {
      path_.clear();
      size_t at = first;
      while (state_.feature[at] >= 0) {
        path_.push_back(at);
        const bool left = goes_left(state_, at, X_(begin_ + i, state_.feature[at]));
        at = first + static_cast<size_t>(state_.left[at] + (left ? 0 : 1));
      }
      const double* old_share = share(tree, at);
      for (int64_t c = 0; c < k_; ++c) base_[static_cast<size_t>(i * k_ + c)] += old_share[c];
      for (const size_t node : path_) leave_at(tree, first, node, i, old_share);
      for (const size_t node : path_) {
        std::fill_n(left_path_.begin() + state_.feature[node] * repeats_, repeats_, uint8_t{0});
      }
    }
  }

  const double* base(int64_t i) const { return base_.data() + i * k_; }
  const double* change(int64_t column, int64_t repeat, int64_t i) const {
    return change_.data() + ((column * repeats_ + repeat) * size_ + i) * k_;
  }

 private:
  const double* share(size_t tree, size_t leaf) const {
    return state_.leaf_share.data() + (state_.leaf_start[tree] + state_.left[leaf]) * k_;
  }

  void leave_at(size_t tree, size_t first, size_t node, int64_t i, const double* old_share) {
    const int32_t column = state_.feature[node];
    const bool old_left = goes_left(state_, node, X_(begin_ + i, column));
    for (int64_t r = 0; r < repeats_; ++r) {
      uint8_t& left_path = left_path_[static_cast<size_t>(column * repeats_ + r)];
      if (left_path != 0) continue;
      const float value = X_(sources_[static_cast<size_t>(r * X_.rows + begin_ + i)], column);
      const bool left = goes_left(state_, node, value);
      if (left == old_left) continue;
      left_path = 1;
      size_t at = first + static_cast<size_t>(state_.left[node] + (left ? 0 : 1));
      while (state_.feature[at] >= 0) {
        const int32_t asked = state_.feature[at];
        const bool to_left = goes_left(state_, at, asked == column ? value : X_(begin_ + i, asked));
        at = first + static_cast<size_t>(state_.left[at] + (to_left ? 0 : 1));
      }
      const double* new_share = share(tree, at);
      double* change = change_.data() + ((column * repeats_ + r) * size_ + i) * k_;
      for (int64_t c = 0; c < k_; ++c) change[c] += new_share[c] - old_share[c];
    }
  }

  const ForestState& state_;
  MatrixView<const float> X_;
  std::span<const int32_t> sources_;
  const int64_t repeats_;
  const int64_t k_;
  const int64_t begin_;
  const int64_t size_;
  std::vector<double> base_;
  std::vector<double> change_;      // columns x repeats x rows of the block x classes
  std::vector<uint8_t> left_path_;  // of the row and tree at hand, by column and repeat
  std::vector<size_t> path_;
};

}  // namespace

std::vector<int32_t> permuted_rows(int64_t rows, int64_t horizon, int64_t repeats, uint64_t seed) {
  if (horizon < 1) raise("InputError", "horizon must be an integer of at least 1, but is ", horizon, ".");
  if (repeats < 1) raise("InputError", "n_repeats must be an integer of at least 1, but is ", repeats, ".");
  if (horizon > rows || rows <= 4 * horizon) {
    raise("InputError", "X must have more than 4 x horizon = 4 x ", horizon,
          " rows, so that rows can move further than their labels reach, but has ", rows, ".");
  }
  const int64_t length = 2 * horizon;
  const int64_t blocks = (rows + length - 1) / length;
  std::vector<int32_t> sources;
  sources.reserve(static_cast<size_t>(rows * repeats));
  for (int64_t r = 0; r < repeats; ++r) {
    Philox stream(seed, format("permute/", r));
    if (blocks < kFewBlocks) {
      const int64_t shift = length + stream.below(rows - 2 * length + 1);
      for (int64_t i = 0; i < rows; ++i) sources.push_back(static_cast<int32_t>((i + shift) % rows));
      continue;
    }
    std::vector<int64_t> order(static_cast<size_t>(blocks));
    std::iota(order.begin(), order.end(), 0);
    for (int64_t b = blocks - 1; b > 0; --b) {
      std::swap(order[static_cast<size_t>(b)], order[static_cast<size_t>(stream.below(b + 1))]);
    }
    for (const int64_t block : order) {
      const int64_t end = std::min(rows, (block + 1) * length);
      for (int64_t i = block * length; i < end; ++i) sources.push_back(static_cast<int32_t>(i));
    }
  }
  return sources;
}

PermutationScores permutation_scores(const Forest& forest, MatrixView<const float> X,
                                     std::span<const int32_t> labels, std::span<const double> targets,
                                     std::span<const int32_t> sources, int64_t repeats, int threads,
                                     const StopToken& stop) {
  const ForestState& state = forest.state();
  const int64_t k = state.n_classes;
  const bool regression = k == 1;
  if (X.cols != state.n_features) {
    raise("InputError", "X must have ", state.n_features, " columns, as in training, but has ", X.cols, ".");
  }
  const size_t n_answers = regression ? targets.size() : labels.size();
  if (static_cast<int64_t>(n_answers) != X.rows || X.rows == 0) {
    raise("InputError", "y must have ", X.rows, " entries, one for each row of X, but has ", n_answers, ".");
  }
  if (repeats < 1 || static_cast<int64_t>(sources.size()) != repeats * X.rows) {
    raise("InputError", "sources must hold ", X.rows, " rows for each repeat.");
  }
  for (const int32_t source : sources) {
    if (source < 0 || source >= X.rows) raise("InputError", "sources must lie in 0..", X.rows - 1, ".");
  }
  double spread = 0.0;
  if (regression) {
    const double mean = std::accumulate(targets.begin(), targets.end(), 0.0) / static_cast<double>(X.rows);
    for (const double target : targets) spread += (target - mean) * (target - mean);
    if (!(spread > 0.0 && std::isfinite(spread))) {
      raise("InputError",
            "y must hold finite numbers that are not all equal, because R2 compares with their spread.");
    }
  }
  const int64_t scores = X.cols * repeats + 1;  // the last one: nothing moved
  const int64_t bytes_a_row = scores * k * static_cast<int64_t>(sizeof(double));
  const int64_t block_rows = std::clamp<int64_t>(kBlockBytes / bytes_a_row, 1, 128);
  const int64_t blocks = (X.rows + block_rows - 1) / block_rows;
  std::vector<double> losses(static_cast<size_t>(blocks * scores), 0.0);  // wrong rows, or squared errors
  std::atomic<bool> stopped{false};
  const auto trees = static_cast<double>(forest.n_trees());
  parallel_for(blocks, threads, [&](int64_t b) {
    const int64_t begin = b * block_rows;
    const int64_t end = std::min(X.rows, begin + block_rows);
    if (stop.stop_requested()) {
      stopped.store(true, std::memory_order_relaxed);
      return;
    }
    Block block(forest, X, sources, repeats, begin, end);
    for (size_t tree = 0; tree < static_cast<size_t>(forest.n_trees()); ++tree) {
      if (stop.stop_requested()) {
        stopped.store(true, std::memory_order_relaxed);
        return;
      }
      block.walk(tree);
    }
    std::vector<double> values(static_cast<size_t>(k));
    double* loss = losses.data() + b * scores;
    const std::vector<double> nothing(static_cast<size_t>(k), 0.0);
    for (int64_t s = 0; s < scores; ++s) {
      for (int64_t i = 0; i < end - begin; ++i) {
        const double* change = s + 1 < scores ? block.change(s / repeats, s % repeats, i) : nothing.data();
        for (int64_t c = 0; c < k; ++c) values[static_cast<size_t>(c)] = block.base(i)[c] + change[c];
        const auto row = static_cast<size_t>(begin + i);
        if (regression) {
          const double error = targets[row] - values[0] / trees;
          loss[s] += error * error;
        } else {
          loss[s] +=
              std::max_element(values.begin(), values.end()) - values.begin() == labels[row] ? 0.0 : 1.0;
        }
      }
    }
  });
  PermutationScores result;
  result.complete = !stopped.load();
  result.permuted.resize(static_cast<size_t>(scores - 1));
  for (int64_t s = 0; s < scores; ++s) {
    double sum = 0.0;
    for (int64_t b = 0; b < blocks; ++b) sum += losses[static_cast<size_t>(b * scores + s)];
    const double score = 1.0 - sum / (regression ? spread : static_cast<double>(X.rows));
    (s + 1 < scores ? result.permuted[static_cast<size_t>(s)] : result.baseline) = score;
  }
  return result;
}

}  // namespace smctrain::models
