// Column transforms: statistics against plain sums, and results that depend on no thread.
#include "smctrain/prepare/columns.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "smctrain/base/rng.h"
#include "smctrain/prepare/preprocess.h"

namespace smctrain::prepare {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

std::vector<int64_t> first_rows(int64_t n) {
  std::vector<int64_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<float> noise(size_t n) {
  Philox random(7, 1);
  std::vector<float> values(n);
  for (float& x : values) x = static_cast<float>(random.uniform() * 10.0 - 3.0);
  for (size_t i = 0; i < n; i += 11) values[i] = kMissing;
  return values;
}

TEST_CASE("a column's numbers are those of the values present") {
  const std::vector<double> values = {1.0, 4.0, std::nan(""), 4.0, 1e300, 11.0};
  const MatrixView<const double> X{values.data(), 6, 1, 1};
  const std::vector<int64_t> rows = {0, 1, 2, 3, 5};
  const std::vector<double> shares = {0.75, 0.0, 0.5};
  const auto found = describe(X, rows, {}, shares, 1);
  CHECK(found.count[0] == 4);
  CHECK(found.mean[0] == 5.0);
  CHECK(found.deviation[0] == doctest::Approx(std::sqrt(54.0 / 3.0)).epsilon(1e-15));
  CHECK(found.minimum[0] == 1.0);
  CHECK(found.maximum[0] == 11.0);
  CHECK(found.quantiles[0][0] == 5.75);
  CHECK(found.quantiles[1][0] == 1.0);
  CHECK(found.quantiles[2][0] == 4.0);
}

TEST_CASE("weights scale out and a weight of zero is an absent row") {
  const std::vector<double> values = {1.0, 2.0, 6.0, 100.0};
  const MatrixView<const double> X{values.data(), 4, 1, 1};
  const auto rows = first_rows(4);
  const std::vector<double> once = {1.0, 1.0, 1.0, 0.0};
  const std::vector<double> twice = {2.0, 2.0, 2.0, 0.0};
  const auto a = describe(X, rows, once, {}, 1);
  const auto b = describe(X, rows, twice, {}, 1);
  CHECK(a.mean[0] == 3.0);
  CHECK(a.deviation[0] == doctest::Approx(std::sqrt(7.0)).epsilon(1e-15));
  CHECK(b.deviation[0] == a.deviation[0]);
  CHECK(a.maximum[0] == 6.0);
}

TEST_CASE("a constant column has no deviation however its sums round") {
  const std::vector<double> values(1001, 0.1);
  const auto found =
      describe(MatrixView<const double>{values.data(), 1001, 1, 1}, first_rows(1001), {}, {}, 1);
  CHECK(found.deviation[0] == 0.0);
  CHECK(found.mean[0] == 0.1);
}

TEST_CASE("a large offset costs no digits of the deviation") {
  std::vector<double> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 1e9 + static_cast<double>(i % 2);
  const auto found =
      describe(MatrixView<const double>{values.data(), 1000, 1, 1}, first_rows(1000), {}, {}, 1);
  CHECK(found.deviation[0] == doctest::Approx(std::sqrt(250.0 / 999.0)).epsilon(1e-12));
}

TEST_CASE("fitting and applying give the same bits for every number of threads") {
  const int64_t n = 5000, d = 37;
  const auto values = noise(static_cast<size_t>(n * d));
  const MatrixView<const float> X{values.data(), n, d, d};
  const auto rows = first_rows(3000);
  const auto all = first_rows(n);
  for (const Scale scale : {Scale::kStandard, Scale::kRobust, Scale::kMinMax, Scale::kNone}) {
    PreprocessSettings settings;
    settings.scale = scale;
    settings.indicator = 0.01;
    const auto one = fit_preprocessing(X, rows, settings, 1);
    std::vector<float> expected(static_cast<size_t>(n * one.columns.width()));
    apply(X, all, one.columns, 1, expected.data());
    for (const int threads : {2, 3, 4}) {
      const auto several = fit_preprocessing(X, rows, settings, threads);
      CHECK(several.columns.center == one.columns.center);
      CHECK(several.columns.scale == one.columns.scale);
      CHECK(several.columns.indicators == one.columns.indicators);
      std::vector<float> out(expected.size());
      apply(X, all, several.columns, threads, out.data());
      CHECK(out == expected);
    }
  }
}

TEST_CASE("what would overflow becomes the largest number") {
  const std::vector<float> values = {3e38F, -3e38F, kMissing};
  const ColumnProgram program{{0}, {0.5}, {-1e39}, {1e39}, {0.0}, {1e-20}, {0}};
  std::vector<float> out(6);
  apply(MatrixView<const float>{values.data(), 3, 1, 1}, first_rows(3), program, 1, out.data());
  CHECK(out[0] == std::numeric_limits<float>::max());
  CHECK(out[2] == std::numeric_limits<float>::lowest());
  CHECK(out[4] == 0.5F / 1e-20F);
  CHECK(out[5] == 1.0F);
  CHECK(out[1] == 0.0F);
}

TEST_CASE("columns missing in the same rows share one pattern") {
  const std::vector<float> values = {kMissing, 1.0F, kMissing, 2.0F, kMissing, 3.0F, 4.0F, 5.0F, 6.0F};
  const MatrixView<const float> X{values.data(), 3, 3, 3};
  const std::vector<int64_t> columns = {0, 1, 2};
  CHECK(distinct_patterns(X, first_rows(3), columns) == std::vector<int64_t>{0, 1});
}

}  // namespace
}  // namespace smctrain::prepare
