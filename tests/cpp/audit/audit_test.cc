// Kernels of the leak audit against slow, obvious references.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "smctrain/audit/column_auc.h"
#include "smctrain/audit/row_twins.h"
#include "smctrain/base/rng.h"

using namespace smctrain;

namespace {

std::vector<float> random_matrix(int64_t n, int64_t d, uint64_t seed) {
  Philox random(seed, "test");
  std::vector<float> out(static_cast<size_t>(n * d));
  for (float& value : out) value = static_cast<float>(random.normal());
  return out;
}

std::vector<int64_t> rows_of(int64_t first, int64_t last) {
  std::vector<int64_t> out;
  for (int64_t row = first; row < last; ++row) out.push_back(row);
  return out;
}

}  // namespace

TEST_CASE("A column that holds the class has an AUC of 1 and noise has one near a half") {
  const int64_t n = 4000;
  auto values = random_matrix(n, 3, 1);
  std::vector<int32_t> codes(n);
  Philox random(2, "codes");
  for (int64_t i = 0; i < n; ++i) {
    codes[static_cast<size_t>(i)] = static_cast<int32_t>(random.below(3));
    values[static_cast<size_t>(3 * i + 1)] = static_cast<float>(codes[static_cast<size_t>(i)]);
    values[static_cast<size_t>(3 * i + 2)] = 7.0F;
  }
  const auto rows = rows_of(0, n);
  const auto low = rows_of(0, n / 2);
  const auto high = rows_of(n / 2, n);
  const MatrixView<const float> X{values.data(), n, 3, 3};
  const auto auc = audit::column_auc(X, rows, codes, 3, {{low, high}, {high, low}}, 20, 2);
  CHECK(std::fabs(auc[0] - 0.5) < 0.03);
  CHECK(std::fabs(auc[1] - 0.5) < 0.03);
  CHECK(auc[2] == 1.0);
  CHECK(auc[3] == 1.0);
  CHECK(auc[4] == 0.5);
  CHECK(auc[5] == 0.5);
  CHECK(auc == audit::column_auc(X, rows, codes, 3, {{low, high}, {high, low}}, 20, 1));
}

TEST_CASE("Missing values are a value of their own") {
  const int64_t n = 400;
  std::vector<float> values(n, 1.0F);
  std::vector<int32_t> codes(n, 0);
  for (size_t i = 0; i < n; i += 2) {
    values[i] = std::numeric_limits<float>::quiet_NaN();
    codes[i] = 1;
  }
  const auto rows = rows_of(0, n);
  const auto low = rows_of(0, n / 2);
  const auto high = rows_of(n / 2, n);
  const MatrixView<const float> X{values.data(), n, 1, 1};
  CHECK(audit::column_auc(X, rows, codes, 2, {{low, high}}, 5, 1)[0] == 1.0);
}

TEST_CASE("Fingerprints agree to six digits and tell the seventh apart from the sixth") {
  std::vector<float> values{1.23456F, 0.0F,     -5.0F,    1.234561F, -0.0F,
                            -5.0F,    1.23457F, 0.0F,     -5.0F,     std::numeric_limits<float>::quiet_NaN(),
                            0.0F,     -5.0F,    123.456F, 0.0F,      -5.0F};
  const MatrixView<const float> X{values.data(), 5, 3, 3};
  const auto hash = audit::row_fingerprints(X, rows_of(0, 5), 6, 1);
  CHECK(hash[0] == hash[1]);
  CHECK(hash[0] != hash[2]);
  CHECK(hash[0] != hash[3]);
  CHECK(hash[0] != hash[4]);
}

TEST_CASE("Near twins are those that a double loop finds") {
  const int64_t n = 600;
  const int64_t d = 8;
  auto values = random_matrix(n, d, 3);
  for (int64_t i = 0; i < 40; ++i) {  // rows 500.. are near copies of rows 0..
    for (int64_t j = 0; j < d; ++j)
      values[static_cast<size_t>((500 + i) * d + j)] =
          values[static_cast<size_t>(i * d + j)] + 1e-5F * static_cast<float>(i);
  }
  const std::vector<double> center(d, 0.0);
  const std::vector<double> weight(d, 1.0);
  const audit::Space space{{values.data(), n, d, d}, center, weight};
  const auto queries = rows_of(500, n);
  const auto base = rows_of(0, 500);
  const double radius = 1e-5 * 20.5 * std::sqrt(8.0);
  const auto twins = audit::near_twins(space, queries, base, radius, 2);
  const auto [distance, row] = audit::nearest_rows(space, queries, base, 2);
  for (size_t i = 0; i < queries.size(); ++i) {
    double best = std::numeric_limits<double>::infinity();
    int64_t which = -1;
    for (const int64_t other : base) {
      double sum = 0.0;
      for (int64_t j = 0; j < d; ++j) {
        const double step = static_cast<double>(values[static_cast<size_t>(queries[i] * d + j)]) -
                            static_cast<double>(values[static_cast<size_t>(other * d + j)]);
        sum += step * step;
      }
      if (sum < best) {
        best = sum;
        which = other;
      }
    }
    CHECK(std::fabs(distance[i] - std::sqrt(best)) < 1e-12);
    CHECK(row[i] == which);
    CHECK(twins[i] == (std::sqrt(best) <= radius ? which : -1));
  }
}

TEST_CASE("Wrong rows and classes are refused") {
  std::vector<float> values(4, 0.0F);
  const MatrixView<const float> X{values.data(), 4, 1, 1};
  const std::vector<int64_t> rows{0, 4};
  const std::vector<int32_t> codes{0, 5};
  CHECK_THROWS(audit::row_fingerprints(X, rows, 6, 1));
  CHECK_THROWS(audit::column_auc(X, rows_of(0, 2), codes, 2, {}, 1, 1));
}
