// Where trading days begin when the clocks change.
#include "smctrain/bars/buckets.h"

#include <doctest/doctest.h>

using namespace smctrain;

namespace {

int64_t at(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute = 0) {
  return days_from_civil(year, month, day) * kDayNs + hour * kHourNs + minute * 60 * kSecondNs;
}

int64_t number(int64_t year, int64_t month, int64_t day) { return days_from_civil(year, month, day); }

}  // namespace

TEST_CASE("TradingDays.BeginWhenTheClockFirstShowsTheRoll") {
  const auto zone = compiled_zone("America/New_York");
  const TradingDays evening{zone, -7 * kHourNs};  // 17:00 on the eve
  CHECK(evening.start_of(number(2024, 7, 2)) == at(2024, 7, 1, 21));
  CHECK(evening.start_of(number(2024, 1, 3)) == at(2024, 1, 2, 22));
  CHECK(evening.number_of(at(2024, 7, 1, 20, 59)) == number(2024, 7, 1));
  CHECK(evening.number_of(at(2024, 7, 1, 21)) == number(2024, 7, 2));

  // 02:30 does not exist on 2024-03-10: the clock jumps over it at 07:00 UTC.
  const TradingDays skipped{zone, 2 * kHourNs + 30 * 60 * kSecondNs};
  CHECK(skipped.start_of(number(2024, 3, 10)) == at(2024, 3, 10, 7));
  CHECK(skipped.number_of(at(2024, 3, 10, 6, 59)) == number(2024, 3, 9));
  CHECK(skipped.number_of(at(2024, 3, 10, 7)) == number(2024, 3, 10));

  // 01:30 exists twice on 2024-11-03: the day has begun the first time and does not end again.
  const TradingDays repeated{zone, kHourNs + 30 * 60 * kSecondNs};
  CHECK(repeated.start_of(number(2024, 11, 3)) == at(2024, 11, 3, 5, 30));
  CHECK(repeated.number_of(at(2024, 11, 3, 5, 29)) == number(2024, 11, 2));
  for (int64_t minute = 30; minute < 180; minute += 10) {
    CHECK(repeated.number_of(at(2024, 11, 3, 5, minute)) == number(2024, 11, 3));
  }
}

TEST_CASE("Buckets.CoverTimeWithoutHolesOrOverlap") {
  for (const int64_t days : {1, 7}) {
    for (const int64_t roll : {-7 * kHourNs, 0 * kHourNs, 2 * kHourNs + 30 * 60 * kSecondNs}) {
      Buckets buckets({compiled_zone("America/New_York"), roll}, days * kDayNs);
      int64_t time = at(2023, 12, 25, 0);
      for (int i = 0; i < 60; ++i) {
        const TimeSpan span = buckets.span_of(time);
        CHECK(span.start <= time);
        CHECK(time < span.end);
        CHECK(buckets.span_of(span.end - 1).start == span.start);
        CHECK(buckets.span_of(span.end).start == span.end);
        time = span.end;
      }
    }
  }
}

TEST_CASE("Buckets.OfLessThanADayBeginAtMidnightUtc") {
  Buckets buckets({compiled_zone("America/New_York"), -7 * kHourNs}, 4 * kHourNs);
  CHECK(buckets.span_of(at(2024, 7, 1, 21)).start == at(2024, 7, 1, 20));
  CHECK(buckets.span_of(-1).end == 0);
  CHECK_THROWS(Buckets({}, kDayNs + 1));
  CHECK_THROWS(Buckets({}, 0));
}
