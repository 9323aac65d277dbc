// The explicit list of everything the feature engine can compute on one timeframe.
//
//   base machines     all families, in the order of their columns in a feature table
//   higher machines   what a higher timeframe contributes, and the names of the columns taken from it
//   default columns   the columns of the preset "default", before those of higher timeframes
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "smctrain/features/machine.h"
#include "smctrain/features/settings.h"

namespace smctrain::features {

// Null where bars of this length have no such machine.
using MachineMaker = std::unique_ptr<Machine> (*)(const Settings& settings, int64_t bar_length_ns);
const std::vector<MachineMaker>& base_machines();
const std::vector<MachineMaker>& higher_machines();

struct MachinePlan {
  MachineMaker make = nullptr;
  std::vector<ColumnInfo> columns;
};
// Of those machines that bars of this length have; makes each once.
std::vector<MachinePlan> plan_machines(const std::vector<MachineMaker>& machines, const Settings& settings,
                                       int64_t bar_length_ns);

// Names of the columns a higher timeframe contributes, where its machines have them.
const std::vector<std::string>& higher_columns();

bool in_default_preset(const ColumnInfo& column);

// Derived columns of the preset "full": what its columns do not say of their own recent past.
const std::vector<std::string>& full_preset_derived();

}  // namespace smctrain::features
