// Entry of the Smart-Money-Concepts engine into the feature engine.
#pragma once

#include <memory>

#include "smctrain/features/machine.h"

namespace smctrain::features {

// The machine that computes all structure and zone columns of one timeframe with default options.
std::unique_ptr<Machine> make_smc_machine();

}  // namespace smctrain::features
