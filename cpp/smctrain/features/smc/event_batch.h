// All events of a bar array: the engine in a loop, restarted at each segment. Only the parts of the engine
// run that the wanted kinds hang on.
#pragma once

#include "smctrain/bars/bar.h"
#include "smctrain/features/smc/engine.h"
#include "smctrain/features/smc/events.h"
#include "smctrain/features/smc/options.h"

namespace smctrain::features::smc {

// Times in the result are rows of `bars`. Zones and pools still alive when a segment ends expire on the first
// accepted row of the next one. A part of the engine logs all of its kinds: ask for both sorts of breaks, or
// for pools with what takes them. Raises InputError on bad options.
EventLog collect_events(const BarsView& bars, const Options& options, bool atr_is_sma = false,
                        LoggedKinds kinds = LoggedKinds::all());

}  // namespace smctrain::features::smc
