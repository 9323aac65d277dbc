// Entry of the Smart-Money-Concepts engine into the feature engine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "smctrain/features/machine.h"
#include "smctrain/features/smc/options.h"
#include "smctrain/features/technical/fuzzy.h"

namespace smctrain::features {

// The machine that computes all structure and zone columns of one timeframe. Raises InputError on bad
// options.
std::unique_ptr<Machine> make_smc_machine(const smc::Options& options = {}, const TrendTerms& terms = {});

// Signed distance of any price to the nearest active zone of an SMC machine, in the ATR of its newest bar;
// NaN if there is none. For joining a higher timeframe: its zones, seen from the close of a base bar. Same
// sign as `*_dist_atr`.
enum class ZoneKind { kOrderBlock, kFairValueGap };
double smc_zone_distance_atr(const Machine& smc_machine, ZoneKind kind, int side, double price);

// Those of its columns that belong to the default preset: informative, not redundant, quick to settle.
const std::vector<std::string>& smc_default_columns();

}  // namespace smctrain::features
