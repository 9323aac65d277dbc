// The stretches of time that bars of a longer timeframe cover.
//
//   trading day   begins when the wall clock of a zone first shows the roll of its date: local midnight plus
//                 `roll`, which is negative where the day begins on the eve (17:00 in New York: -7 h)
//   number        days from 1970-01-01 to its date
//   bucket        of less than a day: floor(time / length) from 00:00 UTC; of a day: a trading day; of weeks:
//   whole
//                 weeks of trading days from Monday 1970-01-05 on
//
// Days last 23 to 25 hours where clocks change. Times may come in any order; in ascending order the last
// bucket is remembered, and one costs a comparison.
#pragma once

#include <cstdint>
#include <memory>

#include "smctrain/bars/local_time.h"

namespace smctrain {

struct TradingDays {
  std::shared_ptr<const Zone> zone;  // none: UTC
  int64_t roll = 0;

  int64_t number_of(int64_t utc) const;
  // First instant of a day.
  int64_t start_of(int64_t number) const;
};

struct TimeSpan {
  int64_t start = 0;
  int64_t end = 0;  // exclusive
};

class Buckets {
 public:
  // Lengths of a day or more must be whole days; raises InputError otherwise.
  Buckets(TradingDays days, int64_t length_ns);
  TimeSpan span_of(int64_t utc);

 private:
  TradingDays days_;
  int64_t length_ns_;
  TimeSpan span_;
};

}  // namespace smctrain
