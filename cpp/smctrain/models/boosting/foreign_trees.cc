#include "smctrain/models/boosting/foreign_trees.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "smctrain/base/error.h"

namespace smctrain::models::boosting {

namespace {

constexpr int64_t kMostSplits = 16;               // CatBoost's own limit of the depth
constexpr int64_t kMostNodes = int64_t{1} << 27;  // 4 GB of arrays
constexpr float kInfinity = std::numeric_limits<float>::infinity();

[[noreturn]] void fail(const std::string& what) {
  raise("NativeLibraryError", "the exported trees cannot be read: ", what, ".");
}

float next_above(float value) { return std::nextafter(value, kInfinity); }

// The largest float32 that is not above the value; an infinite threshold stays beyond every number.
float rounded_down(double value) {
  if (value >= static_cast<double>(std::numeric_limits<float>::max())) {
    return std::numeric_limits<float>::max();
  }
  if (value < static_cast<double>(std::numeric_limits<float>::lowest())) return -kInfinity;
  const auto narrow = static_cast<float>(value);
  return static_cast<double>(narrow) > value ? std::nextafter(narrow, -kInfinity) : narrow;
}

float stored(double value) { return static_cast<float>(std::clamp(value, 0.0, 3e38)); }

void check_offsets(std::span<const int64_t> offset, size_t length, const char* name) {
  if (offset.empty() || offset.front() != 0 || offset.back() != static_cast<int64_t>(length)) {
    fail(format(name, " must run from 0 to ", length));
  }
  for (size_t t = 1; t < offset.size(); ++t) {
    if (offset[t] < offset[t - 1]) fail(format(name, " must not fall"));
  }
}

void append_node(TreeArrays& out, int32_t feature, float threshold, int32_t left, uint8_t default_left,
                 double value, double gain, double cover) {
  out.feature.push_back(feature);
  out.threshold.push_back(threshold);
  out.left.push_back(left);
  out.right.push_back(left < 0 ? -1 : left + 1);
  out.default_left.push_back(default_left);
  out.value.push_back(value);
  out.gain.push_back(stored(gain));
  out.cover.push_back(stored(cover));
}

void append_oblivious(const ObliviousTrees& in, size_t first_split, size_t depth, size_t first_leaf,
                      size_t margin, TreeArrays& out) {
  const size_t width = in.base_margin.size();
  const size_t leaves = size_t{1} << depth;
  const auto value = [&](size_t leaf) { return in.leaf_value[(first_leaf + leaf) * width + margin]; };
  const auto weight = [&](size_t leaf) { return in.leaf_weight[first_leaf + leaf]; };
  for (size_t level = 0; level < depth; ++level) {
    const size_t split = first_split + depth - 1 - level;
    const size_t below = leaves >> level;  // leaves under a node of this level
    for (size_t node = 0; node < (size_t{1} << level); ++node) {
      double gain = 0.0;
      double cover = 0.0;
      for (size_t j = 0; j < below / 2; ++j) {
        const size_t a = node * below + j;
        const size_t b = a + below / 2;
        const double both = weight(a) + weight(b);
        cover += both;
        if (both > 0.0) gain += weight(a) * weight(b) / both * (value(a) - value(b)) * (value(a) - value(b));
      }
      const size_t number = (size_t{1} << level) - 1 + node;
      append_node(out, in.feature[split], next_above(in.border[split]), static_cast<int32_t>(2 * number + 1),
                  in.missing_right[split] != 0 ? 0 : 1, 0.0, gain, cover);
    }
  }
  for (size_t leaf = 0; leaf < leaves; ++leaf) {
    append_node(out, -1, 0.0F, -1, 0, value(leaf), 0.0, weight(leaf));
  }
  out.tree_offset.push_back(static_cast<int64_t>(out.feature.size()));
  out.tree_class.push_back(static_cast<int32_t>(margin));
}

// Breadth first: position k of the queue is node k of our tree.
void append_binary(const BinaryTrees& in, size_t first, int64_t n, int32_t margin, TreeArrays& out) {
  std::vector<int64_t> queue{0};
  std::vector<uint8_t> seen(static_cast<size_t>(n), 0);
  for (size_t k = 0; k < queue.size(); ++k) {
    const auto local = static_cast<size_t>(queue[k]);
    if (seen[local]++ != 0) fail("a node has two parents");
    const size_t at = first + local;
    if (in.left[at] < 0 && in.right[at] < 0) {
      append_node(out, -1, 0.0F, -1, 0, in.value[at], 0.0, in.cover[at]);
      continue;
    }
    for (const int64_t child : {in.left[at], in.right[at]}) {
      if (child < 0 || child >= n) fail("a child is out of range");
    }
    if (in.feature[at] < 0 || in.feature[at] >= in.n_features) fail("a feature is out of range");
    append_node(out, static_cast<int32_t>(in.feature[at]), next_above(rounded_down(in.threshold[at])),
                static_cast<int32_t>(queue.size()), in.missing_left[at] != 0 ? 1 : 0, 0.0, in.gain[at],
                in.cover[at]);
    queue.push_back(in.left[at]);
    queue.push_back(in.right[at]);
  }
  if (static_cast<int64_t>(queue.size()) != n) fail("no node leads to some node");
  out.tree_offset.push_back(static_cast<int64_t>(out.feature.size()));
  out.tree_class.push_back(margin);
}

}  // namespace

TreeArrays from_oblivious(const ObliviousTrees& in) {
  const size_t width = in.base_margin.size();
  if (width == 0) fail("they have no margin");
  check_offsets(in.split_offset, in.feature.size(), "split_offset");
  if (in.border.size() != in.feature.size() || in.missing_right.size() != in.feature.size()) {
    fail("feature, border and missing_right must have one entry a split");
  }
  int64_t leaves = 0;
  for (size_t t = 1; t < in.split_offset.size(); ++t) {
    const int64_t depth = in.split_offset[t] - in.split_offset[t - 1];
    if (depth > kMostSplits)
      fail(format("tree ", t - 1, " has ", depth, " splits; the limit is ", kMostSplits));
    leaves += int64_t{1} << depth;
    if (2 * leaves * static_cast<int64_t>(width) > kMostNodes) fail("they have more nodes than fit");
  }
  if (static_cast<int64_t>(in.leaf_weight.size()) != leaves ||
      in.leaf_value.size() != in.leaf_weight.size() * width) {
    fail(format("they need ", leaves, " leaves of ", width, " values, but have ", in.leaf_weight.size(),
                " and ", in.leaf_value.size()));
  }
  TreeArrays out;
  out.n_features = in.n_features;
  out.n_classes = in.n_classes;
  out.wide = true;
  out.base_margin.assign(in.base_margin.begin(), in.base_margin.end());
  size_t leaf = 0;
  for (size_t t = 1; t < in.split_offset.size(); ++t) {
    const auto first = static_cast<size_t>(in.split_offset[t - 1]);
    const auto depth = static_cast<size_t>(in.split_offset[t]) - first;
    for (size_t k = 0; k < width; ++k) append_oblivious(in, first, depth, leaf, k, out);
    leaf += size_t{1} << depth;
  }
  if (const std::string found = problem(out); !found.empty()) fail(found);
  return out;
}

TreeArrays from_binary(const BinaryTrees& in) {
  const size_t width = in.base_margin.size();
  if (width == 0) fail("they have no margin");
  const size_t nodes = in.left.size();
  check_offsets(in.tree_offset, nodes, "tree_offset");
  if (static_cast<int64_t>(nodes) > kMostNodes) fail("they have more nodes than fit");
  for (const size_t size : {in.right.size(), in.feature.size(), in.threshold.size(), in.missing_left.size(),
                            in.value.size(), in.gain.size(), in.cover.size()}) {
    if (size != nodes) fail("all arrays of nodes must have one length");
  }
  TreeArrays out;
  out.n_features = in.n_features;
  out.n_classes = 0;
  out.wide = true;
  out.base_margin.assign(in.base_margin.begin(), in.base_margin.end());
  for (size_t t = 1; t < in.tree_offset.size(); ++t) {
    const int64_t n = in.tree_offset[t] - in.tree_offset[t - 1];
    if (n < 1) fail(format("tree ", t - 1, " has no nodes"));
    append_binary(in, static_cast<size_t>(in.tree_offset[t - 1]), n, static_cast<int32_t>((t - 1) % width),
                  out);
  }
  if (const std::string found = problem(out); !found.empty()) fail(found);
  return out;
}

}  // namespace smctrain::models::boosting
