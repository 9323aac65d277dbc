// Calendar columns of a bar, from its opening time in UTC: minute of the day and weekday as points on a
// circle.
#pragma once

#include <memory>

#include "smctrain/features/machine.h"

namespace smctrain::features {

std::unique_ptr<Machine> make_calendar_machine();

}  // namespace smctrain::features
