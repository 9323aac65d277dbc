#include "smctrain/splits/intervals.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/splits/purged_kfold.h"

using namespace smctrain::splits;

TEST_CASE("purge and embargo of the written example") {
  std::vector<int64_t> t0(10);
  std::vector<int64_t> t1(10);
  std::vector<uint8_t> is_test(10, 0);
  for (int64_t i = 0; i < 10; ++i) {
    t0[static_cast<size_t>(i)] = i;
    t1[static_cast<size_t>(i)] = i + 2;
  }
  is_test[4] = is_test[5] = 1;
  const auto fates = purge_and_embargo({t0, t1}, Stamps(t0), is_test, {1, 0});
  const std::vector<Fate> expected{Fate::kTrain,     Fate::kTrain, Fate::kPurged, Fate::kPurged,
                                   Fate::kTest,      Fate::kTest,  Fate::kPurged, Fate::kPurged,
                                   Fate::kEmbargoed, Fate::kTrain};
  CHECK(fates == expected);
}

TEST_CASE("a label without an end blocks everything after it") {
  const std::vector<int64_t> t0{0, 1, 2, 3};
  const std::vector<int64_t> t1{0, std::numeric_limits<int64_t>::max(), 2, 3};
  const std::vector<uint8_t> is_test{0, 1, 0, 0};
  const auto fates = purge_and_embargo({t0, t1}, Stamps(t0), is_test, {0, 5});
  CHECK(fates == std::vector<Fate>{Fate::kTrain, Fate::kTest, Fate::kPurged, Fate::kPurged});
  const std::vector<int64_t> before{0, 0, 2, 3};
  CHECK_THROWS_AS(check({t0, before}), smctrain::Error);
}

TEST_CASE("group borders lose no stamp") {
  CHECK(group_borders(11, 3) == std::vector<int64_t>{0, 4, 8, 11});
  CHECK_THROWS_AS(group_borders(2, 3), smctrain::Error);
}

TEST_CASE("a gap or embargo below zero is refused") {
  const std::vector<int64_t> t0{0, 1, 2, 3};
  const Stamps stamps(t0);
  CHECK_THROWS_AS(stamps.before(2, {-1, 0}), smctrain::Error);
  CHECK_THROWS_AS(stamps.before(2, {std::numeric_limits<int64_t>::min(), 0}), smctrain::Error);
  CHECK_THROWS_AS(stamps.embargo_end(2, {0, -1}), smctrain::Error);
}
