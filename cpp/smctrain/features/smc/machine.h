// Entry of the Smart-Money-Concepts engine into the feature engine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "smctrain/features/machine.h"

namespace smctrain::features {

// The machine that computes all structure and zone columns of one timeframe with default options.
std::unique_ptr<Machine> make_smc_machine();

// Those of its columns that belong to the default preset: informative, not redundant, quick to settle.
const std::vector<std::string>& smc_default_columns();

}  // namespace smctrain::features
