#include "smctrain/models/boosting/tree_ensemble.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"

using namespace smctrain;
using namespace smctrain::models::boosting;

namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

// One split on feature 1 at 0.5, missing to the right: -1 left, 2 right.
TreeArrays stump() {
  TreeArrays a;
  a.n_features = 2;
  a.n_classes = 2;
  a.tree_offset = {0, 3};
  a.tree_class = {0};
  a.feature = {1, -1, -1};
  a.threshold = {0.5F, 0, 0};
  a.left = {1, -1, -1};
  a.right = {2, -1, -1};
  a.default_left = {0, 0, 0};
  a.value = {0, -1.0F, 2.0F};
  a.base_margin = {0.25F};
  return a;
}

// Random trees of random shape, `rounds` of them for each of three classes.
TreeArrays random_trees(int rounds, int features) {
  Philox random(7, "trees");
  TreeArrays a;
  a.n_features = features;
  a.n_classes = 3;
  a.base_margin = {0.1F, -0.2F, 0.3F};
  for (int t = 0; t < 3 * rounds; ++t) {
    const size_t first = a.feature.size();
    size_t unsplit = 0;
    size_t nodes = 1;
    const size_t wanted = 1 + 2 * static_cast<size_t>(random.below(20));
    for (size_t i = 0; i < wanted; ++i) {
      const bool splits = nodes < wanted && (unsplit + 1 == nodes - i || random.uniform() < 0.7);
      const bool must = nodes == i + 1 && nodes < wanted;
      if (splits || must) {
        a.feature.push_back(static_cast<int32_t>(random.below(features)));
        a.threshold.push_back(static_cast<float>(random.normal()));
        a.left.push_back(static_cast<int32_t>(nodes));
        a.right.push_back(static_cast<int32_t>(nodes + 1));
        a.default_left.push_back(random.uniform() < 0.5 ? 1 : 0);
        a.value.push_back(0);
        nodes += 2;
      } else {
        a.feature.push_back(-1);
        a.threshold.push_back(0);
        a.left.push_back(-1);
        a.right.push_back(-1);
        a.default_left.push_back(0);
        a.value.push_back(static_cast<float>(random.normal()));
      }
    }
    REQUIRE(a.feature.size() - first == nodes);
    a.tree_offset.push_back(static_cast<int64_t>(a.feature.size()));
    a.tree_class.push_back(t % 3);
  }
  return a;
}

std::vector<int64_t> all_rows(int64_t n) {
  std::vector<int64_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return rows;
}

}  // namespace

TEST_CASE("TreeEnsemble: a value at the threshold goes right and a missing one where the node says") {
  const TreeEnsemble trees(stump(), "ArtifactError");
  const std::vector<float> X{9, 0.4F, 9, 0.5F, 9, kMissing};
  const MatrixView<const float> view{X.data(), 3, 2, 2};
  CHECK(trees.margins(view, all_rows(3)) == std::vector<double>{-0.75F, 2.25F, 2.25F});
  const auto p = trees.probabilities(view, all_rows(3));
  CHECK(p[1] == doctest::Approx(1.0 / (1.0 + std::exp(0.75))).epsilon(1e-15));
  CHECK(p[0] + p[1] == doctest::Approx(1.0).epsilon(1e-16));

  auto to_left = stump();
  to_left.default_left[0] = 1;
  CHECK(TreeEnsemble(to_left, "ArtifactError").margins(view, all_rows(3))[2] == -0.75F);
}

TEST_CASE("TreeEnsemble: the eight-lane walk equals a plain walk for any number of rows") {
  const TreeArrays arrays = random_trees(20, 5);
  CHECK(problem(arrays) == "");
  const TreeEnsemble trees(arrays, "ArtifactError");
  Philox random(8, "rows");
  for (const int64_t n : {int64_t{1}, int64_t{7}, int64_t{8}, int64_t{65}, int64_t{200}}) {
    std::vector<float> X(static_cast<size_t>(n) * 5);
    for (float& x : X) x = random.uniform() < 0.1 ? kMissing : static_cast<float>(random.normal());
    const auto margins = trees.margins({X.data(), n, 5, 5}, all_rows(n));
    for (int64_t i = 0; i < n; ++i) {
      std::vector<float> expected(arrays.base_margin.begin(), arrays.base_margin.end());
      for (size_t t = 0; t < arrays.tree_class.size(); ++t) {
        const auto first = static_cast<size_t>(arrays.tree_offset[t]);
        size_t node = first;
        while (arrays.left[node] >= 0) {
          const float x = X[static_cast<size_t>(i * 5 + arrays.feature[node])];
          const bool left = std::isnan(x) ? arrays.default_left[node] == 1 : x < arrays.threshold[node];
          node = first + static_cast<size_t>(left ? arrays.left[node] : arrays.right[node]);
        }
        expected[static_cast<size_t>(arrays.tree_class[t])] += static_cast<float>(arrays.value[node]);
      }
      for (size_t c = 0; c < 3; ++c) CHECK(margins[static_cast<size_t>(i) * 3 + c] == expected[c]);
    }
  }
}

TEST_CASE("TreeEnsemble: huge leaves give probabilities of 0 and 1 and never NaN") {
  TreeArrays a = random_trees(4, 2);
  for (double& value : a.value) value = static_cast<float>(value) * 1e38F;
  const TreeEnsemble trees(a, "ArtifactError");
  const std::vector<float> X{0, 0, 1, -1};
  for (const double p : trees.probabilities({X.data(), 2, 2, 2}, all_rows(2))) CHECK((p >= 0.0 && p <= 1.0));
}

TEST_CASE("TreeEnsemble: every single change of one index is either harmless or refused") {
  const TreeArrays good = random_trees(2, 3);
  const std::vector<float> X{0.1F, -0.5F, 2.0F};
  const MatrixView<const float> view{X.data(), 1, 3, 3};
  const std::vector<int32_t> values{-2147483647, -2, -1, 0, 1, 2, 3, 1000, 2147483647};
  const auto attempt = [&](TreeArrays changed) {
    try {
      const TreeEnsemble trees(std::move(changed), "ArtifactError");
      (void)trees.margins(view, all_rows(1));
    } catch (const Error& error) {
      CHECK(error.type() == "ArtifactError");
    }
  };
  for (size_t i = 0; i < good.feature.size(); ++i) {
    for (const int32_t value : values) {
      for (auto TreeArrays::* array : {&TreeArrays::feature, &TreeArrays::left, &TreeArrays::right}) {
        TreeArrays changed = good;
        (changed.*array)[i] = value;
        attempt(std::move(changed));
      }
    }
  }
  for (size_t t = 0; t < good.tree_offset.size(); ++t) {
    for (const int32_t value : values) {
      TreeArrays changed = good;
      changed.tree_offset[t] = value;
      attempt(std::move(changed));
    }
  }
}

TEST_CASE("TreeEnsemble: what is wrong is said with tree and node") {
  auto a = stump();
  a.feature[0] = 2;
  CHECK(problem(a) == "tree 0, node 0: feature must lie in 0..1, but is 2.");
  a = stump();
  a.right[0] = 1;
  CHECK(problem(a) == "tree 0, node 0: right child must be 2, but is 1.");
  a = stump();
  a.left[0] = a.right[0] = -1;
  a.feature[0] = -1;
  CHECK(problem(a) == "tree 0, node 1: no node leads to it.");
  a = stump();
  a.value[1] = std::numeric_limits<float>::infinity();
  CHECK(problem(a) == "tree 0, node 1: the value of a leaf must be finite.");
}

TEST_CASE("TreeEnsemble: infinite values and foreign rows are refused at prediction") {
  const TreeEnsemble trees(stump(), "ArtifactError");
  const std::vector<float> X{std::numeric_limits<float>::infinity(), 0};
  CHECK_THROWS_AS(trees.margins({X.data(), 1, 2, 2}, all_rows(1)), Error);
  CHECK_THROWS_AS(trees.margins({X.data(), 2, 1, 1}, all_rows(1)), Error);
  CHECK_THROWS_AS(trees.margins({X.data(), 1, 2, 2}, std::vector<int64_t>{1}), Error);
}
