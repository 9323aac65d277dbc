#include "smctrain/models/forest/forest.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"

using namespace smctrain;
using namespace smctrain::models;

namespace {

BinnedMatrix bins_of(const std::vector<float>& column) {
  std::vector<int64_t> rows(column.size());
  std::iota(rows.begin(), rows.end(), 0);
  const auto n = static_cast<int64_t>(column.size());
  return bin_matrix({column.data(), n, 1, 1}, rows, 255, 1, StopToken());
}

Tree grow_one(const BinnedMatrix& matrix, const std::vector<int32_t>& labels,
              const std::vector<uint32_t>& counts, const GrowSettings& settings) {
  std::vector<int32_t> rows(labels.size());
  std::iota(rows.begin(), rows.end(), 0);
  const std::vector<double> factors(2, 1.0);
  Philox stream(1, "tree/0");
  Tree tree;
  CHECK(grow_tree(matrix, {rows, counts, labels, {}, factors}, settings, stream, StopToken(), tree));
  return tree;
}

}  // namespace

TEST_CASE("Grower.LeafSizeCountsDistinctRowsNotDraws") {
  const BinnedMatrix matrix = bins_of({0, 1, 2, 3});
  const std::vector<int32_t> labels{0, 1, 1, 1};
  GrowSettings settings;
  settings.min_samples_leaf = 2;
  // Row 0 was drawn nine times, and is still one row: the boundary behind it would leave a leaf of one.
  const Tree tree = grow_one(matrix, labels, {9, 1, 1, 1}, settings);
  REQUIRE(tree.nodes.size() == 3);
  CHECK(tree.nodes[0].threshold == 1.5F);
  CHECK(tree.leaves == std::vector<double>{0.9, 0.1, 0.0, 1.0});
}

TEST_CASE("Grower.SplitSizeCountsDistinctRows") {
  const BinnedMatrix matrix = bins_of({0, 1, 2});
  GrowSettings settings;
  settings.min_samples_split = 4;
  CHECK(grow_one(matrix, {0, 1, 1}, {9, 9, 9}, settings).nodes.size() == 1);
  settings.min_samples_split = 3;
  CHECK(grow_one(matrix, {0, 1, 1}, {1, 1, 1}, settings).nodes.size() == 3);
}

TEST_CASE("Grower.SplitsWithoutGainAreAllowedSoThatTwoColumnsCanHelpTogether") {
  // Exclusive or: neither column alone lowers the impurity.
  const std::vector<float> values{0, 0, 0, 1, 1, 0, 1, 1};
  const std::vector<int64_t> rows{0, 1, 2, 3};
  const BinnedMatrix matrix = bin_matrix({values.data(), 4, 2, 2}, rows, 255, 1, StopToken());
  GrowSettings settings;
  settings.max_features = 2;
  const Tree tree = grow_one(matrix, {0, 1, 1, 0}, {1, 1, 1, 1}, settings);
  CHECK(tree.nodes.size() == 7);
}

TEST_CASE("Grower.AGapIsCutInTheMiddle") {
  // Bins exist at 0 1 2 3 4, but the bag holds only 0 and 4.
  const BinnedMatrix matrix = bins_of({0, 1, 2, 3, 4});
  const std::vector<int32_t> bag{0, 4};
  const std::vector<uint32_t> counts{1, 1};
  const std::vector<int32_t> labels{0, 0, 0, 1, 1};
  const std::vector<double> factors(2, 1.0);
  Philox stream(1, "tree/0");
  Tree tree;
  CHECK(grow_tree(matrix, {bag, counts, labels, {}, factors}, GrowSettings{}, stream, StopToken(), tree));
  CHECK(tree.nodes[0].threshold == 1.5F);
}

TEST_CASE("Forest.ATimeLimitLeavesTheFinishedTrees") {
  std::vector<float> column(400);
  std::vector<int32_t> labels(400);
  for (size_t i = 0; i < column.size(); ++i) {
    column[i] = static_cast<float>((i * 37) % 101);
    labels[i] = static_cast<int32_t>(i % 3 == 0);
  }
  const BinnedMatrix matrix = bins_of(column);
  std::vector<int64_t> rows(400);
  std::iota(rows.begin(), rows.end(), 0);
  ForestSettings settings;
  settings.n_trees = 100'000;
  settings.n_draw = 400;
  // Ended from outside as soon as there is a tree, so that no machine is too slow or too fast for it.
  uint8_t flag = 0;
  settings.report = [&flag](int64_t, int64_t) {
    std::atomic_ref<uint8_t>(flag).store(static_cast<uint8_t>(StopReason::kTimeout));
  };
  const ForestFit fit = fit_forest(matrix, rows, labels, {}, 2, settings, StopToken(&flag));
  settings.report = {};
  CHECK(fit.stop_reason == StopReason::kTimeout);
  const auto trees = static_cast<int64_t>(fit.state.node_start.size()) - 1;
  CHECK(trees >= 1);
  CHECK(trees < settings.n_trees);
  // The finished trees are the ones a smaller forest would have.
  settings.n_trees = trees;
  const ForestFit whole = fit_forest(matrix, rows, labels, {}, 2, settings, StopToken());
  CHECK(whole.state.threshold == fit.state.threshold);
  CHECK(whole.state.leaf_share == fit.state.leaf_share);
  const Forest forest(fit.state);
  CHECK(forest.n_trees() == trees);
}

TEST_CASE("Forest.OneClassIsRefused") {
  const BinnedMatrix matrix = bins_of({0, 1, 2});
  const std::vector<int64_t> rows{0, 1, 2};
  const std::vector<int32_t> labels{1, 1, 1};
  ForestSettings settings;
  settings.n_draw = 3;
  try {
    fit_forest(matrix, rows, labels, {}, 2, settings, StopToken());
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.type() == "OneClass");
  }
}

TEST_CASE("Bins.ThresholdsLieBetweenNeighbouringFloats") {
  const float a = 1.0F;
  const float b = std::nextafter(a, 2.0F);
  std::vector<float> values{b, a, b, a};
  const auto edges = fit_edges(values, 255);
  REQUIRE(edges.size() == 1);
  CHECK(edges[0] >= a);
  CHECK(edges[0] < b);
}

TEST_CASE("Bins.ExtremesOfFloatHaveAFiniteEdge") {
  const float top = std::numeric_limits<float>::max();
  std::vector<float> values{-top, top};
  const auto edges = fit_edges(values, 255);
  REQUIRE(edges.size() == 1);
  CHECK(edges[0] == 0.0F);
}

TEST_CASE("Bins.AStoppedSortLeavesNoEdges") {
  std::vector<float> values(5000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(values.size() - i);
  uint8_t flag = 1;
  CHECK(fit_edges(values, 65'535, StopToken(&flag)).empty());
  flag = 0;
  CHECK(fit_edges(values, 65'535, StopToken(&flag)).size() == 4999);
  CHECK(std::is_sorted(values.begin(), values.end()));
}

TEST_CASE("Forest.MembersKnowTheirTargetsInOrderOfValue") {
  // Signs, magnitudes, ties and both zeros.
  const std::vector<double> pool{-1e90, -3.5, -1e-300, -0.0, 0.0, 1e-300, 2.0, 2.0000000000000004, 1e90};
  const int64_t n = 400;
  std::vector<float> x;
  std::vector<double> targets;
  std::vector<int64_t> rows;
  Philox stream(3, "members");
  for (int64_t i = 0; i < n; ++i) {
    x.push_back(static_cast<float>(i));
    targets.push_back(pool[static_cast<size_t>(stream.below(static_cast<int64_t>(pool.size())))]);
    if (i % 3 != 0) rows.push_back(i);
  }
  const BinnedMatrix matrix = bin_matrix({x.data(), n, 1, 1}, rows, 255, 1, StopToken());
  ForestSettings settings;
  settings.n_trees = 2;
  settings.bootstrap = false;
  settings.keep_members = true;
  settings.grow.max_depth = 2;
  const LeafMembers members =
      fit_regression_forest(matrix, rows, targets, {}, settings, StopToken()).state.members;
  CHECK(members.target ==
        std::vector<double>{-1e90, -3.5, -1e-300, 0.0, 1e-300, 2.0, 2.0000000000000004, 1e90});
  REQUIRE(members.rank.size() == 2 * rows.size());
  std::vector<double> seen;
  std::vector<double> wanted;
  for (size_t i = 0; i < rows.size(); ++i) {
    seen.push_back(members.target[static_cast<size_t>(members.rank[i])]);
    wanted.push_back(targets[static_cast<size_t>(rows[i])]);
  }
  std::sort(seen.begin(), seen.end());
  std::sort(wanted.begin(), wanted.end());
  CHECK(seen == wanted);
}

TEST_CASE("Forest.FitsAndPredictsTheSameOnFourThreads") {
  constexpr int64_t kRows = 700;
  constexpr int64_t kCols = 5;
  std::vector<float> values(static_cast<size_t>(kRows * kCols));
  std::vector<int32_t> labels(static_cast<size_t>(kRows));
  std::vector<double> weights(static_cast<size_t>(kRows));
  Philox stream(3, "data");
  for (auto& value : values) {
    value = stream.uniform() < 0.1 ? std::numeric_limits<float>::quiet_NaN()
                                   : static_cast<float>(stream.normal());
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<int32_t>(stream.below(3));
    weights[i] = 0.5 + stream.uniform();
  }
  std::vector<int64_t> rows(static_cast<size_t>(kRows));
  std::iota(rows.begin(), rows.end(), 0);
  const MatrixView<const float> X{values.data(), kRows, kCols, kCols};
  ForestSettings settings;
  settings.n_trees = 12;
  settings.n_draw = 500;
  settings.grow.max_features = 2;
  for (const bool weighted : {false, true}) {
    std::vector<std::vector<double>> proba;
    for (const int threads : {1, 4}) {
      settings.threads = threads;
      const BinnedMatrix matrix = bin_matrix(X, rows, 255, threads, StopToken());
      const std::span<const double> row_weights =
          weighted ? std::span<const double>(weights) : std::span<const double>();
      const Forest forest(fit_forest(matrix, rows, labels, row_weights, 3, settings, StopToken()).state);
      proba.emplace_back(static_cast<size_t>(kRows * 3));
      CHECK(forest.predict(X, rows, threads, StopToken(), proba.back().data()));
    }
    CHECK(proba[0] == proba[1]);
  }
}
