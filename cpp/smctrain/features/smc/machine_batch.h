// The machine over a whole bar array, with its own indicators: for study and tests. The feature engine feeds
// the same machine with the same numbers.
#pragma once

#include <vector>

#include "smctrain/bars/bar.h"
#include "smctrain/features/machine.h"

namespace smctrain::features::smc {

// Row-major (bars, columns).
std::vector<double> run_machine(Machine& machine, const BarsView& bars);

}  // namespace smctrain::features::smc
