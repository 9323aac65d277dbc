#include "smctrain/models/boosting/lightgbm_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "smctrain/base/error.h"

namespace smctrain::models::boosting {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr int64_t kMostLeaves = 1 << 24;

[[noreturn]] void fail(const std::string& what) {
  raise("NativeLibraryError", "LightGBM's model has an unexpected form: ", what, ".");
}

using Fields = std::map<std::string_view, std::string_view>;

std::string_view next_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return line;
}

std::string_view member(const Fields& fields, std::string_view key) {
  const auto at = fields.find(key);
  if (at == fields.end()) fail(format("'", key, "' is missing"));
  return at->second;
}

template <class T>
std::vector<T> numbers(const Fields& fields, std::string_view key, size_t count) {
  std::string_view text = member(fields, key);
  std::vector<T> values;
  while (true) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (text.empty()) break;
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto used = static_cast<size_t>(end - text.data());
    if (error != std::errc() || (used < text.size() && text[used] != ' ')) {
      fail(format("'", key, "' holds '", text.substr(0, 20), "'"));
    }
    values.push_back(value);
    if (values.size() > count) break;
    text.remove_prefix(used);
  }
  if (values.size() != count) fail(format("'", key, "' must have ", count, " values"));
  return values;
}

int64_t count_of(const Fields& fields, std::string_view key) {
  return numbers<int64_t>(fields, key, 1).front();
}

// Smallest float above `threshold`: x <= threshold for a float x is x < this.
float next_above(double threshold) {
  if (std::isnan(threshold)) fail("a threshold is not a number");
  if (threshold >= static_cast<double>(kLargest)) return kInfinity;
  if (threshold < -static_cast<double>(kLargest)) return -kLargest;
  auto below = static_cast<float>(threshold);
  if (static_cast<double>(below) > threshold) below = std::nextafter(below, -kInfinity);
  return std::nextafter(below, kInfinity);
}

// What LightGBM packs into decision_type.
constexpr int kCategorical = 1;
constexpr int kDefaultLeft = 2;
int missing_type(int decision) { return decision >> 2 & 3; }  // 0 none, 1 zero, 2 NaN

void append_leaf(TreeArrays& out, double value, double cover) {
  out.feature.push_back(-1);
  out.threshold.push_back(0.0F);
  out.left.push_back(-1);
  out.right.push_back(-1);
  out.default_left.push_back(0);
  out.value.push_back(value);
  out.gain.push_back(0.0F);
  out.cover.push_back(static_cast<float>(cover));
}

void append_tree(const Fields& fields, int32_t margin, TreeArrays& out, bool& seen_split) {
  const int64_t leaves = count_of(fields, "num_leaves");
  if (leaves < 1 || leaves > kMostLeaves) fail(format("a tree has ", leaves, " leaves"));
  if (count_of(fields, "num_cat") != 0) fail("a tree splits by categories");
  if (fields.contains("is_linear") && count_of(fields, "is_linear") != 0) fail("a tree has linear leaves");
  const auto n = static_cast<size_t>(leaves);
  const auto leaf_value = numbers<double>(fields, "leaf_value", n);
  const auto close = [&] {
    out.tree_offset.push_back(static_cast<int64_t>(out.feature.size()));
    out.tree_class.push_back(margin);
  };
  if (n == 1) {
    append_leaf(out, leaf_value[0], 1.0);
    close();
    return;
  }
  const auto feature = numbers<int64_t>(fields, "split_feature", n - 1);
  const auto gain = numbers<double>(fields, "split_gain", n - 1);
  const auto threshold = numbers<double>(fields, "threshold", n - 1);
  const auto decision = numbers<int>(fields, "decision_type", n - 1);
  const auto left = numbers<int64_t>(fields, "left_child", n - 1);
  const auto right = numbers<int64_t>(fields, "right_child", n - 1);
  const auto leaf_count = numbers<double>(fields, "leaf_count", n);
  const auto internal_count = numbers<double>(fields, "internal_count", n - 1);

  // Breadth first: position k of the queue is node k of our tree. A child is a split >= 0 or a leaf ~child.
  std::vector<int64_t> queue{0};
  std::vector<uint8_t> seen(n - 1, 0);
  for (size_t k = 0; k < queue.size(); ++k) {
    const int64_t node = queue[k];
    if (node < 0) {
      const auto leaf = static_cast<size_t>(~node);
      append_leaf(out, leaf_value[leaf], std::max(0.0, leaf_count[leaf]));
      continue;
    }
    const auto at = static_cast<size_t>(node);
    if (seen[at]++ != 0) fail("a node has two parents");
    if (queue.size() + 2 > 2 * n - 1) fail("a tree has more nodes than leaves allow");
    if (feature[at] < 0 || feature[at] >= out.n_features) fail("a tree has a feature out of range");
    for (const int64_t child : {left[at], right[at]}) {
      if (child >= leaves - 1 || child < -leaves) fail("a tree has a child out of range");
    }
    if ((decision[at] & kCategorical) != 0) fail("a tree splits by categories");
    const int missing = missing_type(decision[at]);
    if (missing == 3) fail("a tree has an unknown kind of missing values");
    if (seen_split && out.zero_is_missing != (missing == 1)) fail("zero is missing in some splits only");
    seen_split = true;
    out.zero_is_missing = missing == 1;
    const bool default_left = missing == 0 ? 0.0 <= threshold[at] : (decision[at] & kDefaultLeft) != 0;
    out.feature.push_back(static_cast<int32_t>(feature[at]));
    out.threshold.push_back(next_above(threshold[at]));
    out.left.push_back(static_cast<int32_t>(queue.size()));
    out.right.push_back(static_cast<int32_t>(queue.size() + 1));
    out.default_left.push_back(default_left ? 1 : 0);
    out.value.push_back(0.0);
    out.gain.push_back(std::isnan(gain[at]) ? 0.0F : static_cast<float>(std::clamp(gain[at], 0.0, 3e38)));
    out.cover.push_back(static_cast<float>(std::clamp(internal_count[at], 0.0, 3e38)));
    queue.push_back(left[at]);
    queue.push_back(right[at]);
  }
  if (queue.size() != 2 * n - 1) fail("a tree has fewer nodes than leaves");
  close();
}

}  // namespace

TreeArrays read_lightgbm_model(std::string_view text, int64_t n_features, int64_t n_classes, int64_t width,
                               int64_t rounds) {
  TreeArrays model;
  model.n_features = n_features;
  model.n_classes = n_classes;
  model.wide = true;
  model.base_margin.assign(static_cast<size_t>(width), 0.0);

  const auto read_block = [&](std::string_view first) {
    Fields fields;
    for (std::string_view line = first; !line.empty(); line = next_line(text)) {
      const size_t equal = line.find('=');
      if (equal == std::string_view::npos) {
        fields[line] = "";
      } else {
        fields[line.substr(0, equal)] = line.substr(equal + 1);
      }
    }
    return fields;
  };
  if (next_line(text) != "tree") fail("it does not begin with 'tree'");
  const Fields header = read_block(next_line(text));
  if (member(header, "version") != "v4") fail(format("its version is '", member(header, "version"), "'"));
  if (header.contains("average_output")) fail("its output is an average");
  if (count_of(header, "num_tree_per_iteration") != width) fail("the number of trees in a round differs");
  if (count_of(header, "max_feature_idx") != n_features - 1) fail("the number of features differs");

  bool seen_split = false;
  for (int64_t t = 0; t < rounds * width;) {
    if (text.empty()) fail("it ends inside the trees");
    const std::string_view line = next_line(text);
    if (line.empty()) continue;
    if (line == "end of trees") break;
    if (line != format("Tree=", t)) fail(format("'Tree=", t, "' is missing"));
    append_tree(read_block(next_line(text)), static_cast<int32_t>(t % width), model, seen_split);
    ++t;
  }
  if (model.n_trees() % width != 0) fail("a round lacks trees");
  return model;
}

}  // namespace smctrain::models::boosting
