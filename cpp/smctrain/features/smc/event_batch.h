// All events of a bar array: the engine in a loop, restarted at each segment.
#pragma once

#include "smctrain/bars/bar.h"
#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/options.h"

namespace smctrain::features::smc {

// Times in the result are rows of `bars`. Zones and pools still alive when a segment ends expire on the first
// accepted row of the next one. Raises InputError on bad options.
EventLog collect_events(const BarsView& bars, const Options& options, bool atr_is_sma = false);

}  // namespace smctrain::features::smc
