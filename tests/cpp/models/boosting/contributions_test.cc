#include "smctrain/models/boosting/contributions.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"

using namespace smctrain;
using namespace smctrain::models::boosting;

namespace {

constexpr int kFeatures = 4;

// Complete trees of depth 3 over four features, so that a path often splits twice on the same one.
TreeArrays random_trees(int trees) {
  Philox random(11, "explained");
  TreeArrays a;
  a.n_features = kFeatures;
  a.n_classes = 0;
  a.wide = true;
  a.base_margin = {0.3};
  for (int t = 0; t < trees; ++t) {
    for (int32_t i = 0; i < 15; ++i) {
      const bool leaf = i >= 7;
      a.feature.push_back(leaf ? -1 : static_cast<int32_t>(random.below(kFeatures)));
      a.threshold.push_back(leaf ? 0.0F : static_cast<float>(random.normal()));
      a.left.push_back(leaf ? -1 : 2 * i + 1);
      a.right.push_back(leaf ? -1 : 2 * i + 2);
      a.default_left.push_back(!leaf && random.uniform() < 0.5 ? 1 : 0);
      a.value.push_back(leaf ? random.normal() : 0.0);
      a.gain.push_back(leaf ? 0.0F : 1.0F);
      a.cover.push_back(1.0F + static_cast<float>(random.below(50)));
    }
    a.tree_offset.push_back(static_cast<int64_t>(a.feature.size()));
    a.tree_class.push_back(0);
  }
  return a;
}

// Expected margin when only the features of `known` are known.
double expected(const TreeArrays& a, const float* row, unsigned known) {
  double sum = a.base_margin[0];
  for (size_t t = 0; t < a.tree_class.size(); ++t) {
    const auto first = static_cast<size_t>(a.tree_offset[t]);
    const std::function<double(size_t)> visit = [&](size_t node) -> double {
      const size_t at = first + node;
      if (a.left[at] < 0) return a.value[at];
      const auto left = static_cast<size_t>(a.left[at]);
      if (known >> a.feature[at] & 1U) {
        const float x = row[a.feature[at]];
        const bool goes_left = std::isnan(x) ? a.default_left[at] == 1 : x < a.threshold[at];
        return visit(goes_left ? left : left + 1);
      }
      const double l = a.cover[first + left];
      const double r = a.cover[first + left + 1];
      return (l * visit(left) + r * visit(left + 1)) / (l + r);
    };
    sum += visit(0);
  }
  return sum;
}

}  // namespace

TEST_CASE("contributions: they equal the Shapley values by their definition and add up to the margin") {
  const TreeArrays arrays = random_trees(12);
  const TreeEnsemble trees(arrays, "ArtifactError");
  Philox random(12, "rows");
  std::vector<float> X(20 * kFeatures);
  for (float& x : X) {
    x = random.uniform() < 0.1 ? std::numeric_limits<float>::quiet_NaN()
                               : static_cast<float>(random.normal());
  }
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < 20; ++i) rows.push_back(i);
  const MatrixView<const float> view{X.data(), 20, kFeatures, kFeatures};
  const auto found = contributions(trees, view, rows, StopToken());
  const auto margins = trees.margins(view, rows);
  const std::vector<double> factorial{1, 1, 2, 6, 24};
  for (size_t i = 0; i < 20; ++i) {
    const float* row = X.data() + i * kFeatures;
    double sum = 0.0;
    for (unsigned j = 0; j < kFeatures; ++j) {
      double shapley = 0.0;
      for (unsigned set = 0; set < 1U << kFeatures; ++set) {
        if (set >> j & 1U) continue;
        const auto size = static_cast<size_t>(__builtin_popcount(set));
        shapley += factorial[size] * factorial[kFeatures - size - 1] / factorial[kFeatures] *
                   (expected(arrays, row, set | 1U << j) - expected(arrays, row, set));
      }
      CHECK(found[i * 5 + j] == doctest::Approx(shapley).epsilon(1e-9));
      sum += found[i * 5 + j];
    }
    CHECK(found[i * 5 + 4] == doctest::Approx(expected(arrays, row, 0)).epsilon(1e-12));
    CHECK(sum + found[i * 5 + 4] == doctest::Approx(margins[i]).epsilon(1e-12));
  }
}

TEST_CASE("contributions: a stop request and missing covers are errors") {
  TreeArrays arrays = random_trees(2);
  const std::vector<float> X(kFeatures, 0.0F);
  const std::vector<int64_t> rows{0};
  uint8_t flag = 1;
  const MatrixView<const float> view{X.data(), 1, kFeatures, kFeatures};
  CHECK_THROWS_AS(contributions(TreeEnsemble(arrays, "E"), view, rows, StopToken(&flag)), Error);
  arrays.cover.clear();
  arrays.gain.clear();
  CHECK_THROWS_AS(contributions(TreeEnsemble(arrays, "E"), view, rows, StopToken()), Error);
}

TEST_CASE("contributions: nodes that no row reached are no division by zero") {
  TreeArrays arrays = random_trees(3);
  for (size_t i = 0; i < arrays.cover.size(); i += 2) arrays.cover[i] = 0.0F;
  const TreeEnsemble trees(arrays, "E");
  const std::vector<float> X{0.3F, -1.0F, 2.0F, 0.0F};
  const std::vector<int64_t> rows{0};
  const MatrixView<const float> view{X.data(), 1, kFeatures, kFeatures};
  double sum = 0.0;
  for (const double value : contributions(trees, view, rows, StopToken())) sum += value;
  CHECK(sum == doctest::Approx(trees.margins(view, rows)[0]).epsilon(1e-9));
}
