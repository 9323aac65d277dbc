#include "smctrain/models/boosting/tree_ensemble.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "smctrain/base/error.h"

namespace smctrain::models::boosting {

namespace {

constexpr int32_t kMaxDepth = 64;
constexpr int64_t kMaxNodes = int64_t{1} << 30;
constexpr size_t kBlock = 64;    // rows that stay in the first-level cache while all trees pass
constexpr float kZero = 1e-35F;  // LightGBM's kZeroThreshold
constexpr int kLanes = 8;        // independent walks, so that one load does not wait for another

// Depth of every tree; the arrays must be valid.
std::vector<int32_t> tree_depths(const TreeArrays& a) {
  std::vector<int32_t> result(a.tree_class.size(), 0);
  std::vector<int32_t> depth;
  for (size_t t = 0; t < result.size(); ++t) {
    const auto first = static_cast<size_t>(a.tree_offset[t]);
    const auto n = static_cast<size_t>(a.tree_offset[t + 1]) - first;
    depth.assign(n, 0);
    for (size_t i = 0; i < n; ++i) {
      const int32_t left = a.left[first + i];
      if (left < 0) continue;
      depth[static_cast<size_t>(left)] = depth[i] + 1;
      depth[static_cast<size_t>(left) + 1] = depth[i] + 1;
      result[t] = std::max(result[t], depth[i] + 1);
    }
  }
  return result;
}

std::string tree_problem(const TreeArrays& a, int64_t t, std::vector<int32_t>& depth) {
  const int64_t first = a.tree_offset[static_cast<size_t>(t)];
  const int64_t n = a.tree_offset[static_cast<size_t>(t) + 1] - first;
  depth.assign(static_cast<size_t>(n), -1);
  depth[0] = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<size_t>(first + i);
    const auto place = [&] { return format("tree ", t, ", node ", i, ": "); };
    const int32_t own_depth = depth[static_cast<size_t>(i)];
    if (own_depth < 0) return place() + "no node leads to it.";
    if (a.default_left[at] > 1) return place() + "default_left must be 0 or 1.";
    const int32_t left = a.left[at];
    const int32_t right = a.right[at];
    if (left == -1 && right == -1) {
      if (a.feature[at] != -1) return place() + "a leaf must have feature -1.";
      if (!std::isfinite(a.value[at])) return place() + "the value of a leaf must be finite.";
      continue;
    }
    if (left <= i || left >= n - 1) {
      return place() + format("left child must lie in ", i + 1, "..", n - 2, ", but is ", left, ".");
    }
    if (right != left + 1) return place() + format("right child must be ", left + 1, ", but is ", right, ".");
    if (a.feature[at] < 0 || a.feature[at] >= a.n_features) {
      return place() + format("feature must lie in 0..", a.n_features - 1, ", but is ", a.feature[at], ".");
    }
    // NaN and -infinity would send no value left; +infinity sends all of them, as a split off of missing ones
    // does.
    if (!(a.threshold[at] > -std::numeric_limits<float>::infinity())) {
      return place() + "the threshold must be a number above -infinity.";
    }
    if (own_depth + 1 > kMaxDepth) return place() + format("the tree is deeper than ", kMaxDepth, ".");
    for (const int32_t child : {left, right}) {
      if (depth[static_cast<size_t>(child)] >= 0)
        return place() + format("child ", child, " has two parents.");
      depth[static_cast<size_t>(child)] = own_depth + 1;
    }
  }
  return "";
}

}  // namespace

std::string problem(const TreeArrays& a) {
  if (a.n_features < 1 || a.n_features > (1 << 24)) {
    return format("n_features must lie in 1..", 1 << 24, ", but is ", a.n_features, ".");
  }
  if (a.n_classes != 0 && (a.n_classes < 2 || a.n_classes > (1 << 16))) {
    return format("n_classes must lie in 2..", 1 << 16, ", or be 0 in regression, but is ", a.n_classes, ".");
  }
  const int64_t width = a.width();
  if (width < 1) return "base_margin must have at least 1 entry, but has 0.";
  if (static_cast<int64_t>(a.base_margin.size()) != width) {
    return format("base_margin must have ", width, " entries, but has ", a.base_margin.size(), ".");
  }
  for (const double margin : a.base_margin) {
    if (!std::isfinite(margin)) return "base_margin must be finite.";
  }
  const int64_t trees = a.n_trees();
  const auto nodes = static_cast<int64_t>(a.feature.size());
  if (nodes > kMaxNodes) return format("there are ", nodes, " nodes; the limit is ", kMaxNodes, ".");
  if (static_cast<int64_t>(a.tree_offset.size()) != trees + 1) {
    return format("tree_offset must have ", trees + 1, " entries, but has ", a.tree_offset.size(), ".");
  }
  if (trees % width != 0) {
    return format("the number of trees must be a multiple of ", width, ", but is ", trees, ".");
  }
  if (static_cast<int64_t>(a.threshold.size()) != nodes || static_cast<int64_t>(a.left.size()) != nodes ||
      static_cast<int64_t>(a.right.size()) != nodes || static_cast<int64_t>(a.default_left.size()) != nodes ||
      static_cast<int64_t>(a.value.size()) != nodes) {
    return format("threshold, left, right, default_left and value must have ", nodes,
                  " entries as feature has.");
  }
  for (const auto* values : {&a.gain, &a.cover}) {
    const char* name = values == &a.gain ? "gain" : "cover";
    if (values->empty() && nodes > 0) continue;
    if (static_cast<int64_t>(values->size()) != nodes) {
      return format(name, " must have ", nodes, " entries as feature has, but has ", values->size(), ".");
    }
    for (const float value : *values) {
      if (!std::isfinite(value) || (values == &a.cover && value < 0.0F)) {
        return format(name, " must be finite", values == &a.cover ? " and at least 0." : ".");
      }
    }
  }
  if (a.tree_offset.front() != 0 || a.tree_offset.back() != nodes) {
    return format("tree_offset must run from 0 to the number of nodes, ", nodes, ".");
  }
  // All offsets before any tree: until they are known to rise, none of them may be used as an index.
  for (int64_t t = 0; t < trees; ++t) {
    if (a.tree_offset[static_cast<size_t>(t) + 1] <= a.tree_offset[static_cast<size_t>(t)]) {
      return format("tree ", t, " has no nodes.");
    }
    if (a.tree_class[static_cast<size_t>(t)] != t % width) {
      return format("tree ", t, " must add to margin ", t % width, ", but adds to ",
                    a.tree_class[static_cast<size_t>(t)], ".");
    }
  }
  std::vector<int32_t> depth;
  for (int64_t t = 0; t < trees; ++t) {
    std::string found = tree_problem(a, t, depth);
    if (!found.empty()) return found;
  }
  return "";
}

void append_trees(TreeArrays& to, const TreeArrays& more) {
  const bool has_both =
      (!to.cover.empty() || to.feature.empty()) && (!more.cover.empty() || more.feature.empty());
  const auto append = [](auto& values, const auto& from) {
    values.insert(values.end(), from.begin(), from.end());
  };
  const int64_t nodes = to.tree_offset.back();
  for (size_t t = 0; t < more.tree_class.size(); ++t)
    to.tree_offset.push_back(nodes + more.tree_offset[t + 1]);
  append(to.tree_class, more.tree_class);
  append(to.feature, more.feature);
  append(to.threshold, more.threshold);
  append(to.left, more.left);
  append(to.right, more.right);
  append(to.default_left, more.default_left);
  append(to.value, more.value);
  to.zero_is_missing |= more.zero_is_missing;
  if (has_both) {
    append(to.gain, more.gain);
    append(to.cover, more.cover);
  } else {  // one of them was stored without: the sum lacks it too
    to.gain.clear();
    to.cover.clear();
  }
}

TreeArrays joined(const TreeArrays& first, const TreeArrays& more) {
  TreeArrays result = first;
  append_trees(result, more);
  result.zero_is_missing = first.zero_is_missing;
  return result;
}

TreeArrays first_rounds(TreeArrays arrays, int64_t rounds) {
  const auto trees = static_cast<size_t>(rounds * arrays.width());
  if (trees >= arrays.tree_class.size()) return arrays;
  const auto nodes = static_cast<size_t>(arrays.tree_offset[trees]);
  arrays.tree_offset.resize(trees + 1);
  arrays.tree_class.resize(trees);
  arrays.feature.resize(nodes);
  arrays.threshold.resize(nodes);
  arrays.left.resize(nodes);
  arrays.right.resize(nodes);
  arrays.default_left.resize(nodes);
  arrays.value.resize(nodes);
  if (!arrays.gain.empty()) arrays.gain.resize(nodes);
  if (!arrays.cover.empty()) arrays.cover.resize(nodes);
  return arrays;
}

TreeEnsemble::TreeEnsemble(TreeArrays arrays, const char* error_type) : arrays_(std::move(arrays)) {
  if (const std::string found = problem(arrays_); !found.empty()) {
    raise(error_type, "the boosted trees are not valid: ", found);
  }
  depth_ = tree_depths(arrays_);
  nodes_.resize(arrays_.feature.size());
  for (size_t t = 0; t < arrays_.tree_class.size(); ++t) {
    const int64_t first = arrays_.tree_offset[t];
    for (int64_t i = first; i < arrays_.tree_offset[t + 1]; ++i) {
      const auto at = static_cast<size_t>(i);
      if (arrays_.left[at] < 0) {
        nodes_[at] = {std::numeric_limits<float>::quiet_NaN(), 1U, static_cast<int32_t>(i)};
      } else {
        nodes_[at] = {arrays_.threshold[at],
                      static_cast<uint32_t>(arrays_.feature[at]) << 1 | arrays_.default_left[at],
                      static_cast<int32_t>(first + arrays_.left[at])};
      }
    }
  }
}

void check_rows(MatrixView<const float> X, std::span<const int64_t> rows, int64_t n_features,
                const char* rows_name) {
  if (X.cols != n_features) {
    raise("InputError", "X must have the ", n_features, " columns seen in fit, but has ", X.cols, ".");
  }
  for (const int64_t row : rows) {
    if (row < 0 || row >= X.rows) {
      raise("InputError", rows_name, " must lie in 0..", X.rows - 1, ", but ", row, " is among them.");
    }
    for (int64_t j = 0; j < X.cols; ++j) {
      if (std::isinf(X(row, j))) {
        raise("InputError", "X must be finite or NaN, but column ", j, " is infinite in row ", row, ".");
      }
    }
  }
}

// Adds the leaf values of tree t to out[0], out[width], ... for `lanes` rows. The number of lanes is a
// constant, so that their cursors live in registers.
template <int lanes, class T>
void TreeEnsemble::walk(MatrixView<const float> X, const int64_t* rows, size_t t, T* out) const {
  const auto root = static_cast<int32_t>(arrays_.tree_offset[t]);
  const Node* const nodes = nodes_.data();
  std::array<int32_t, lanes> node;
  std::array<const float*, lanes> row;
  for (int k = 0; k < lanes; ++k) {
    node[k] = root;
    row[k] = X.data + rows[k] * X.row_stride;
  }
  for (int32_t step = 0; step < depth_[t]; ++step) {
#pragma GCC unroll 16
    for (int k = 0; k < lanes; ++k) {
      const Node& at = nodes[node[k]];
      const float x = row[k][at.feature >> 1];
      const bool right = (x >= at.threshold) | ((x != x) & ((at.feature & 1U) == 0));
      node[k] = at.left + static_cast<int32_t>(right);
    }
  }
  const int64_t width = arrays_.width();
  for (int k = 0; k < lanes; ++k) {
    out[k * width] += static_cast<T>(arrays_.value[static_cast<size_t>(node[k])]);
  }
}

template <class T>
std::vector<T> TreeEnsemble::sums(MatrixView<const float> X, std::span<const int64_t> rows,
                                  const StopToken& stop) const {
  check_rows(X, {}, arrays_.n_features, "rows");
  const auto width = static_cast<size_t>(arrays_.width());
  const size_t n = rows.size();
  std::vector<T> result(n * width);
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < width; ++k) result[i * width + k] = static_cast<T>(arrays_.base_margin[k]);
  }
  // Rows whose zeros are missing are copied with NaN in their place.
  std::vector<float> copy;
  std::array<int64_t, kBlock> copied{};
  std::iota(copied.begin(), copied.end(), int64_t{0});
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t end = std::min(n, begin + kBlock);
    poll(stop);
    check_rows(X, rows.subspan(begin, end - begin), arrays_.n_features, "rows");
    MatrixView<const float> from = X;
    const int64_t* at = rows.data() + begin;
    if (arrays_.zero_is_missing) {
      copy.clear();
      for (size_t i = begin; i < end; ++i) {
        for (int64_t j = 0; j < X.cols; ++j) {
          const float x = X(rows[i], j);
          copy.push_back(std::abs(x) <= kZero ? std::numeric_limits<float>::quiet_NaN() : x);
        }
      }
      from = {copy.data(), static_cast<int64_t>(end - begin), X.cols, X.cols};
      at = copied.data();
    }
    for (size_t t = 0; t < depth_.size(); ++t) {
      T* const out = result.data() + begin * width + static_cast<size_t>(arrays_.tree_class[t]);
      size_t i = 0;
      for (; i + kLanes <= end - begin; i += kLanes) walk<kLanes>(from, at + i, t, out + i * width);
      for (; i < end - begin; ++i) walk<1>(from, at + i, t, out + i * width);
    }
  }
  return result;
}

template std::vector<float> TreeEnsemble::sums(MatrixView<const float>, std::span<const int64_t>,
                                               const StopToken&) const;
template std::vector<double> TreeEnsemble::sums(MatrixView<const float>, std::span<const int64_t>,
                                                const StopToken&) const;

std::vector<double> TreeEnsemble::margins(MatrixView<const float> X, std::span<const int64_t> rows,
                                          const StopToken& stop) const {
  if (arrays_.wide) return sums<double>(X, rows, stop);
  const std::vector<float> narrow = sums<float>(X, rows, stop);
  return {narrow.begin(), narrow.end()};
}

std::vector<double> TreeEnsemble::probabilities(MatrixView<const float> X, std::span<const int64_t> rows,
                                                const StopToken& stop) const {
  if (arrays_.n_classes < 2) raise("InputError", "a regression has no class probabilities.");
  const std::vector<double> raw = margins(X, rows, stop);
  const auto classes = static_cast<size_t>(arrays_.n_classes);
  const size_t n = rows.size();
  std::vector<double> result(n * classes);
  if (classes == 2) {
    for (size_t i = 0; i < n; ++i) {
      const double margin = raw[i];
      // Each side from its own exponential: no digits are lost in 1 - p.
      result[2 * i] = 1.0 / (1.0 + std::exp(margin));
      result[2 * i + 1] = 1.0 / (1.0 + std::exp(-margin));
    }
    return result;
  }
  for (size_t i = 0; i < n; ++i) {
    const double* const margin = raw.data() + i * classes;
    double* const out = result.data() + i * classes;
    const double top = *std::max_element(margin, margin + classes);
    double sum = 0.0;
    // Sums of huge leaves may overflow to infinity; equal margins differ by 0 also then.
    for (size_t c = 0; c < classes; ++c) sum += out[c] = margin[c] == top ? 1.0 : std::exp(margin[c] - top);
    for (size_t c = 0; c < classes; ++c) out[c] /= sum;
  }
  return result;
}

}  // namespace smctrain::models::boosting
