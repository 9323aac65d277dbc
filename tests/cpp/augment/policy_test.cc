#include "smctrain/augment/policy.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "smctrain/augment/columns.h"
#include "smctrain/augment/transforms.h"
#include "smctrain/base/error.h"

using namespace smctrain;
using namespace smctrain::augment;

TEST_CASE("largest remainders give exactly the total") {
  const std::vector<int64_t> counts{5, 3, 2};
  CHECK(largest_remainder(counts, 7) == std::vector<int64_t>{4, 2, 1});
  CHECK(largest_remainder(counts, 0) == std::vector<int64_t>{0, 0, 0});
  CHECK(largest_remainder(counts, 20) == std::vector<int64_t>{10, 6, 4});
}

TEST_CASE("a shifted row stays in its segment and in the past") {
  const std::vector<int32_t> segment{0, 0, 0, 1, 1};
  Philox random(1, "test");
  for (int repeat = 0; repeat < 50; ++repeat) {
    CHECK(shifted_row(0, segment, 2, random) == 0);
    CHECK(shifted_row(3, segment, 2, random) == 3);
    CHECK(shifted_row(4, segment, 2, random) == 3);
    const int64_t row = shifted_row(2, segment, 2, random);
    CHECK((row == 0 || row == 1));
  }
}

TEST_CASE("columns know their kind and their neutral value") {
  const std::vector<double> x{0.5, 1, 0, 1.5, 2, 1, 2.5, 9, 1};
  const MatrixView<const double> view{x.data(), 3, 3, 3};
  const auto columns = describe_columns(view, {});
  CHECK_FALSE(columns[0].discrete);
  CHECK(columns[0].neutral == 1.5);
  CHECK(columns[0].sd == 1.0);
  CHECK(columns[1].discrete);
  CHECK(columns[1].neutral == 2.0);
  CHECK(columns[2].neutral == 1.0);
}

TEST_CASE("copies of nothing and impossible counts are refused") {
  const std::vector<double> values(4, 1.0);
  const MatrixView<const double> x{values.data(), 2, 2, 2};
  const auto columns = describe_columns(x, {});
  const CopyOptions options{false, 0.1, 2, 0.1};
  Philox random(1, "test");
  const std::vector<int64_t> none;
  const std::vector<int64_t> huge(2, std::numeric_limits<int64_t>::max());
  const std::vector<int64_t> good(2, 0);
  CHECK_THROWS_AS(copy_rows(x, columns, none, {}, 3, options, random), smctrain::Error);
  CHECK_THROWS_AS(copy_rows(x, columns, huge, {}, 3, options, random), smctrain::Error);
  CHECK_THROWS_AS(copy_rows(x, columns, good, {}, -1, options, random), smctrain::Error);
}
