// Prediction: walking the trees.
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/models/forest/code_walker.h"
#include "smctrain/models/forest/forest.h"

namespace smctrain::models {

namespace {

constexpr int kLanes = 16;           // walks side by side: their memory latencies overlap
constexpr int kStretch = 4;          // levels between two looks whether all walks have ended
constexpr int64_t kBlockRows = 128;  // a unit of parallel work
constexpr int64_t kCodeRows = 512;   // the same on codes: trees are read from afar once a block
constexpr int64_t kFewRows = 256;    // not worth codes
constexpr int64_t kSlimColumns = 1 << 12;
constexpr int64_t kSlimOffset = 1 << 19;

}  // namespace

Forest::Forest(ForestState state) : state_(std::move(state)) {
  check_state(state_);
  const size_t n_nodes = state_.feature.size();
  const size_t n_trees = state_.node_start.size() - 1;
  wide_.resize(n_nodes);
  leaf_of_node_.assign(n_nodes, -1);
  depth_.assign(n_trees, 0);
  std::vector<int32_t> depth(n_nodes, 0);
  bool slim = state_.n_features <= kSlimColumns;
  for (size_t tree = 0; tree < n_trees; ++tree) {
    const int64_t begin = state_.node_start[tree];
    for (int64_t k = begin; k < state_.node_start[tree + 1]; ++k) {
      const auto i = static_cast<size_t>(k);
      depth_[tree] = std::max(depth_[tree], depth[i]);
      if (state_.feature[i] < 0) {
        wide_[i] = {std::numeric_limits<float>::infinity(), 0, 0, 0};
        leaf_of_node_[i] = static_cast<int32_t>(state_.leaf_start[tree] + state_.left[i]);
        continue;
      }
      const int64_t left = begin + state_.left[i];
      depth[static_cast<size_t>(left)] = depth[static_cast<size_t>(left) + 1] = depth[i] + 1;
      slim = slim && left - k < kSlimOffset;
      wide_[i] = {state_.threshold[i], static_cast<uint32_t>(state_.feature[i]),
                  static_cast<int32_t>(left - k), state_.missing_left[i] != 0 ? 0U : 1U};
    }
  }
  if (!slim) return;
  slim_.reserve(n_nodes);
  for (const WideNode& node : wide_) {
    slim_.push_back({node.threshold, static_cast<uint32_t>(node.left_offset) << 13 |
                                         node.missing_right << 12 | node.feature});
  }
  wide_ = {};
}

Forest::~Forest() = default;

const CodeWalker* Forest::code_walker(int64_t rows) const {
  // Preparation costs about as much as it saves on as many rows as a tree has nodes; and the code of a value
  // as much as it saves a tree.
  const int64_t seen = rows_seen_.fetch_add(rows, std::memory_order_relaxed) + rows;
  if (rows < kFewRows || seen < static_cast<int64_t>(leaf_of_node_.size()) / n_trees()) return nullptr;
  std::call_once(codes_once_, [&] {
    std::vector<uint8_t> used(static_cast<size_t>(state_.n_features), 0);
    for (const int32_t column : state_.feature) {
      if (column >= 0) used[static_cast<size_t>(column)] = 1;
    }
    if (std::count(used.begin(), used.end(), 1) <= n_trees()) codes_ = CodeWalker::make(state_);
  });
  return codes_.get();
}

namespace {

// The next node. kMissing: x may hold NaN.
template <bool kMissing, class Node>
inline int32_t step(const Node* nodes, const float* x, int32_t at) {
  const Node node = nodes[at];
  uint32_t feature;
  uint32_t offset;
  uint32_t missing_right;
  if constexpr (sizeof(Node) == 8) {
    feature = node.packed & 0xFFF;
    missing_right = node.packed >> 12 & 1;
    offset = node.packed >> 13;
  } else {
    feature = node.feature;
    missing_right = node.missing_right;
    offset = static_cast<uint32_t>(node.left_offset);
  }
  const float value = x[feature];
  auto right = static_cast<uint32_t>(value > node.threshold);
  if constexpr (kMissing) right |= static_cast<uint32_t>(value != value) & missing_right;
  return at + static_cast<int32_t>(offset + right);
}

}  // namespace

// Trees outside, rows inside: a tree stays in the nearest cache while a whole block of rows walks it.
template <class Node, bool kMissing>
void Forest::walk_block(const std::vector<Node>& all, const float* const* x, int n, double* out) const {
  const Node* nodes = all.data();
  const int64_t k = state_.n_classes;
  for (size_t tree = 0; tree < depth_.size(); ++tree) {
    const auto root = static_cast<int32_t>(state_.node_start[tree]);
    const int depth = depth_[tree];
    for (int first = 0; first < n; first += kLanes) {
      const float* const* xs = x + first;  // padded by the caller to whole lanes
      std::array<int32_t, kLanes> at;
      at.fill(root);
      for (int level = 0; level < depth; level += kStretch) {
        const auto before = at;
        for (int more = std::min(kStretch, depth - level); more > 0; --more) {
#pragma GCC unroll 16
          for (int lane = 0; lane < kLanes; ++lane) at[lane] = step<kMissing>(nodes, xs[lane], at[lane]);
        }
        if (at == before) break;  // all in leaves
      }
      const int lanes = std::min(kLanes, n - first);
      for (int lane = 0; lane < lanes; ++lane) {
        const double* share =
            state_.leaf_share.data() + static_cast<int64_t>(leaf_of_node_[static_cast<size_t>(at[lane])]) * k;
        double* target = out + (first + lane) * k;
        for (int64_t c = 0; c < k; ++c) target[c] += share[c];
      }
    }
  }
}

// One row: trees side by side instead.
template <class Node>
void Forest::walk_row(const std::vector<Node>& all, const float* x, double* out) const {
  const Node* nodes = all.data();
  const int64_t k = state_.n_classes;
  const auto trees = static_cast<int>(depth_.size());
  for (int first = 0; first < trees; first += kLanes) {
    const int lanes = std::min(kLanes, trees - first);
    std::array<int32_t, kLanes> at{};
    int depth = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
      const auto tree = static_cast<size_t>(first + std::min(lane, lanes - 1));
      at[lane] = static_cast<int32_t>(state_.node_start[tree]);
      depth = std::max(depth, depth_[tree]);
    }
    for (int level = 0; level < depth; ++level) {
#pragma GCC unroll 16
      for (int lane = 0; lane < kLanes; ++lane) at[lane] = step<true>(nodes, x, at[lane]);
    }
    for (int lane = 0; lane < lanes; ++lane) {
      const double* share =
          state_.leaf_share.data() + static_cast<int64_t>(leaf_of_node_[static_cast<size_t>(at[lane])]) * k;
      for (int64_t c = 0; c < k; ++c) out[c] += share[c];
    }
  }
}

void Forest::predict_row(const float* x, double* out) const {
  const int64_t k = state_.n_classes;
  std::fill_n(out, k, 0.0);
  if (slim_.empty()) {
    walk_row(wide_, x, out);
  } else {
    walk_row(slim_, x, out);
  }
  const auto trees = static_cast<double>(n_trees());
  for (int64_t c = 0; c < k; ++c) out[c] /= trees;
}

void Forest::leaves_of(const float* x, int32_t* out) const {
  for (size_t tree = 0; tree < depth_.size(); ++tree) {
    auto at = static_cast<int32_t>(state_.node_start[tree]);
    for (int level = 0; level < depth_[tree]; ++level) {
      at = slim_.empty() ? step<true>(wide_.data(), x, at) : step<true>(slim_.data(), x, at);
    }
    out[tree] = leaf_of_node_[static_cast<size_t>(at)];
  }
}

void Forest::predict_block(MatrixView<const float> X, const int64_t* rows, int n, const CodeWalker* codes,
                           double* out) const {
  const int64_t k = state_.n_classes;
  if (n < kLanes / 2) {
    for (int i = 0; i < n; ++i) predict_row(X.data + rows[i] * X.row_stride, out + i * k);
    return;
  }
  std::array<const float*, kCodeRows + kLanes> x;
  if (codes != nullptr) {
    for (int i = 0; i < n; ++i) x[static_cast<size_t>(i)] = X.data + rows[i] * X.row_stride;
    std::fill_n(out, n * k, 0.0);
    codes->add_leaves(x.data(), n, out);
    const auto trees = static_cast<double>(n_trees());
    for (int64_t i = 0; i < n * k; ++i) out[i] /= trees;
    return;
  }
  bool missing = false;
  for (int i = 0; i < n; ++i) {
    x[static_cast<size_t>(i)] = X.data + rows[i] * X.row_stride;
    for (int64_t j = 0; j < X.cols; ++j) missing |= std::isnan(x[static_cast<size_t>(i)][j]);
  }
  for (int i = n; i < n + kLanes; ++i) x[static_cast<size_t>(i)] = x[0];
  std::fill_n(out, n * k, 0.0);
  if (slim_.empty()) {
    missing ? walk_block<WideNode, true>(wide_, x.data(), n, out)
            : walk_block<WideNode, false>(wide_, x.data(), n, out);
  } else {
    missing ? walk_block<SlimNode, true>(slim_, x.data(), n, out)
            : walk_block<SlimNode, false>(slim_, x.data(), n, out);
  }
  const auto trees = static_cast<double>(n_trees());
  for (int64_t i = 0; i < n * k; ++i) out[i] /= trees;
}

bool Forest::predict(MatrixView<const float> X, std::span<const int64_t> rows, int threads,
                     const StopToken& stop, double* out) const {
  if (X.cols != state_.n_features) {
    raise("InputError", "X must have ", state_.n_features, " columns, as in training, but has ", X.cols, ".");
  }
  const auto n = static_cast<int64_t>(rows.size());
  const CodeWalker* codes = code_walker(n);
  int64_t block_rows = kBlockRows;
  while (codes != nullptr && block_rows < kCodeRows && 2 * block_rows * std::max(threads, 1) <= n)
    block_rows *= 2;
  const int64_t blocks = (n + block_rows - 1) / block_rows;
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
    const int64_t begin = block * block_rows;
    const int size = static_cast<int>(std::min(n - begin, block_rows));
    predict_block(X, rows.data() + begin, size, codes, out + begin * state_.n_classes);
  });
  return !stopped.load();
}

}  // namespace smctrain::models
