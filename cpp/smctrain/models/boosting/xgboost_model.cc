#include "smctrain/models/boosting/xgboost_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "smctrain/base/error.h"
#include "smctrain/models/boosting/ubjson.h"

namespace smctrain::models::boosting {

namespace {

using Node = UbjDocument::Node;

constexpr float kLargest = std::numeric_limits<float>::max();

[[noreturn]] void fail(const std::string& what) {
  raise("NativeLibraryError", "XGBoost's model has an unexpected form: ", what, ".");
}

int64_t parse_count(const UbjDocument& document, const Node& object, const char* key) {
  const std::string_view text = document.member(object, key).text;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) fail(format(key, " is '", text, "'"));
  return value;
}

void append_tree(const UbjDocument& document, const Node& tree, int32_t margin, TreeArrays& out) {
  const auto left = document.ints(document.member(tree, "left_children"));
  const auto right = document.ints(document.member(tree, "right_children"));
  const auto feature = document.ints(document.member(tree, "split_indices"));
  const auto default_left = document.ints(document.member(tree, "default_left"));
  const auto condition = document.floats(document.member(tree, "split_conditions"));
  const auto gain = document.floats(document.member(tree, "loss_changes"));
  const auto cover = document.floats(document.member(tree, "sum_hessian"));
  const auto split_type = document.ints(document.member(tree, "split_type"));
  const size_t n = left.size();
  if (right.size() != n || feature.size() != n || default_left.size() != n || condition.size() != n ||
      gain.size() != n || cover.size() != n || split_type.size() != n) {
    fail("the arrays of a tree differ in length");
  }
  for (size_t i = 0; i < n; ++i) {
    if (split_type[i] != 0) fail("a tree splits by categories");
    const bool is_leaf = left[i] < 0;
    if (!is_leaf) {
      if (left[i] > INT32_MAX || right[i] < 0 || right[i] > INT32_MAX || feature[i] < 0 ||
          feature[i] >= out.n_features) {
        fail("a tree has an index out of range");
      }
    }
    out.feature.push_back(is_leaf ? -1 : static_cast<int32_t>(feature[i]));
    out.threshold.push_back(is_leaf ? 0.0F : condition[i]);
    out.left.push_back(is_leaf ? -1 : static_cast<int32_t>(left[i]));
    out.right.push_back(is_leaf ? -1 : static_cast<int32_t>(right[i]));
    out.default_left.push_back(!is_leaf && default_left[i] != 0 ? 1 : 0);
    out.value.push_back(is_leaf ? static_cast<double>(condition[i]) : 0.0);
    // Gains of absurd learning rates overflow; the trees themselves may still be sound.
    out.gain.push_back(is_leaf || std::isnan(gain[i]) ? 0.0F : std::clamp(gain[i], 0.0F, kLargest));
    out.cover.push_back(std::isnan(cover[i]) ? 0.0F : std::clamp(cover[i], 0.0F, kLargest));
  }
  out.tree_offset.push_back(static_cast<int64_t>(out.feature.size()));
  out.tree_class.push_back(margin);
}

}  // namespace

std::vector<float> parse_base_score(std::string_view text) {
  const std::string shown(text);
  if (!text.empty() && text.front() == '[') {
    if (text.back() != ']' || text.size() < 2) fail("base_score is '" + shown + "'");
    text = text.substr(1, text.size() - 2);
  }
  std::vector<float> result;
  while (true) {
    float value = 0.0F;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || !std::isfinite(value)) fail("base_score is '" + shown + "'");
    result.push_back(value);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (text.empty()) return result;
    if (text.front() != ',') fail("base_score is '" + shown + "'");
    text.remove_prefix(1);
  }
}

TreeArrays read_xgboost_model(std::span<const char> buffer, int64_t n_features, int64_t n_classes,
                              int64_t width, int64_t rounds) {
  const UbjDocument document(buffer);
  const Node& learner = document.member(document.root(), "learner");
  const Node& booster = document.member(learner, "gradient_booster");
  if (const auto name = document.member(booster, "name").text; name != "gbtree") {
    fail(format("the booster is '", name, "', not 'gbtree'"));
  }
  const Node& gbtree = document.member(booster, "model");
  if (parse_count(document, document.member(gbtree, "gbtree_model_param"), "num_parallel_tree") != 1) {
    fail("it has several parallel trees");
  }
  const Node& parameters = document.member(learner, "learner_model_param");
  if (parse_count(document, parameters, "num_feature") != n_features) fail("the number of features differs");

  TreeArrays model;
  model.n_features = n_features;
  model.n_classes = n_classes;

  auto base = parse_base_score(document.member(parameters, "base_score").text);
  if (base.size() == 1) base.resize(static_cast<size_t>(width), base.front());
  if (n_classes == 2) {
    if (!(base.front() > 0.0F && base.front() < 1.0F)) fail("base_score is not a probability");
    base.front() = -std::log(1.0F / base.front() - 1.0F);
  }
  model.base_margin.assign(base.begin(), base.end());

  const auto tree_info = document.ints(document.member(gbtree, "tree_info"));
  const Node& trees = document.member(gbtree, "trees");
  const int64_t wanted = rounds * width;
  if (trees.count < wanted || static_cast<int64_t>(tree_info.size()) != trees.count) {
    fail(format("it has ", trees.count, " trees instead of at least ", wanted));
  }
  int64_t t = 0;
  for (int32_t i = trees.first_child; i >= 0 && t < wanted; i = document.node(i).next_sibling, ++t) {
    if (tree_info[static_cast<size_t>(t)] != t % width) fail("the trees do not take turns over the classes");
    append_tree(document, document.node(i), static_cast<int32_t>(t % width), model);
  }
  return model;
}

}  // namespace smctrain::models::boosting
