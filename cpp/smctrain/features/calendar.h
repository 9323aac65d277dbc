// Calendar columns of a bar, from its opening time alone (lookback 0).
//
//   clocks       UTC and one local wall clock, named in the column: cal_utc_..., cal_ny_... (setting
//   cal.zone) circle       minute of the day and weekday as points on a circle month end    the last Monday
//   to Friday of the calendar month: known ahead, so holidays do not count session end  minutes that are left
//   of one session (setting cal.session) when the bar opens
//
// What a timeframe cannot say is decided by the timeframe, not by the bars: bars of a day and longer have no
// minute (missing) and no session (no column); bars longer than a day no weekday and no month end (missing).
// The local date of a daily bar is that of its middle, since its midnight is yesterday evening further west.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "smctrain/features/machine.h"
#include "smctrain/features/settings.h"

namespace smctrain::features {

// How columns name a zone: "ny" for America/New_York, "london" for Europe/London, "fixed_p02_00" for
// fixed:+02:00.
std::string zone_label(const std::string& zone);

std::unique_ptr<Machine> make_calendar_machine(const Settings& settings, int64_t bar_length_ns);

}  // namespace smctrain::features
