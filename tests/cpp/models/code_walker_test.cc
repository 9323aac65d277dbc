#include "smctrain/models/forest/code_walker.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/models/forest/forest.h"

using namespace smctrain;
using namespace smctrain::models;

namespace {

struct Shape {
  int64_t columns;
  int64_t classes;
  int depth;
  double stop;     // chance that a node is a leaf although it may be split
  int64_t cuts;    // different thresholds of a column
  double missing;  // share of missing values
  const char* name;
};

ForestState draw_forest(const Shape& shape, int64_t n_trees, Philox& stream) {
  ForestState state;
  state.n_features = shape.columns;
  state.n_classes = shape.classes;
  state.node_start.push_back(0);
  state.leaf_start.push_back(0);
  for (int64_t tree = 0; tree < n_trees; ++tree) {
    struct Node {
      int32_t column = -1;
      float threshold = 0.0F;
      int32_t left = -1;
      int depth = 0;
    };
    std::vector<Node> nodes(1);
    int32_t leaves = 0;
    for (size_t at = 0; at < nodes.size(); ++at) {
      if (nodes[at].depth == shape.depth || nodes.size() > 4000 || stream.uniform() < shape.stop) {
        nodes[at].left = leaves++;
        continue;
      }
      nodes[at].column = static_cast<int32_t>(stream.below(shape.columns));
      nodes[at].threshold = static_cast<float>(stream.below(shape.cuts)) / static_cast<float>(shape.cuts);
      nodes[at].left = static_cast<int32_t>(nodes.size());
      const int below = nodes[at].depth + 1;
      for (int side = 0; side < 2; ++side) nodes.push_back({-1, 0.0F, -1, below});
    }
    for (const Node& node : nodes) {
      state.feature.push_back(node.column);
      state.threshold.push_back(node.threshold);
      state.left.push_back(node.left);
      state.right.push_back(node.column < 0 ? -1 : node.left + 1);
      state.missing_left.push_back(stream.uniform() < 0.5 ? 1 : 0);
    }
    for (int32_t leaf = 0; leaf < leaves; ++leaf) {
      std::vector<double> share(static_cast<size_t>(shape.classes));
      for (double& value : share) value = 0.1 + stream.uniform();
      const double sum = shape.classes > 1 ? std::accumulate(share.begin(), share.end(), 0.0) : 1.0;
      for (const double value : share) state.leaf_share.push_back(value / sum);
    }
    state.node_start.push_back(static_cast<int64_t>(state.feature.size()));
    state.leaf_start.push_back(static_cast<int64_t>(state.leaf_share.size()) / shape.classes);
  }
  state.importances.assign(static_cast<size_t>(shape.columns), 0.0);
  return state;
}

// A good part of the values lies on thresholds.
std::vector<float> draw_rows(const Shape& shape, int64_t n, Philox& stream) {
  std::vector<float> x(static_cast<size_t>(n * shape.columns));
  for (float& value : x) {
    value =
        static_cast<float>(stream.below(2 * shape.cuts) - shape.cuts / 2) / static_cast<float>(shape.cuts);
    if (stream.uniform() < 0.3) value += 1e-4F;
    if (stream.uniform() < 0.01) value = std::numeric_limits<float>::infinity();
    if (stream.uniform() < 0.01) value = -0.0F;
    if (stream.uniform() < shape.missing) value = std::numeric_limits<float>::quiet_NaN();
  }
  return x;
}

const std::vector<Shape> kShapes{
    {57, 3, 10, 0.05, 254, 0.0, "three classes of depth 10"},
    {57, 3, 10, 0.05, 254, 0.1, "missing values"},
    {96, 4, 40, 0.1, 250, 0.0, "two registers and deep trees"},
    {96, 2, 40, 0.3, 250, 0.1, "two registers and missing values"},
    {5, 1, 12, 0.02, 5000, 0.1, "many cuts in each column"},
    {3, 9, 7, 0.4, 2, 0.2, "small trees of nine classes"},
    {2, 2, 0, 0.0, 2, 0.0, "trees that are one leaf"},
};

}  // namespace

TEST_CASE("rows that walk on codes get the numbers of rows that walk alone") {
  for (const Shape& shape : kShapes) {
    INFO(std::string(shape.name));
    Philox stream(7, shape.name);
    const Forest forest(draw_forest(shape, 100, stream));
    CHECK((CodeWalker::make(forest.state()) != nullptr) == CodeWalker::machine_suits());
    const int64_t n = 5001;  // more than a tree has nodes: codes are prepared
    const auto x = draw_rows(shape, n, stream);
    const MatrixView<const float> X{x.data(), n, shape.columns, shape.columns};
    std::vector<int64_t> rows(static_cast<size_t>(n));
    std::iota(rows.begin(), rows.end(), 0);
    std::reverse(rows.begin(), rows.end());
    std::vector<double> together(static_cast<size_t>(n * shape.classes));
    CHECK(forest.predict(X, rows, 2, StopToken(), together.data()));
    std::vector<double> alone(together.size());
    for (int64_t i = 0; i < n; ++i)
      forest.predict_row(x.data() + rows[static_cast<size_t>(i)] * shape.columns,
                         alone.data() + i * shape.classes);
    CHECK(together == alone);
    // A forest that has seen few rows walks node by node.
    const Forest fresh{ForestState(forest.state())};
    std::vector<double> by_node(together.size());
    for (int64_t i = 0; i < n; i += 100) {
      const auto some =
          std::span(rows).subspan(static_cast<size_t>(i), static_cast<size_t>(std::min<int64_t>(100, n - i)));
      CHECK(fresh.predict(X, some, 1, StopToken(), by_node.data() + i * shape.classes));
    }
    CHECK(together == by_node);
  }
}

TEST_CASE("forests that codes cannot hold are walked node by node") {
  Philox stream(7, "wide");
  const Shape shape{200, 3, 10, 0.02, 100, 0.1, ""};
  const ForestState state = draw_forest(shape, 201, stream);
  CHECK(CodeWalker::make(state) == nullptr);
  const Forest forest{ForestState(state)};
  const int64_t n = 5001;
  const auto x = draw_rows(shape, n, stream);
  std::vector<int64_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<double> together(static_cast<size_t>(n * shape.classes));
  CHECK(forest.predict({x.data(), n, shape.columns, shape.columns}, rows, 1, StopToken(), together.data()));
  std::vector<double> alone(3);
  for (int64_t i = 0; i < n; i += 97) {
    forest.predict_row(x.data() + i * shape.columns, alone.data());
    CHECK(std::equal(alone.begin(), alone.end(), together.begin() + i * 3));
  }
}
