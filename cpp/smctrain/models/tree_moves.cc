#include "smctrain/models/tree_moves.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"

namespace smctrain::models {

namespace {

constexpr float kZero = 1e-35F;  // LightGBM's kZeroThreshold

// Thresholds of every column, ascending and different.
std::vector<std::vector<float>> thresholds_of(const TreesToMove& trees, int64_t cols) {
  std::vector<std::vector<float>> result(static_cast<size_t>(cols));
  for (size_t i = 0; i < trees.feature.size(); ++i) {
    if (trees.feature[i] >= 0) result[static_cast<size_t>(trees.feature[i])].push_back(trees.threshold[i]);
  }
  for (auto& values : result) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
  }
  return result;
}

template <class Code, class Column>
class CodedTrees {
 public:
  static constexpr Code kMissing = std::numeric_limits<Code>::max();

  CodedTrees(const TreesToMove& trees, const std::vector<std::vector<float>>& thresholds,
             MatrixView<const float> X, int threads)
      : trees_(trees), cols_(X.cols), nodes_(trees.feature.size()) {
    for (size_t t = 0; t + 1 < trees.tree_start.size(); ++t) {
      const int64_t first = trees.tree_start[t];
      for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(trees.tree_start[t + 1]); ++i) {
        Node& node = nodes_[i];
        if (trees.feature[i] < 0) continue;
        const auto& known = thresholds[static_cast<size_t>(trees.feature[i])];
        node.left = static_cast<int32_t>(first + trees.left[i]);
        node.column = static_cast<Column>(trees.feature[i] * 2 + (trees.missing_left[i] != 0 ? 1 : 0));
        node.code = static_cast<Code>(std::lower_bound(known.begin(), known.end(), trees.threshold[i]) -
                                      known.begin());
      }
    }
    codes_.resize(static_cast<size_t>(X.rows * cols_));
    constexpr int64_t kRows = 256;
    parallel_for((X.rows + kRows - 1) / kRows, threads, [&](int64_t b) {
      for (int64_t j = 0; j < cols_; ++j) {
        const auto& known = thresholds[static_cast<size_t>(j)];
        for (int64_t i = b * kRows; i < std::min(X.rows, (b + 1) * kRows); ++i) {
          const float x = X(i, j);
          Code& code = codes_[static_cast<size_t>(i * cols_ + j)];
          if (std::isnan(x) || (trees.zero_is_missing && std::abs(x) <= kZero)) {
            code = kMissing;
          } else if (trees.equal_goes_left) {
            code = static_cast<Code>(std::lower_bound(known.begin(), known.end(), x) - known.begin());
          } else {
            code = static_cast<Code>(std::upper_bound(known.begin(), known.end(), x) - known.begin());
          }
        }
      }
    });
  }

  bool fill(const MoveBlock& block, const Moves& moves, int64_t rows, const StopToken& stop) const {
    const int64_t size = block.end - block.begin;
    const int64_t width = trees_.width;
    const bool is_vector = trees_.tree_sum.empty();
    const int64_t repeats = moves.repeats;
    if (!trees_.base.empty()) {
      for (int64_t i = 0; i < size; ++i) std::copy_n(trees_.base.data(), width, block.base + i * width);
    }
    std::vector<int32_t> group(static_cast<size_t>(cols_));
    for (size_t j = 0; j < group.size(); ++j) {
      const int32_t g = moves.group_of[j];
      group[j] =
          g >= block.first_group && g < block.last_group ? g - static_cast<int32_t>(block.first_group) : -1;
    }
    // Codes that moved rows would have, (row, column, repeat): a node then compares neighbouring bytes.
    std::vector<Code> moved(static_cast<size_t>(size * cols_ * repeats));
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t r = 0; r < repeats; ++r) {
        const Code* other = other_row(moves, rows, r, block.begin + i);
        Code* to = moved.data() + i * cols_ * repeats + r;
        for (int64_t j = 0; j < cols_; ++j) to[j * repeats] = other[j];
      }
    }
    // Repeats in which the row has left its path at a node of the group, as bits.
    const int64_t words = (repeats + 63) / 64;
    std::vector<uint64_t> left_path(static_cast<size_t>((block.last_group - block.first_group) * words), 0);
    std::vector<const Node*> path;
    const Node* const nodes = nodes_.data();
    for (size_t t = 0; t + 1 < trees_.tree_start.size(); ++t) {
      if (stop.stop_requested()) return false;
      const int64_t count = is_vector ? width : 1;
      const int64_t slot = is_vector ? 0 : trees_.tree_sum[t];
      for (int64_t i = 0; i < size; ++i) {
        const Code* row = codes_.data() + (block.begin + i) * cols_;
        path.clear();
        const Node* at = nodes + trees_.tree_start[t];
        while (at->left >= 0) {
          path.push_back(at);
          at = nodes + at->left + (goes_left(*at, row[at->column >> 1]) ? 0 : 1);
        }
        const double* old_value = value_of(at);
        double* base = block.base + i * width + slot;
        for (int64_t c = 0; c < count; ++c) base[c] += old_value[c];
        for (const Node* node : path) {
          const auto asked = node->column >> 1;
          const int32_t g = group[asked];
          if (g < 0) continue;
          const bool old_left = goes_left(*node, row[asked]);
          const Code* news = moved.data() + (i * cols_ + static_cast<int64_t>(asked)) * repeats;
          for (int64_t w = 0; w < words; ++w) {
            const int64_t last = std::min<int64_t>(repeats, 64 * (w + 1));
            uint64_t leaving = 0;
            for (int64_t r = 64 * w; r < last; ++r) {
              leaving |= static_cast<uint64_t>(goes_left(*node, news[r]) != old_left) << (r - 64 * w);
            }
            uint64_t& has_left = left_path[static_cast<size_t>(g * words + w)];
            leaving &= ~has_left;
            has_left |= leaving;
            for (; leaving != 0; leaving &= leaving - 1) {
              const int64_t r = 64 * w + std::countr_zero(leaving);
              const Code* other = other_row(moves, rows, r, block.begin + i);
              const Node* walk = nodes + node->left + (old_left ? 1 : 0);
              while (walk->left >= 0) {
                const auto column = walk->column >> 1;
                const Code code = group[column] == g ? other[column] : row[column];
                walk = nodes + walk->left + (goes_left(*walk, code) ? 0 : 1);
              }
              const double* new_value = value_of(walk);
              double* change = block.change + ((g * repeats + r) * size + i) * width + slot;
              for (int64_t c = 0; c < count; ++c) change[c] += new_value[c] - old_value[c];
            }
          }
        }
        for (const Node* node : path) {
          const int32_t g = group[node->column >> 1];
          if (g >= 0) std::fill_n(left_path.begin() + g * words, words, uint64_t{0});
        }
      }
    }
    return true;
  }

 private:
  struct Node {
    int32_t left = -1;  // -1: leaf
    Column column = 0;  // number x 2 + whether missing values go left
    Code code = 0;
  };

  const Code* other_row(const Moves& moves, int64_t rows, int64_t repeat, int64_t row) const {
    return codes_.data() + moves.sources[static_cast<size_t>(repeat * rows + row)] * cols_;
  }
  static bool goes_left(const Node& node, Code code) {
    return (code <= node.code) | ((code == kMissing) & ((node.column & 1U) != 0));
  }
  const double* value_of(const Node* leaf) const {
    return trees_.values.data() + trees_.leaf[static_cast<size_t>(leaf - nodes_.data())];
  }

  const TreesToMove& trees_;
  int64_t cols_;
  std::vector<Node> nodes_;
  std::vector<Code> codes_;  // rows x cols
};

}  // namespace

MovedScores tree_moves(const TreesToMove& trees, MatrixView<const float> X, const Score& score, Link link,
                       double divisor, const Moves& moves, int threads, const StopToken& stop) {
  check_moves(moves, X.rows, X.cols);
  if (score.rows() != X.rows || X.rows == 0) {
    raise("InputError", "y must have ", X.rows, " entries, one for each row of X, but has ", score.rows(),
          ".");
  }
  const auto thresholds = thresholds_of(trees, X.cols);
  size_t most = 0;
  for (const auto& values : thresholds) most = std::max(most, values.size());
  const auto run = [&](const auto& coded) {
    return score_moves(score, link, trees.width, divisor, moves, threads, stop,
                       [&](const MoveBlock& block) { return coded.fill(block, moves, X.rows, stop); });
  };
  const bool is_narrow = X.cols < (1 << 15);
  if (most < 255 && is_narrow) return run(CodedTrees<uint8_t, uint16_t>(trees, thresholds, X, threads));
  if (most < 65535 && is_narrow) return run(CodedTrees<uint16_t, uint16_t>(trees, thresholds, X, threads));
  return run(CodedTrees<uint32_t, uint32_t>(trees, thresholds, X, threads));
}

}  // namespace smctrain::models
