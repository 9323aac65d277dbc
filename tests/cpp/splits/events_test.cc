#include "smctrain/splits/events.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/splits/strata.h"

using namespace smctrain::splits;

namespace {

std::vector<int64_t> count_up(int64_t n) {
  std::vector<int64_t> values(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i)] = i;
  return values;
}

}  // namespace

TEST_CASE("a border moves to the nearest admissible place and earlier of two equal ones") {
  const auto starts = count_up(20);
  const std::vector<int64_t> admissible{2, 7, 11, 18};
  CHECK(move_borders(std::vector<int64_t>{9}, admissible, starts) == std::vector<int64_t>{7});  // a tie
  CHECK(move_borders(std::vector<int64_t>{10}, admissible, starts) == std::vector<int64_t>{11});
  CHECK(move_borders(std::vector<int64_t>{1}, admissible, starts) == std::vector<int64_t>{2});
  CHECK(move_borders(std::vector<int64_t>{19}, admissible, starts) == std::vector<int64_t>{18});
}

TEST_CASE("moved borders stay apart as long as there are enough places") {
  const auto starts = count_up(20);
  const std::vector<int64_t> admissible{6, 7, 8};
  CHECK(move_borders(std::vector<int64_t>{2, 3, 4}, admissible, starts) == admissible);
  CHECK(move_borders(std::vector<int64_t>{15, 16, 17}, admissible, starts) == admissible);
  CHECK_THROWS_AS(move_borders(std::vector<int64_t>{2, 3, 4, 5}, admissible, starts), smctrain::Error);
}

TEST_CASE("a test that would start in a calendar window starts behind its end and the gap") {
  const auto t0 = count_up(12);
  const Stamps stamps(t0);
  const std::vector<int64_t> start{3, 7};
  const std::vector<int64_t> end{5, 8};
  const auto free = starts_outside(stamps, start, end, {0, 0});
  CHECK(free == std::vector<int64_t>{0, 1, 2, 6, 6, 6, 6, 9, 9, 9, 10, 11});
  // With a gap of one stamp the first window leads into the second one, and so behind that.
  const auto gapped = starts_outside(stamps, start, end, {1, 0});
  CHECK(gapped == std::vector<int64_t>{0, 1, 2, 10, 10, 10, 6, 10, 10, 9, 10, 11});
  CHECK_THROWS_AS(starts_outside(stamps, end, start, {0, 0}), smctrain::Error);
}

TEST_CASE("rows of an event of the test leave the training part") {
  const std::vector<int64_t> ids{5, -1, 5, 6, -1, 6};
  std::vector<Fate> fates{Fate::kTrain, Fate::kTrain, Fate::kTest, Fate::kTrain, Fate::kTest, Fate::kUnused};
  purge_events(ids, 1, fates);
  CHECK(fates == std::vector<Fate>{Fate::kPurged, Fate::kTrain, Fate::kTest, Fate::kTrain, Fate::kTest,
                                   Fate::kUnused});
}

TEST_CASE("equal ids of different columns are different events") {
  const std::vector<int64_t> ids{3, -1, -1, 3, -1, 3};  // row 0 tests event 3 of the first column
  std::vector<Fate> fates{Fate::kTest, Fate::kTrain, Fate::kTrain};
  purge_events(ids, 2, fates);
  CHECK(fates == std::vector<Fate>{Fate::kTest, Fate::kTrain, Fate::kTrain});
}

TEST_CASE("labels that meet a closed window are found") {
  const std::vector<int64_t> t0{0, 2, 4, 6, 9};
  const std::vector<int64_t> t1{1, 3, 5, 7, 12};
  const std::vector<int64_t> start{10, 3};
  const std::vector<int64_t> end{11, 4};
  CHECK(meets_window({t0, t1}, start, end) == std::vector<uint8_t>{0, 1, 1, 0, 1});
}

TEST_CASE("a border shifts by at most its share to balance strata and is refused otherwise") {
  const auto t0 = count_up(80);
  const Stamps stamps(t0);
  std::vector<uint8_t> stratum(80);
  for (size_t i = 0; i < 80; ++i) stratum[i] = i % 2 == 0 ? 0 : 1;
  const std::vector<int64_t> odd{39};
  const auto balanced = balance_borders(stamps, stratum, 2, odd, {}, 0.05, 0.05);
  CHECK(balanced.borders == std::vector<int64_t>{38});  // 38 and 40 are both exact: the earlier one
  CHECK(balanced.difference[0] == doctest::Approx(0.0));
  const std::vector<uint8_t> only_later = [] {
    std::vector<uint8_t> flags(80, 0);
    flags[40] = 1;
    return flags;
  }();
  CHECK(balance_borders(stamps, stratum, 2, odd, only_later, 0.05, 0.05).borders == std::vector<int64_t>{40});
  const std::vector<uint8_t> none(80, 0);
  CHECK_THROWS_AS(balance_borders(stamps, stratum, 2, odd, none, 0.05, 0.05), smctrain::Error);
  // 5 % of the shorter part beside a border: of 20 stamps one, though 60 lie on the other side.
  const std::vector<int64_t> late{60};
  std::vector<uint8_t> lopsided(80);
  for (size_t i = 0; i < 80; ++i) lopsided[i] = i < 58 ? 0 : 1;
  CHECK(balance_borders(stamps, lopsided, 2, late, {}, 0.05, 1.0).borders == std::vector<int64_t>{61});
  for (size_t i = 0; i < 80; ++i) stratum[i] = i < 40 ? 0 : 1;  // early rows are all of one kind
  CHECK_THROWS_AS(balance_borders(stamps, stratum, 2, odd, {}, 0.05, 0.05), smctrain::Error);
}
