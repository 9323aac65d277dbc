#include "smctrain/features/calendar.h"

#include <cmath>
#include <numbers>

#include "smctrain/features/local_time.h"
#include "smctrain/features/technical/families.h"

namespace smctrain::features {
namespace {

constexpr int64_t kMinuteNs = 60'000'000'000;
constexpr int64_t kMinutesPerDay = 1440;

class CalendarMachine final : public TableMachine {
 public:
  CalendarMachine()
      : TableMachine({
            make_column("cal_utc_minute_sin", "calendar", "angle", 0, 0, 0,
                        "sin(2 pi minute of day / 1440) of the bar's opening time, UTC"),
            make_column("cal_utc_minute_cos", "calendar", "angle", 0, 0, 0,
                        "cos(2 pi minute of day / 1440) of the bar's opening time, UTC"),
            make_column("cal_utc_weekday_sin", "calendar", "angle", 0, 0, 0,
                        "sin(2 pi weekday / 7), Monday 0, UTC"),
            make_column("cal_utc_weekday_cos", "calendar", "angle", 0, 0, 0,
                        "cos(2 pi weekday / 7), Monday 0, UTC"),
        }) {}

  void push(const Bar& bar, const Context&, double* out) override {
    const int64_t minutes = floor_div(bar.ts_open, kMinuteNs);
    const int64_t days = floor_div(minutes, kMinutesPerDay);
    const int64_t weekday = days + 3 - 7 * floor_div(days + 3, 7);  // 1970-01-01 was a Thursday
    const double day_angle =
        2.0 * std::numbers::pi * static_cast<double>(minutes - days * kMinutesPerDay) / kMinutesPerDay;
    const double week_angle = 2.0 * std::numbers::pi * static_cast<double>(weekday) / 7.0;
    out[0] = std::sin(day_angle);
    out[1] = std::cos(day_angle);
    out[2] = std::sin(week_angle);
    out[3] = std::cos(week_angle);
  }
  void reset() override {}
};

}  // namespace

std::unique_ptr<Machine> make_calendar_machine() { return std::make_unique<CalendarMachine>(); }

}  // namespace smctrain::features
