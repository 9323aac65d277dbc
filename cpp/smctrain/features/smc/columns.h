// Columns of the machine: what they are called and what they say about the newest bar.
//
// For each family `define_*` and `write_*` stand together in one file and keep one order. The settle figures
// are measured: state machines have no exact memory length, and after this many bars two starts agree on real
// data.
#pragma once

#include <string>
#include <vector>

#include "smctrain/features/machine.h"
#include "smctrain/features/smc/engine.h"
#include "smctrain/features/technical/regime.h"

namespace smctrain::features::smc {

using Columns = std::vector<ColumnInfo>;

// `prefix` names a further scale, "" the main one.
void define_swings(Columns& columns, const std::string& prefix, int left, int right);
void define_structure(Columns& columns, const std::string& prefix, int left, int right);
void define_range_position(Columns& columns, const std::string& prefix, int left, int right);
void define_zigzag(Columns& columns, int left, int right);
void define_range_break(Columns& columns);
void define_zones(Columns& columns, EventKind kind, int side, int max_age_bars);
void define_liquidity(Columns& columns, int max_age_bars);

// Each writes its columns from `out` on and returns the place behind them.
double* write_swings(const SwingScale& scale, int64_t t, const PastBar& bar, double* out);
double* write_structure(const SwingScale& scale, int64_t t, const PastBar& bar, double* out);
double* write_range_position(const SwingScale& scale, const PastBar& bar, double* out);
double* write_zigzag(const Engine& engine, double* out);
double* write_range_break(const Engine& engine, double* out);
double* write_zones(const Engine& engine, EventKind kind, int side, const MarketState& market, double* out);
double* write_liquidity(const Engine& engine, double* out);

// x / atr, NaN where that has no meaning.
inline double in_atr(double x, double atr) { return atr > 0.0 ? x / atr : kNaN; }
// Bars since `at`, NaN if it never happened.
inline double bars_since(int64_t now, int64_t at) {
  return at == kNever ? kNaN : static_cast<double>(now - at);
}
inline double flag(bool is_set) { return static_cast<double>(is_set); }

}  // namespace smctrain::features::smc
