// Levels of the last finished day, week, month and four hours.
//
//   day roll   the moment of the local day at which a trading day begins, 17:00 in New York unless told
//              otherwise; from noon on it belongs to the next date, so Sunday evening is Monday
//   d, w, m    trading days, weeks that begin with Monday, months of the date; h4: 4-hour buckets from the
//   roll period     a bar belongs to the period of its opening time; a period is finished by the first bar of
//   a
//              later one. Periods without bars do not exist: after a weekend the previous day is Friday
//
// Of bars longer than a period there are no columns of that period.
//
// The period in which a segment starts is not shown unless its first bar opens exactly where it begins.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "smctrain/features/local_time.h"
#include "smctrain/features/machine.h"
#include "smctrain/features/price_span.h"

namespace smctrain::features {

enum class Period : int8_t { kDay, kWeek, kMonth, kFourHours };
inline constexpr std::array<Period, 4> kPeriods{Period::kDay, Period::kWeek, Period::kMonth,
                                                Period::kFourHours};
const char* period_name(Period period);  // "d", "w", "m", "h4"

struct DayRoll {
  std::shared_ptr<const Zone> zone;
  int64_t at_ns = 0;  // of the local day
};
DayRoll new_york_close();  // 17:00 America/New_York

class TradingCalendar {
 public:
  explicit TradingCalendar(const DayRoll& roll);
  // Number of the period an instant lies in, ascending in time.
  int64_t key(Period period, int64_t utc);

 private:
  LocalClock clock_;
  int64_t shift_;
};

class PeriodLevels {
 public:
  PeriodLevels(Period period, const DayRoll& roll) : period_(period), calendar_(roll) {}
  void push(const Bar& bar, int64_t t);  // bar with finite prices
  void reset() { spans_.reset(); }
  const SpanTracker& spans() const { return spans_; }

 private:
  Period period_;
  TradingCalendar calendar_;
  SpanTracker spans_;
};

std::unique_ptr<Machine> make_previous_period_machine(const DayRoll& roll, int64_t bar_length_ns);

}  // namespace smctrain::features
