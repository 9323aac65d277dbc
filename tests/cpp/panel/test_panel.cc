#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/panel/cross_section.h"
#include "smctrain/panel/order.h"
#include "smctrain/panel/sample.h"

namespace smctrain::panel {
namespace {

using Stamps = std::vector<std::vector<int64_t>>;

Order merged(const Stamps& stamps) {
  std::vector<std::span<const int64_t>> views(stamps.begin(), stamps.end());
  std::vector<std::string> names;
  for (size_t s = 0; s < stamps.size(); ++s) names.push_back("S" + std::to_string(s));
  return merge(views, names);
}

TEST_CASE("rows are sorted by stamp and symbol and share a stamp only if equal") {
  const Order order = merged({{10, 20, 40}, {}, {20, 30, 40}, {19}});
  CHECK(order.time == std::vector<int64_t>{10, 19, 20, 20, 30, 40, 40});
  CHECK(order.symbol == std::vector<int32_t>{0, 3, 0, 2, 2, 0, 2});
  CHECK(order.bar == std::vector<int64_t>{0, 0, 1, 0, 1, 2, 2});
  CHECK(order.start == std::vector<int64_t>{0, 1, 2, 4, 5, 7});
  CHECK(merged({{}, {}}).start == std::vector<int64_t>{0});
}

TEST_CASE("a repeated or earlier stamp is an error with symbol and row") {
  CHECK_THROWS_WITH_AS(
      merged({{1, 2}, {5, 6, 6}}),
      "S1: bars must have strictly ascending times, but row 2 has the time of the row before it. "
      "Read the bars with fix=(\"sort\", \"drop-duplicates\").",
      Error);
  CHECK_THROWS_AS(merged({{2, 1}}), Error);
}

TEST_CASE("thin stamps go and the newest whole stamps stay") {
  Order order = merged({{10, 20, 40}, {20, 40, 50}, {20, 40}});
  keep(order, 2, 0);
  CHECK(order.time == std::vector<int64_t>{20, 20, 20, 40, 40, 40});
  CHECK(order.start == std::vector<int64_t>{0, 3, 6});
  keep(order, 1, 5);
  CHECK(order.time == std::vector<int64_t>{40, 40, 40});
  CHECK(order.bar == std::vector<int64_t>{2, 1, 1});
  CHECK(order.start == std::vector<int64_t>{0, 3});
  CHECK_THROWS_AS(keep(order, 1, 2), Error);
}

TEST_CASE("ranks average ties and z-scores use sd1") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> values{3, 1, 3, 7, nan, inf, 5, 5};
  const std::vector<int64_t> start{0, 6, 8};
  const std::vector<int64_t> columns{0};
  std::vector<double> out(16, 0.0);
  const MatrixView<const double> from{values.data(), 8, 1, 1};
  const MatrixView<double> to{out.data(), 8, 2, 2};
  cross_section<double>(from, start, columns, {}, {2, true, true}, to);
  const double sd = std::sqrt((0.25 + 6.25 + 0.25 + 12.25) / 3);  // about the mean 3.5
  const std::vector<double> rank{0.5, 0, 0.5, 1, nan, nan, 0.5, 0.5};
  const std::vector<double> z{-0.5 / sd, -2.5 / sd, -0.5 / sd, 3.5 / sd, nan, nan, nan, nan};
  for (int64_t i = 0; i < 8; ++i) {
    const auto k = static_cast<size_t>(i);
    CHECK(((to(i, 0) == rank[k]) || (std::isnan(to(i, 0)) && std::isnan(rank[k]))));
    CHECK(((std::abs(to(i, 1) - z[k]) < 1e-15) || (std::isnan(to(i, 1)) && std::isnan(z[k]))));
  }
  const std::vector<uint8_t> where{1, 0, 1, 1, 1, 1, 1, 1};
  cross_section<double>(from, start, columns, where, {3, true, true}, to);
  CHECK(to(0, 0) == 0.25);
  CHECK(std::isnan(to(1, 0)));  // does not take part
  CHECK(std::isnan(to(6, 0)));  // too few
}

TEST_CASE("a cross section needs stamps that cover the rows and columns that exist") {
  const std::vector<float> values(4, 1.0F);
  std::vector<float> out(8);
  const MatrixView<const float> from{values.data(), 4, 1, 1};
  const MatrixView<float> to{out.data(), 4, 2, 2};
  const std::vector<int64_t> good{0, 4}, short_of_rows{0, 3}, first{0}, second{1};
  CHECK_THROWS_AS(cross_section<float>(from, short_of_rows, first, {}, {}, to), Error);
  CHECK_THROWS_AS(cross_section<float>(from, good, second, {}, {}, to), Error);
  CHECK_THROWS_AS(cross_section<float>(from, good, first, {}, {0, true, true}, to), Error);
  CHECK_THROWS_AS(cross_section<float>(from, good, first, {}, {1, true, false}, to), Error);
}

struct Rows {
  std::vector<int64_t> time, all;
  std::vector<int32_t> symbol;
  std::vector<uint64_t> key;
};

Rows square(int64_t stamps, int32_t symbols) {
  Rows rows;
  for (int64_t t = 0; t < stamps; ++t) {
    for (int32_t s = 0; s < symbols; ++s) {
      rows.all.push_back(static_cast<int64_t>(rows.time.size()));
      rows.time.push_back(1000 * t);
      rows.symbol.push_back(s);
    }
  }
  for (int32_t s = 0; s < symbols; ++s) rows.key.push_back(77 + static_cast<uint64_t>(s));
  return rows;
}

TEST_CASE("a share keeps about that share of the stamps and the whole of each") {
  const Rows rows = square(4000, 3);
  SampleOptions options;
  options.share = 0.25;
  const auto kept = sample(rows.time, rows.symbol, rows.key, rows.all, options);
  CHECK(kept.size() % 3 == 0);
  CHECK(std::abs(static_cast<double>(kept.size()) - 3000.0) < 4 * 3 * std::sqrt(4000 * 0.25 * 0.75));
  options.seed = 1;
  CHECK(sample(rows.time, rows.symbol, rows.key, rows.all, options) != kept);
}

TEST_CASE("no symbol is preferred when a stamp is capped") {
  const Rows rows = square(4000, 5);
  SampleOptions options;
  options.per_stamp = 2;
  const auto kept = sample(rows.time, rows.symbol, rows.key, rows.all, options);
  REQUIRE(kept.size() == 8000);
  std::vector<int64_t> count(5, 0);
  for (const int64_t row : kept) ++count[static_cast<size_t>(row % 5)];
  for (const int64_t c : count)
    CHECK(std::abs(static_cast<double>(c) - 1600.0) < 4 * std::sqrt(4000 * 0.4 * 0.6));
}

TEST_CASE("the newest rows stay and the last stamp is cut by key") {
  const Rows rows = square(10, 4);
  SampleOptions options;
  options.newest = true;
  options.max_rows = 10;
  CHECK(sample(rows.time, rows.symbol, rows.key, rows.all, options).front() == 32);
  options.whole_stamps = false;
  const auto kept = sample(rows.time, rows.symbol, rows.key, rows.all, options);
  CHECK(kept.size() == 10);
  CHECK(kept.front() >= 28);
  options.whole_stamps = true;
  options.max_rows = 3;
  CHECK_THROWS_AS(sample(rows.time, rows.symbol, rows.key, rows.all, options), Error);
}

}  // namespace
}  // namespace smctrain::panel
