#include "smctrain/splits/intervals.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/splits/purge.h"
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
  const auto fates = purge_and_embargo(Timeline({t0, t1}), is_test, {{{1, 0}, 0.0}, {}, false});
  const std::vector<Fate> expected{Fate::kTrain,     Fate::kTrain, Fate::kPurged, Fate::kPurged,
                                   Fate::kTest,      Fate::kTest,  Fate::kPurged, Fate::kPurged,
                                   Fate::kEmbargoed, Fate::kTrain};
  CHECK(fates == expected);
}

TEST_CASE("a label without an end blocks everything after it") {
  const std::vector<int64_t> t0{0, 1, 2, 3};
  const std::vector<int64_t> t1{0, std::numeric_limits<int64_t>::max(), 2, 3};
  const std::vector<uint8_t> is_test{0, 1, 0, 0};
  const auto fates = purge_and_embargo(Timeline({t0, t1}), is_test, {{{0, 5}, 0.0}, {}, false});
  CHECK(fates == std::vector<Fate>{Fate::kTrain, Fate::kTest, Fate::kPurged, Fate::kPurged});
  const std::vector<int64_t> before{0, 0, 2, 3};
  CHECK_THROWS_AS(check(Intervals{t0, before}), smctrain::Error);
  const std::vector<int64_t> absent{0, kMissing, 2, 3};
  CHECK_THROWS_AS(check(Intervals{absent, t1}), smctrain::Error);
}

TEST_CASE("a lookback purges rows whose features reach back into a test label") {
  const std::vector<int64_t> t0{0, 1, 2, 3, 4, 5};
  const std::vector<int64_t> t1{0, 1, 2, 3, 4, 5};
  const std::vector<uint8_t> is_test{0, 0, 1, 0, 0, 0};
  const auto fates = purge_and_embargo(Timeline({t0, t1}), is_test, {{}, {2, 0}, false});
  CHECK(fates == std::vector<Fate>{Fate::kTrain, Fate::kTrain, Fate::kTest, Fate::kPurged, Fate::kPurged,
                                   Fate::kTrain});
}

TEST_CASE("a purge by block takes every row that meets its span") {
  const std::vector<int64_t> t0{0, 1, 2, 3, 4};
  const std::vector<int64_t> t1{0, 9, 2, 3, 4};  // rows 1 and 2 are tests; the label of row 1 is long
  const std::vector<uint8_t> is_test{0, 1, 1, 0, 0};
  const auto fates = purge_and_embargo(Timeline({t0, t1}), is_test, {{}, {}, true});
  CHECK(fates == std::vector<Fate>{Fate::kTrain, Fate::kTest, Fate::kTest, Fate::kPurged, Fate::kPurged});
  const std::vector<int64_t> gap_t0{0, 5, 7, 10};
  const std::vector<int64_t> gap_t1{6, 5, 7, 10};  // row 0 reaches between two tests of one block
  const std::vector<uint8_t> two{0, 1, 1, 0};
  const std::vector<int64_t> short_t1{4, 5, 7, 10};
  const auto touched = purge_and_embargo(Timeline({gap_t0, short_t1}), two, {{}, {}, true});
  CHECK(touched[0] == Fate::kTrain);
  const auto reached = purge_and_embargo(Timeline({gap_t0, gap_t1}), two, {{}, {}, true});
  CHECK(reached[0] == Fate::kPurged);
}

TEST_CASE("an embargo can be a share of its block with a cap") {
  std::vector<int64_t> t0(60);
  for (int64_t i = 0; i < 60; ++i) t0[static_cast<size_t>(i)] = i;
  const Timeline time({t0, t0});
  const auto embargoed = [&](int64_t first, int64_t last, const Embargo& embargo) {
    const std::vector<Window> windows{{first, last}};
    return rows_with(window_split(time, windows, {embargo, {}, false}), Fate::kEmbargoed);
  };
  CHECK(embargoed(0, 40, {{100, 0}, 0.05}) == std::vector<int64_t>{40, 41});
  CHECK(embargoed(0, 41, {{100, 0}, 0.05}) == std::vector<int64_t>{41, 42, 43});  // rounded up
  CHECK(embargoed(0, 40, {{1, 0}, 0.05}) == std::vector<int64_t>{40});
  CHECK(embargoed(0, 41, {{0, 1000}, 0.05}) == std::vector<int64_t>{41, 42});  // 5 % of a span of 40
}

TEST_CASE("a share of a block longer than the scale covers nothing behind its end") {
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min() + 1;
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  const std::vector<int64_t> t0{kFirst, 0, 5};
  const std::vector<int64_t> t1{kLast, 1, 5};
  const std::vector<uint8_t> is_test{1, 0, 0};
  const auto fates = purge_and_embargo(Timeline({t0, t1}), is_test, {{{0, 1000}, 0.05}, {}, false});
  CHECK(fates == std::vector<Fate>{Fate::kTest, Fate::kPurged, Fate::kPurged});
}

TEST_CASE("the long embargo of a long block outlives the short one of a short block behind it") {
  std::vector<int64_t> t0(120);
  for (int64_t i = 0; i < 120; ++i) t0[static_cast<size_t>(i)] = i;
  const std::vector<Window> windows{{0, 100}, {101, 102}};
  const auto fates = window_split(Timeline({t0, t0}), windows, {{{100, 0}, 0.05}, {}, false});
  CHECK(rows_with(fates, Fate::kEmbargoed) == std::vector<int64_t>{100, 102, 103, 104});
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
  CHECK_THROWS_AS(check(Embargo{{0, 0}, 1.5}), smctrain::Error);
}
