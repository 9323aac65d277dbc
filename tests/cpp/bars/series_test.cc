// Price grid, checks, segments and resampling on small series.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "smctrain/bars/breaks.h"
#include "smctrain/bars/check.h"
#include "smctrain/bars/digits.h"
#include "smctrain/bars/resample.h"
#include "smctrain/bars/timestamp.h"

using namespace smctrain;

namespace {

constexpr int64_t kHour = 3600 * kSecondNs;
constexpr int64_t kMonday = 4 * kDayNs;  // 1970-01-05

// Hourly bars that all have O = 10, H = 11, L = 9, C = 10 until a test changes them.
struct Series {
  std::vector<int64_t> ts_open;
  std::vector<int64_t> ts_close;
  std::vector<double> open;
  std::vector<double> high;
  std::vector<double> low;
  std::vector<double> close;
  std::vector<double> volume;
  std::vector<int32_t> segment;

  explicit Series(const std::vector<int64_t>& hours) {
    for (const int64_t hour : hours) {
      ts_open.push_back(kMonday + hour * kHour);
      ts_close.push_back(kMonday + (hour + 1) * kHour);
    }
    const size_t n = hours.size();
    open.assign(n, 10.0);
    high.assign(n, 11.0);
    low.assign(n, 9.0);
    close.assign(n, 10.0);
    for (size_t i = 0; i < n; ++i) volume.push_back(static_cast<double>(i + 1));
    segment.assign(n, 0);
  }
  BarsView view() const { return {ts_open, ts_close, open, high, low, close, volume, {}, segment}; }
};

std::vector<int64_t> hours(int64_t n) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(i);
  return values;
}

const Finding* find(const CheckResult& result, const std::string& kind) {
  for (const Finding& finding : result.findings) {
    if (finding.kind == kind) return &finding;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("Digits.FindsTheFewestDecimalsThatHoldEveryPrice") {
  const std::vector<double> five = {1.1255600000000001, 1.12, 1.0};
  const std::vector<double> three = {157.123, 157.1};
  const std::vector<double> odd = {1.0 / 3.0};
  CHECK(find_digits(std::vector<std::span<const double>>{three}) == 3);
  CHECK(find_digits(std::vector<std::span<const double>>{three, five}) == 5);
  CHECK(find_digits(std::vector<std::span<const double>>{odd}) == -1);
  const std::vector<double> tiny = {1e-9, 2e-9};  // no grid may turn them into zeros
  CHECK(find_digits(std::vector<std::span<const double>>{tiny}) == -1);
  const Snapped snapped = snap_prices(five, 5);
  CHECK(snapped.prices[0] == 1.12556);
  CHECK(snapped.n_off == 0);
  const Snapped rounded = snap_prices(three, 2);
  CHECK(rounded.prices[0] == 157.12);
  CHECK(rounded.n_off == 1);
  CHECK(rounded.first_off == 0);
}

TEST_CASE("Check.FindsEachKindOnceAndNothingInACleanSeries") {
  CHECK(check_bars(Series(hours(50)).view(), kHour).findings.empty());

  Series series(hours(50));
  series.high[3] = 8.0;    // high < low
  series.close[5] = 12.0;  // above the high
  series.open[7] = -1.0;
  series.low[7] = -1.0;
  series.volume[9] = -2.0;
  for (size_t i = 20; i < 24; ++i) series.open[i] = series.high[i] = series.low[i] = series.close[i] = 10.0;
  series.open[30] = series.high[30] = series.low[30] = series.close[30] = 10.0;  // too short a run
  const CheckResult result = check_bars(series.view(), kHour);
  REQUIRE(find(result, "ohlc") != nullptr);
  CHECK(find(result, "ohlc")->count == 2);
  CHECK(find(result, "ohlc")->first == 3);
  CHECK(find(result, "non_positive")->first == 7);
  CHECK(find(result, "negative_volume")->first == 9);
  CHECK(find(result, "flat_run")->count == 1);
  CHECK(find(result, "flat_run")->first == 20);
  CHECK(find(result, "flat_run")->measure == 4.0);
  CHECK(result.n_faulty == 4);

  Series constant(hours(5));
  constant.volume.assign(5, 0.0);
  CHECK(find(check_bars(constant.view(), kHour), "constant_volume")->count == 5);
  CHECK(find(check_bars(constant.view(), kHour), "zero_volume") == nullptr);
  constant.volume[3] = 7.0;
  CHECK(find(check_bars(constant.view(), kHour), "zero_volume")->count == 4);
}

TEST_CASE("Check.CountsPausesOutsideWeekendsOnly") {
  // Friday 21:00 to Sunday 22:00 is a weekend; Tuesday 05:00 to 08:00 lacks two bars.
  const Series series({0, 1, 29, 32, 4 * 24 + 21, 6 * 24 + 22});
  const CheckResult result = check_bars(series.view(), kHour);
  const Finding* gap = find(result, "gap");
  REQUIRE(gap != nullptr);
  CHECK(gap->count == 3);
  CHECK(gap->first == 2);
  CHECK(gap->measure == 27 + 2 + 84);
  CHECK(holds_saturday(kMonday + 5 * kDayNs, kMonday + 6 * kDayNs));
  CHECK_FALSE(holds_saturday(kMonday + 5 * kDayNs + 1, kMonday + 6 * kDayNs));
  CHECK_FALSE(holds_saturday(kMonday + 5 * kDayNs, kMonday + 6 * kDayNs - 1));
  CHECK(holds_saturday(-6 * kDayNs, -kDayNs * 4));  // Saturday 1969-12-27
}

TEST_CASE("Check.FindsDisorderAndDuplicatesAnywhere") {
  const std::vector<int64_t> time = {1, 2, 5, 3, 4, 5, 5, 6};
  const OrderFaults faults = check_order(time);
  CHECK(faults.n_backward == 1);
  CHECK(faults.first_backward == 3);
  CHECK(faults.n_duplicate == 2);
  CHECK(faults.first_duplicate == 5);
}

TEST_CASE("Segments.BreakAtLongPausesAndSplits") {
  CHECK(segment_gap_ns(4 * kHour) == 7 * kDayNs);
  CHECK(segment_gap_ns(kDayNs) == 5 * kDayNs);
  CHECK(segment_gap_ns(7 * kDayNs) == 14 * kDayNs);

  std::vector<int64_t> times = hours(30);
  for (int64_t i = 0; i < 10; ++i) times.push_back(29 + 1 + 7 * 24 + 1 + i);  // a pause of 7 days and 1 hour
  Series series(times);
  for (size_t i = 0; i < series.close.size(); ++i) series.close[i] = i % 2 == 0 ? 10.0 : 10.1;
  for (size_t i = 20; i < series.close.size(); ++i) {  // 4:1 split
    for (auto* column : {&series.open, &series.high, &series.low, &series.close}) (*column)[i] /= 4.0;
  }
  const Breaks found = find_breaks(series.view(), kHour);
  REQUIRE(found.breaks.size() == 1);
  CHECK(found.breaks[0].kind == BreakKind::kSplit);
  CHECK(found.breaks[0].factor == 4.0);
  CHECK(found.breaks[0].known_at == 20);
  CHECK(found.segment[19] == 0);
  CHECK(found.segment[20] == 1);
  CHECK(found.segment[29] == 1);
  CHECK(found.segment[30] == 2);
  CHECK(std::count(found.quarantine.begin(), found.quarantine.end(), 1) == 0);
}

TEST_CASE("Resample.MakesFinishedBucketsOnly") {
  Series series({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  series.open[3] = 9.5;
  series.high[4] = 20.0;
  series.low[5] = 1.0;
  series.close[6] = 10.5;
  const ResampledBars out = resample(series.view(), 4 * kHour);
  REQUIRE(out.ts_open.size() == 2);  // 00:00 and 04:00; 08:00 has not ended
  CHECK(out.ts_open[1] == kMonday + 4 * kHour);
  CHECK(out.open[1] == 9.5);
  CHECK(out.high[1] == 20.0);
  CHECK(out.low[1] == 1.0);
  CHECK(out.close[1] == 10.5);
  CHECK(out.volume[0] == 1 + 2 + 3);
  CHECK(out.volume[1] == 4 + 5 + 6 + 7);
}

TEST_CASE("Resample.ABorderInsideABucketStartsItAnew") {
  Series series(hours(8));
  series.high[1] = 99.0;
  for (size_t i = 2; i < 8; ++i) series.segment[i] = 1;
  const ResampledBars out = resample(series.view(), 4 * kHour);
  REQUIRE(out.ts_open.size() == 2);
  CHECK(out.high[0] == 11.0);
  CHECK(out.volume[0] == 3 + 4);
  CHECK(out.segment == std::vector<int32_t>{0, 0});  // both end in the same source segment
}
