#include "smctrain/augment/policy.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "smctrain/augment/transforms.h"

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
