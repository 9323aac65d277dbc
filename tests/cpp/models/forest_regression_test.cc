#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"
#include "smctrain/models/forest/forest.h"
#include "smctrain/models/forest/permutation.h"
#include "smctrain/models/forest/shap.h"

using namespace smctrain;
using namespace smctrain::models;

namespace {

constexpr int64_t kRows = 500;
constexpr int64_t kCols = 5;

struct Data {
  std::vector<float> values = std::vector<float>(static_cast<size_t>(kRows * kCols));
  std::vector<double> targets = std::vector<double>(static_cast<size_t>(kRows));
  std::vector<int64_t> rows = std::vector<int64_t>(static_cast<size_t>(kRows));

  Data() {
    Philox stream(3, "data");
    for (auto& value : values) {
      value = stream.uniform() < 0.1 ? std::numeric_limits<float>::quiet_NaN()
                                     : static_cast<float>(stream.normal());
    }
    for (size_t i = 0; i < targets.size(); ++i) {
      const float x = values[i * kCols];
      targets[i] = (std::isnan(x) ? 0.5 : x) + 0.3 * stream.normal();
    }
    std::iota(rows.begin(), rows.end(), 0);
  }
  MatrixView<const float> X() const { return {values.data(), kRows, kCols, kCols}; }
};

ForestSettings settings_of(int threads) {
  ForestSettings settings;
  settings.n_trees = 10;
  settings.n_draw = 400;
  settings.grow.max_features = 2;
  settings.grow.min_samples_leaf = 3;
  settings.keep_members = true;
  settings.threads = threads;
  return settings;
}

}  // namespace

TEST_CASE("RegressionForest.EverythingIsTheSameOnFourThreads") {
  const Data data;
  const std::vector<double> levels{0.1, 0.5, 0.9};
  std::vector<std::vector<double>> all;
  for (const int threads : {1, 4}) {
    for (const bool random : {false, true}) {
      ForestSettings settings = settings_of(threads);
      settings.grow.random_splits = random;
      const BinnedMatrix matrix = bin_matrix(data.X(), data.rows, 255, threads, StopToken());
      ForestFit fit = fit_regression_forest(matrix, data.rows, data.targets, {}, settings, StopToken());
      CHECK(fit.oob_score > 0.5);
      const Forest forest(std::move(fit.state));
      std::vector<double> out(static_cast<size_t>(kRows));
      CHECK(forest.predict(data.X(), data.rows, threads, StopToken(), out.data()));
      std::vector<double> quantiles(static_cast<size_t>(kRows * 3));
      CHECK(forest.quantiles(data.X(), levels, threads, StopToken(), quantiles.data()));
      std::vector<double> phi(static_cast<size_t>(kRows * (kCols + 1)));
      CHECK(shap_values(forest, data.X(), threads, StopToken(), phi.data()));
      const auto sources = permuted_rows(kRows, 3, 2, 1, MoveMethod::kBlocks);
      const std::vector<int32_t> each{0, 1, 2, 3, 4};
      const auto scores = moved_scores(forest, data.X(), Score::of_numbers("r2", data.targets, {}),
                                       {sources, 2, each, kCols}, threads, StopToken());
      CHECK(scores.complete);
      for (size_t i = 0; i < static_cast<size_t>(kRows); ++i) {
        double sum = 0.0;
        for (size_t j = 0; j <= kCols; ++j) sum += phi[i * (kCols + 1) + j];
        CHECK(std::abs(sum - out[i]) < 1e-10);
        CHECK(quantiles[3 * i] <= quantiles[3 * i + 1]);
        CHECK(quantiles[3 * i + 1] <= quantiles[3 * i + 2]);
      }
      out.insert(out.end(), quantiles.begin(), quantiles.end());
      out.insert(out.end(), phi.begin(), phi.end());
      out.insert(out.end(), scores.moved.begin(), scores.moved.end());
      all.push_back(std::move(out));
    }
  }
  CHECK(all[0] == all[2]);
  CHECK(all[1] == all[3]);
  CHECK(all[0] != all[1]);
}

TEST_CASE("RegressionForest.AStopRequestEndsEveryLongCall") {
  const Data data;
  const BinnedMatrix matrix = bin_matrix(data.X(), data.rows, 255, 1, StopToken());
  const Forest forest(
      fit_regression_forest(matrix, data.rows, data.targets, {}, settings_of(1), StopToken()).state);
  uint8_t flag = 1;
  const StopToken stopped(&flag);
  const std::vector<double> levels{0.5};
  std::vector<double> out(static_cast<size_t>(kRows * (kCols + 1)));
  CHECK_FALSE(forest.quantiles(data.X(), levels, 2, stopped, out.data()));
  CHECK_FALSE(shap_values(forest, data.X(), 2, stopped, out.data()));
  const auto sources = permuted_rows(kRows, 1, 1, 1, MoveMethod::kShift);
  const std::vector<int32_t> each{0, 1, 2, 3, 4};
  CHECK_FALSE(moved_scores(forest, data.X(), Score::of_numbers("r2", data.targets, {}),
                           {sources, 1, each, kCols}, 2, stopped)
                  .complete);
  CHECK_THROWS_AS(fit_regression_forest(matrix, data.rows, data.targets, {}, settings_of(1), stopped), Error);
}

TEST_CASE("Grower.RandomSplitsFallBetweenOccupiedBins") {
  // Values 0 1 2 3 100: a point uniform between 0 and 100 falls behind 3 nearly always, and never outside.
  const std::vector<float> column{0, 1, 2, 3, 100};
  const std::vector<int64_t> all{0, 1, 2, 3, 4};
  const BinnedMatrix matrix = bin_matrix({column.data(), 5, 1, 1}, all, 255, 1, StopToken());
  CHECK(matrix.centres[0] == column);
  const std::vector<int32_t> rows{0, 1, 2, 3, 4};
  const std::vector<uint32_t> counts(5, 1);
  const std::vector<int32_t> labels{0, 1, 0, 1, 0};
  const std::vector<double> factors(2, 1.0);
  GrowSettings settings;
  settings.random_splits = true;
  settings.max_depth = 1;
  int last = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Philox stream(seed, "tree/0");
    Tree tree;
    CHECK(grow_tree(matrix, {rows, counts, labels, {}, factors}, settings, stream, StopToken(), tree));
    REQUIRE(tree.nodes.size() == 3);
    CHECK(tree.nodes[0].code <= 3);
    last += tree.nodes[0].code == 3 ? 1 : 0;
  }
  CHECK(last > 270);
  CHECK(last < 300);
}
