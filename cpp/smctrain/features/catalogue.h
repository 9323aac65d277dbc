// Which columns there are for a base timeframe, its higher timeframes and settings, and which machine
// computes each.
//
//   computed   columns of the machines, of higher timeframes and of their alignment; the derived columns of
//              derived/columns.h are made of them
//   plan       how a machine is made, and its columns, so that only machines somebody needs are made
//
// Finding out means to make every machine once, so the answers for the last few questions are kept.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "smctrain/features/derived/columns.h"
#include "smctrain/features/higher_timeframe.h"
#include "smctrain/features/machine.h"
#include "smctrain/features/registry.h"
#include "smctrain/features/settings.h"

namespace smctrain::features {

// Every column an engine with these higher timeframes can compute and whether the preset "default" holds it,
// the derived columns of the preset "full", and those derived columns that `asked` names. Raises InputError
// with every name of `asked` that means nothing.
struct CatalogueEntry {
  ColumnInfo column;
  bool in_default = false;
  bool in_full = true;  // of role "feature" and not made for the caller alone
};
std::vector<CatalogueEntry> catalogue(int64_t base_length_ns, const std::vector<HigherSpec>& higher,
                                      const Settings& settings, const std::vector<AskedColumns>& asked = {});

struct ComputedColumns {
  std::vector<MachinePlan> base;
  std::vector<std::vector<MachinePlan>> higher;  // of each timeframe
  std::vector<CatalogueEntry> entries;
  std::vector<ColumnInfo> columns;  // of the entries
  ColumnIndex index;                // of these columns
};
// May be called from several threads.
std::shared_ptr<const ComputedColumns> computed_columns(int64_t base_length_ns,
                                                        const std::vector<HigherSpec>& higher,
                                                        const Settings& settings);

// Combinations of all higher timeframes.
std::vector<ColumnInfo> alignment_columns(const std::vector<HigherTimeframe>& higher);

}  // namespace smctrain::features
