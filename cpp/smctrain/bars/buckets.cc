#include "smctrain/bars/buckets.h"

#include <algorithm>
#include <utility>

#include "smctrain/base/error.h"

namespace smctrain {
namespace {

constexpr int64_t kMonday = 4;  // 1970-01-05
constexpr int64_t kWidestOffsetNs = 30 * kHourNs;

}  // namespace

int64_t TradingDays::start_of(int64_t number) const {
  const int64_t shown = number * kDayNs + roll;
  if (!zone) return shown;
  for (Zone::Stretch stretch = zone->stretch_at(shown - kWidestOffsetNs);;
       stretch = zone->stretch_at(stretch.until)) {
    const int64_t utc = std::max(stretch.from, shown - stretch.offset);
    if (utc < stretch.until) return utc;
  }
}

int64_t TradingDays::number_of(int64_t utc) const {
  const int64_t offset = zone ? zone->stretch_at(utc).offset : 0;
  const int64_t number = floor_div(utc + offset - roll, kDayNs);
  // A roll that the clock shows twice has happened the first time.
  return zone && utc >= start_of(number + 1) ? number + 1 : number;
}

Buckets::Buckets(TradingDays days, int64_t length_ns) : days_(std::move(days)), length_ns_(length_ns) {
  if (length_ns < 1 || (length_ns > kDayNs && length_ns % kDayNs != 0)) {
    raise("InputError", "a bucket must be shorter than a day or whole days long, but is ", length_ns, " ns.");
  }
}

TimeSpan Buckets::span_of(int64_t utc) {
  if (utc >= span_.start && utc < span_.end) return span_;
  if (length_ns_ < kDayNs) {
    const int64_t start = floor_div(utc, length_ns_) * length_ns_;
    span_ = {start, start + length_ns_};
    return span_;
  }
  const int64_t days = length_ns_ / kDayNs;
  const int64_t first = kMonday + floor_div(days_.number_of(utc) - kMonday, days) * days;
  span_ = {days_.start_of(first), days_.start_of(first + days)};
  return span_;
}

}  // namespace smctrain
