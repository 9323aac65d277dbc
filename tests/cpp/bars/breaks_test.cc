// Breaks on small series: each kind where it should be, nothing where markets merely move.
#include "smctrain/bars/breaks.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "smctrain/bars/timestamp.h"

using namespace smctrain;

namespace {

constexpr int64_t kHour = 3600 * kSecondNs;
constexpr int64_t kGap = 7 * kDayNs;

// Hourly bars around 100 that move about 1 % a bar, volume 1000.
std::vector<Bar> calm(int64_t n) {
  std::vector<Bar> bars;
  double before = 100.0;
  for (int64_t t = 0; t < n; ++t) {
    const double close = 100.0 + (t % 2 == 0 ? 0.5 : -0.5) + 0.1 * static_cast<double>(t % 5);
    bars.push_back({t * kHour, (t + 1) * kHour, before, std::max(before, close) + 0.2,
                    std::min(before, close) - 0.2, close, 1000.0, 0.0});
    before = close;
  }
  return bars;
}

void scale_from(std::vector<Bar>* bars, size_t from, double factor,
                size_t to = std::numeric_limits<size_t>::max()) {
  for (size_t t = from; t < bars->size() && t < to; ++t) {
    for (double* price : {&(*bars)[t].open, &(*bars)[t].high, &(*bars)[t].low, &(*bars)[t].close})
      *price *= factor;
  }
}

struct Result {
  std::vector<Break> breaks;
  std::vector<int64_t> starts;
};

Result run(const std::vector<Bar>& bars,
           std::array<bool, kBreakKinds> active = {true, true, true, true, true}) {
  BreakFinder finder(kHour, kGap, active);
  Result result;
  for (size_t t = 0; t < bars.size(); ++t) {
    if (finder.push(bars[t])) result.starts.push_back(static_cast<int64_t>(t));
  }
  result.breaks = finder.breaks();
  return result;
}

}  // namespace

TEST_CASE("Breaks.NoneInACalmSeries") {
  const Result result = run(calm(300));
  CHECK(result.breaks.empty());
  CHECK(result.starts.empty());
}

TEST_CASE("Breaks.SplitsAreNamedByTheirFactor") {
  for (const auto& [ratio, factor] : std::vector<std::pair<double, double>>{{0.5, 2.0},
                                                                            {1.0 / 3, 3.0},
                                                                            {2.0 / 3, 1.5},
                                                                            {1.0 / 7, 7.0},
                                                                            {0.8, 1.25},
                                                                            {20.0, 0.05},
                                                                            {1.25, 0.8}}) {
    std::vector<Bar> bars = calm(100);
    scale_from(&bars, 50, ratio);
    const Result result = run(bars);
    REQUIRE(result.breaks.size() == 1);
    CHECK(result.breaks[0].kind == BreakKind::kSplit);
    CHECK(result.breaks[0].factor == doctest::Approx(factor));
    CHECK(result.breaks[0].origin == 50);
    CHECK(result.breaks[0].known_at == 50);
    CHECK(result.breaks[0].first > result.breaks[0].last);
    CHECK(result.starts == std::vector<int64_t>{50});
  }
}

TEST_CASE("Breaks.ACrashOnHeavyVolumeIsAJumpAndASmallOneIsAMarket") {
  std::vector<Bar> bars = calm(100);
  scale_from(&bars, 50, 0.52);
  bars[50].volume = 20'000.0;
  Result result = run(bars);
  REQUIRE(result.breaks.size() == 1);
  CHECK(result.breaks[0].kind == BreakKind::kJump);
  CHECK(result.starts == std::vector<int64_t>{50});

  bars = calm(100);
  scale_from(&bars, 50, 0.80);  // as far as a 5:4 split, but on the volume of bad news
  bars[50].volume = 20'000.0;
  result = run(bars);
  CHECK(result.breaks.empty());
  CHECK(result.starts.empty());
}

TEST_CASE("Breaks.ASpikeStandsAloneBetweenTwoBorders") {
  std::vector<Bar> bars = calm(100);
  bars[50].low = 0.01;
  Result result = run(bars);
  REQUIRE(result.breaks.size() == 1);
  CHECK(result.breaks[0].kind == BreakKind::kBadPrint);
  CHECK(result.breaks[0].known_at == 50);
  CHECK(result.breaks[0].first == 50);
  CHECK(result.breaks[0].last == 50);
  CHECK(result.starts == std::vector<int64_t>{50, 51});

  bars[50].close = 75.0;  // the close is wrong too: the next open is judged by the last close that was not
  bars[51].open = 100.0;
  CHECK(run(bars).breaks.size() == 1);

  bars = calm(100);
  bars[50].open = bars[50].high = 200.0;  // an open that is the high itself
  CHECK(run(bars).breaks[0].kind == BreakKind::kBadPrint);

  bars = calm(100);
  bars[50].low = 0.0;
  CHECK(run(bars).breaks[0].ratio == 0.0);
}

TEST_CASE("Breaks.ABadLevelShowsWhenItEndsAndTouchesNothingBefore") {
  std::vector<Bar> bars = calm(100);
  scale_from(&bars, 50, 0.7, 53);
  bars[53].open = bars[49].close;
  const Result result = run(bars);
  REQUIRE(result.breaks.size() == 2);
  CHECK(result.breaks[0].kind == BreakKind::kJump);  // nobody could tell
  CHECK(result.breaks[1].kind == BreakKind::kBadPrint);
  CHECK(result.breaks[1].first == 50);
  CHECK(result.breaks[1].last == 52);
  CHECK(result.breaks[1].known_at == 53);
  CHECK(result.starts == std::vector<int64_t>{50, 53});
}

TEST_CASE("Breaks.AWrongCloseAloneShowsWithTheNextOpen") {
  std::vector<Bar> bars = calm(100);
  bars[50].close = bars[50].low = 60.0;
  const Result result = run(bars);
  REQUIRE(result.breaks.size() == 1);
  CHECK(result.breaks[0].kind == BreakKind::kBadPrint);
  CHECK(result.breaks[0].origin == 50);
  CHECK(result.breaks[0].known_at == 51);
  CHECK(result.starts == std::vector<int64_t>{51});
}

TEST_CASE("Breaks.AFlashCrashThatTradedIsNoBadPrint") {
  std::vector<Bar> bars = calm(100);
  bars[50].low = 70.0;  // the bar also closed far down: prices were traded on the way
  bars[50].close = 82.0;
  bars[51].open = 82.0;
  scale_from(&bars, 51, 0.82);
  bars[51].open = 82.0;
  CHECK(run(bars).breaks.empty());
}

TEST_CASE("Breaks.FirstTradesAfterAListing") {
  std::vector<Bar> bars = calm(100);
  bars[0].low = bars[0].open = 9.0;
  bars[0].high = 450.0;
  const Result result = run(bars);
  REQUIRE(result.breaks.size() == 1);
  CHECK(result.breaks[0].kind == BreakKind::kListing);
  CHECK(result.breaks[0].known_at == 0);
  CHECK(result.starts == std::vector<int64_t>{1});
}

TEST_CASE("Breaks.AnotherSecurityAfterALongPause") {
  const auto later = [](double price, double volume, int64_t days) {
    std::vector<Bar> bars = calm(100);
    scale_from(&bars, 60, price);
    for (size_t t = 60; t < bars.size(); ++t) {
      bars[t].ts_open += days * kDayNs;
      bars[t].ts_close += days * kDayNs;
      bars[t].volume *= volume;
    }
    return run(bars);
  };
  for (const Result& result : {later(500.0, 1.0, 40), later(1.2, 500.0, 900), later(1.2, 0.001, 900)}) {
    REQUIRE(result.breaks.size() == 1);
    CHECK(result.breaks[0].kind == BreakKind::kTickerReuse);
    CHECK(result.breaks[0].first == 0);
    CHECK(result.breaks[0].last == 59);
    CHECK(result.breaks[0].known_at == 60);
    CHECK(result.starts == std::vector<int64_t>{60});
  }
  const Result same = later(1.4, 2.0, 900);  // years at the usual pace
  CHECK(same.breaks.empty());
  CHECK(same.starts == std::vector<int64_t>{60});
}

TEST_CASE("Breaks.AWildSeriesIsNotOneBreakAfterAnother") {
  std::vector<Bar> bars = calm(200);
  for (size_t t = 0; t < bars.size(); ++t) {
    bars[t].open = t % 2 == 0 ? 10.0 : 14.0;  // 40 % a bar
    bars[t].close = bars[t].open;
    bars[t].high = bars[t].open + 1.0;
    bars[t].low = bars[t].open - 1.0;
  }
  for (const Break& found : run(bars).breaks) CHECK(found.origin <= static_cast<int64_t>(kMinHistory) + 1);

  bars = calm(200);
  for (Bar& bar : bars) bar.low = 60.0;  // long shadows everywhere
  for (const Break& found : run(bars).breaks) CHECK(found.origin <= static_cast<int64_t>(kMinHistory) + 1);
}

TEST_CASE("Breaks.KindsThatDoNotCountAreListedOnly") {
  std::vector<Bar> bars = calm(100);
  scale_from(&bars, 50, 0.5);
  bars[70].low = 1.0;
  const Result result = run(bars, {true, true, false, true, true});
  CHECK(result.breaks.size() == 2);
  CHECK(result.starts == std::vector<int64_t>{50});
}

TEST_CASE("Breaks.MissingPricesArePassedOver") {
  std::vector<Bar> bars = calm(100);
  bars[50].close = std::numeric_limits<double>::quiet_NaN();
  bars[51].close = bars[51].open = bars[51].low = -3.0;  // oil, April 2020
  const Result result = run(bars);
  CHECK(result.breaks.empty());
  CHECK(result.starts.empty());
}
