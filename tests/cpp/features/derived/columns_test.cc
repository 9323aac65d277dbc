// Derived columns of made-up sources: blocks, sharing of sources, reset, messages.
#include "smctrain/features/derived/columns.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "smctrain/base/error.h"

using namespace smctrain;
using namespace smctrain::features;

namespace {

std::vector<ColumnInfo> made_columns() {
  ColumnInfo column{"a", "made", "ratio", "feature", 1, 0, 0, "close of the bar", "a"};
  std::vector<ColumnInfo> columns{column};
  column.name = "b_1";
  column.role = "level";
  columns.push_back(column);
  column.name = "b_1_lag_2";  // looks derived, is computed
  columns.push_back(column);
  return columns;
}

const ColumnIndex& computed() {
  static const std::vector<ColumnInfo> columns = made_columns();
  static const ColumnIndex index(columns);
  return index;
}

const std::vector<std::string> kWanted{
    "a_lag_2", "a",       "a_mean_5",     "a_med_5",         "a_q90_5", "a_rank_5",  "a_acf1_6",    "a_min_4",
    "a_sq",    "a_fd_60", "a_mean_5_z_7", "a_lag_1__x__b_1", "b_1_z_5", "b_1_lag_2", "b_1_lag_2_sq"};

// Values of all derived columns for 400 bars, in blocks of the given sizes.
std::vector<std::vector<double>> run(int largest, unsigned seed) {
  constexpr int kBars = 400;
  std::mt19937 random(5);
  std::vector<std::vector<double>> inputs(3, std::vector<double>(kBars));
  for (int t = 0; t < kBars; ++t) {
    for (auto& input : inputs)
      input[static_cast<size_t>(t)] = random() % 40 == 0 ? kNaN : static_cast<double>(random() % 1000);
  }
  DerivedColumns derived(kWanted, computed(), largest);
  std::vector<std::vector<double>> staged(3, std::vector<double>(static_cast<size_t>(largest)));
  std::vector<const double*> places;
  for (const auto& name : derived.used())
    places.push_back(staged[name == "a" ? 0 : name == "b_1" ? 1 : 2].data());
  derived.bind(places);
  std::vector<std::vector<double>> results(derived.columns().size());
  std::mt19937 sizes(seed);
  for (int t = 0; t < kBars;) {
    if (t == 200) derived.reset();
    const int left = t < 200 ? 200 - t : kBars - t;
    const int n = std::min(left, 1 + static_cast<int>(sizes() % static_cast<unsigned>(largest)));
    for (size_t k = 0; k < 3; ++k) std::copy_n(inputs[k].data() + t, n, staged[k].data());
    derived.push_block(n);
    for (size_t c = 0; c < results.size(); ++c)
      results[c].insert(results[c].end(), derived.values(c), derived.values(c) + n);
    t += n;
  }
  return results;
}

std::string message(const std::string& name) {
  try {
    DerivedColumns({name}, computed(), 1);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("derived columns do not depend on the size of the blocks") {
  const auto one_by_one = run(1, 1);
  CHECK(one_by_one.size() == kWanted.size() - 2);
  for (const unsigned seed : {1U, 2U, 3U}) {
    const auto blocks = run(64, seed);
    for (size_t c = 0; c < blocks.size(); ++c) {
      REQUIRE(blocks[c].size() == one_by_one[c].size());
      for (size_t t = 0; t < blocks[c].size(); ++t)
        REQUIRE(std::bit_cast<uint64_t>(blocks[c][t]) == std::bit_cast<uint64_t>(one_by_one[c][t]));
    }
  }
}

TEST_CASE("sources are named once and computed names win") {
  const DerivedColumns derived(kWanted, computed(), 1);
  CHECK(derived.sources() == std::vector<std::string>{"a", "b_1", "b_1_lag_2"});
  CHECK(derived.used() == std::vector<std::string>{"a", "b_1", "b_1_lag_2"});
  CHECK(derived.columns().back().sources == std::vector<std::string>{"b_1_lag_2"});
  CHECK(derived.columns()[11 - 1].role == "level");
  CHECK(derived.reads(10)[0].rows == 1);
}

TEST_CASE("names that mean nothing are refused with what to write") {
  CHECK(message("b_1__x__a").find("write 'a__x__b_1'") != std::string::npos);
  CHECK(message("a_lag_1_lag_1").find("write 'a_lag_2'") != std::string::npos);
  CHECK(message("b_2_z_5").find("Did you mean 'b_1_z_5'") != std::string::npos);
  CHECK(message("a_z_1").find("from 2 to 100000") != std::string::npos);
  CHECK(message("a_z_5").empty());
}
