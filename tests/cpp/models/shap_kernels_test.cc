#include "smctrain/models/forest/shap_kernels.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/models/forest/shap.h"

using namespace smctrain;
using namespace smctrain::models;

namespace {

constexpr int64_t kRows = 203;  // no multiple of any number of lanes
constexpr int64_t kColumns = 14;

std::vector<float> draw_rows(Philox& stream) {
  std::vector<float> x(static_cast<size_t>(kRows * kColumns));
  for (float& value : x) {
    value = static_cast<float>(stream.uniform());
    if (stream.uniform() < 0.05) value = std::numeric_limits<float>::quiet_NaN();
  }
  return x;
}

ForestState fitted(const std::vector<float>& x, int64_t n_classes, int depth, Philox& stream) {
  std::vector<int64_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0);
  const BinnedMatrix matrix = bin_matrix({x.data(), kRows, kColumns, kColumns}, rows, 255, 1, StopToken());
  std::vector<int32_t> labels;
  std::vector<double> targets;
  for (int64_t i = 0; i < kRows; ++i) {
    labels.push_back(static_cast<int32_t>(stream.below(std::max<int64_t>(n_classes, 2))));
    targets.push_back(stream.uniform());
  }
  ForestSettings settings;
  settings.n_trees = 5;
  settings.grow.max_depth = depth;
  settings.grow.max_features = 3;
  settings.n_draw = kRows;
  const ForestFit fit = n_classes == 1
                            ? fit_regression_forest(matrix, rows, targets, {}, settings, StopToken())
                            : fit_forest(matrix, rows, labels, {}, n_classes, settings, StopToken());
  return fit.state;
}

}  // namespace

TEST_CASE("every kernel level gives the same SHAP values to the bit for any number of threads") {
  explaining::KernelLevel levels[3];
  const int n_levels = explaining::kernel_levels(levels);
  for (const int64_t k : {1, 2, 3, 5}) {
    for (const int depth : {1, 4, 10, 0}) {  // paths of 1 to 14 columns: all numbers of points
      CAPTURE(k);
      CAPTURE(depth);
      Philox stream(3, "shap");
      const auto x = draw_rows(stream);
      const Forest forest(fitted(x, k, depth, stream));
      const MatrixView<const float> X{x.data(), kRows, kColumns, kColumns};
      std::vector<std::vector<double>> values;
      for (int level = 0; level < n_levels; ++level) {
        for (const int threads : {1, 3}) {
          auto& out = values.emplace_back(static_cast<size_t>(kRows * (kColumns + 1) * k),
                                          std::numeric_limits<double>::quiet_NaN());
          CHECK(shap_values(forest, X, threads, StopToken(), *levels[level].kernels, out.data()));
        }
      }
      for (const auto& other : values)
        CHECK(std::memcmp(other.data(), values[0].data(), other.size() * sizeof(double)) == 0);
      // And they are values: a row's contributions add up to its prediction.
      std::vector<double> proba(static_cast<size_t>(k));
      for (int64_t i = 0; i < kRows; ++i) {
        forest.predict_row(x.data() + i * kColumns, proba.data());
        for (int64_t c = 0; c < k; ++c) {
          double sum = 0.0;
          for (int64_t j = 0; j <= kColumns; ++j)
            sum += values[0][static_cast<size_t>((i * (kColumns + 1) + j) * k + c)];
          CHECK(std::abs(sum - proba[static_cast<size_t>(c)]) < 1e-12);
        }
      }
    }
  }
}
