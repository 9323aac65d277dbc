#include "smctrain/models/boosting/foreign_trees.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/models/boosting/round_judge.h"

using namespace smctrain;
using namespace smctrain::models::boosting;

namespace {

struct Oblivious {
  std::vector<double> base{0.5};
  std::vector<int64_t> offset{0, 2, 2};
  std::vector<int32_t> feature{1, 0};
  std::vector<float> border{2.0F, -1.0F};
  std::vector<uint8_t> missing_right{0, 1};
  std::vector<double> value{1, 2, 4, 8, 0.25};
  std::vector<double> weight{1, 3, 2, 2, 8};

  ObliviousTrees view() const {
    return {.n_features = 2,
            .n_classes = 0,
            .base_margin = base,
            .split_offset = offset,
            .feature = feature,
            .border = border,
            .missing_right = missing_right,
            .leaf_value = value,
            .leaf_weight = weight};
  }
};

struct Binary {
  std::vector<double> base{0.0};
  std::vector<int64_t> offset{0, 5};
  std::vector<int64_t> left{1, 2, -1, -1, -1};  // depth first, as scikit-learn numbers its nodes
  std::vector<int64_t> right{4, 3, -1, -1, -1};
  std::vector<int64_t> feature{0, 1, -2, -2, -2};
  std::vector<double> threshold{0.1, 1.0, -2, -2, -2};
  std::vector<uint8_t> missing_left{1, 0, 0, 0, 0};
  std::vector<double> value{0, 0, 10, 20, 30};
  std::vector<double> gain{5, 2, 0, 0, 0};
  std::vector<double> cover{9, 5, 2, 3, 4};

  BinaryTrees view() const {
    return {.n_features = 2,
            .base_margin = base,
            .tree_offset = offset,
            .left = left,
            .right = right,
            .feature = feature,
            .threshold = threshold,
            .missing_left = missing_left,
            .value = value,
            .gain = gain,
            .cover = cover};
  }
};

double margin(const TreeArrays& trees, float a, float b) {
  const TreeEnsemble ensemble(trees, "InputError");
  const std::vector<float> x{a, b};
  const std::vector<int64_t> rows{0};
  return ensemble.margins({x.data(), 1, 2, 2}, rows)[0];
}

}  // namespace

TEST_CASE("oblivious trees: the leaf is the number made of the splits a row passes") {
  const TreeArrays trees = from_oblivious(Oblivious{}.view());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  // 0.75: base and the tree without a split. A border itself does not pass; the next float does.
  CHECK(margin(trees, -1.0F, 2.0F) == 1 + 0.75);
  CHECK(margin(trees, -1.0F, std::nextafter(2.0F, 3.0F)) == 2 + 0.75);
  CHECK(margin(trees, 0.0F, 2.0F) == 4 + 0.75);
  CHECK(margin(trees, 0.0F, 3.0F) == 8 + 0.75);
  CHECK(margin(trees, nan, nan) == 4 + 0.75);  // passes the second split only
  // Root: leaves 0 and 2, 1 and 3 are pairs; below it leaves 0 and 1, and 2 and 3.
  CHECK(trees.gain[0] == doctest::Approx(1.0 * 2 / 3 * 9 + 3.0 * 2 / 5 * 36));
  CHECK(trees.gain[1] == doctest::Approx(1.0 * 3 / 4 * 1));
  CHECK(trees.gain[2] == doctest::Approx(2.0 * 2 / 4 * 16));
  CHECK(trees.cover == std::vector<float>{8, 4, 4, 1, 3, 2, 2, 8});
}

TEST_CASE("oblivious trees: extreme borders send numbers one way and missing values the other") {
  Oblivious o;
  o.border = {std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max()};
  const TreeArrays trees = from_oblivious(o.view());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(margin(trees, 1e38F, -1e38F) == 2 + 0.75);
  CHECK(margin(trees, std::numeric_limits<float>::max(), nan) == 1 + 0.75);
  CHECK(margin(trees, nan, 0.0F) == 8 + 0.75);
}

TEST_CASE("oblivious trees: arrays that contradict themselves are refused") {
  const auto refused = [](auto change) {
    Oblivious o;
    change(o);
    try {
      from_oblivious(o.view());
    } catch (const Error& error) {
      return error.type() == "NativeLibraryError";
    }
    return false;
  };
  CHECK(refused([](Oblivious& o) { o.offset = {0, 3, 2}; }));
  CHECK(refused([](Oblivious& o) { o.offset = {0, 2}; }));  // leaves of one tree too many
  CHECK(refused([](Oblivious& o) { o.offset = {1, 2, 2}; }));
  CHECK(refused([](Oblivious& o) { o.feature[0] = 2; }));
  CHECK(refused([](Oblivious& o) { o.border.pop_back(); }));
  CHECK(refused([](Oblivious& o) { o.value[0] = std::nan(""); }));
  CHECK(refused([](Oblivious& o) { o.border[0] = std::nanf(""); }));
  CHECK(refused([](Oblivious& o) { o.base.clear(); }));
}

TEST_CASE("binary trees: renumbered breadth first with thresholds no float32 can tell from the given ones") {
  const TreeArrays trees = from_binary(Binary{}.view());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(trees.feature == std::vector<int32_t>{0, 1, -1, -1, -1});
  CHECK(trees.gain == std::vector<float>{5, 2, 0, 0, 0});
  CHECK(trees.cover == std::vector<float>{9, 5, 4, 2, 3});
  // 0.1 lies between two floats: 0.1F is above it.
  CHECK(margin(trees, 0.1F, 0.0F) == 30);
  CHECK(margin(trees, std::nextafter(0.1F, 0.0F), 0.0F) == 10);
  CHECK(margin(trees, 0.0F, 1.0F) == 10);
  CHECK(margin(trees, 0.0F, std::nextafter(1.0F, 2.0F)) == 20);
  CHECK(margin(trees, nan, nan) == 20);
}

TEST_CASE("binary trees: cycles and shared and lost nodes are refused") {
  const auto refused = [](auto change) {
    Binary b;
    change(b);
    try {
      from_binary(b.view());
    } catch (const Error& error) {
      return error.type() == "NativeLibraryError";
    }
    return false;
  };
  CHECK(refused([](Binary& b) { b.left[1] = 0; }));
  CHECK(refused([](Binary& b) { b.right[0] = 3; }));
  CHECK(refused([](Binary& b) { b.left[0] = 5; }));
  CHECK(refused([](Binary& b) { b.left[0] = -1; }));
  CHECK(refused([](Binary& b) { b.left[1] = b.right[1] = -1; }));
  CHECK(refused([](Binary& b) { b.feature[0] = 2; }));
  CHECK(refused([](Binary& b) { b.cover.pop_back(); }));
  CHECK(refused([](Binary& b) { b.threshold[0] = std::nan(""); }));
}

TEST_CASE(
    "round judge: keeps the best round; patience counts from it; less than min_delta is no improvement") {
  RoundJudge judge({.early_stopping_rounds = 2, .min_delta = 0.1, .has_validation = true}, StopToken{});
  CHECK(judge.begin());
  const auto observe = [&](double val) { return judge.observe({1.0, val, 0.5, 0.5, val}); };
  CHECK_FALSE(observe(1.0));
  CHECK_FALSE(observe(0.5));
  CHECK_FALSE(observe(0.45));
  CHECK(observe(0.6));
  CHECK(judge.best_round() == 2);
  CHECK(judge.complete());
  CHECK(judge.history().size() == 4);
}

TEST_CASE("round judge: without stop rows the last finite round counts and a NaN loss ends the fit") {
  RoundJudge judge({.early_stopping_rounds = 2}, StopToken{});
  CHECK_FALSE(judge.observe({1.0, 0.0, 0.5, 0.0, 0.0}));
  CHECK(judge.observe({std::nan(""), 0.0, 0.5, 0.0, 0.0}));
  CHECK(judge.best_round() == 1);
  CHECK(judge.monitor().stop_reason() == "nan_loss");
  CHECK(std::isnan(judge.history()[0].val_loss));
}

TEST_CASE("round judge: a stop flag ends the fit before and between rounds") {
  uint8_t flag = 0;
  RoundJudge judge({}, StopToken(&flag));
  CHECK(judge.begin());
  CHECK_FALSE(judge.observe({1.0, 0.0, 0.5, 0.0, 0.0}));
  flag = 1;
  CHECK(judge.observe({0.9, 0.0, 0.5, 0.0, 0.0}));
  CHECK(judge.best_round() == 2);
  CHECK_FALSE(judge.complete());
  CHECK(judge.monitor().stop_reason() == "cancelled");
  CHECK_FALSE(RoundJudge({}, StopToken(&flag)).begin());
}
