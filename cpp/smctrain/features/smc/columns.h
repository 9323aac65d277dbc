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

// What many columns of a row need.
struct Row {
  int64_t t = 0;
  double now = 0.0;  // t as a number
  double close = 0.0;
  double atr = kNaN;      // NaN where dividing by it has no meaning
  double within_3 = 0.0;  // largest distance that is at most 3 once divided by the ATR
};
Row row_of(const Engine& engine);

// Each writes its columns from `out` on and returns the place behind them. `is_valid`: whether the market is
// one in which zones of this side may be traded, NaN if unknown.
double* write_swings(const SwingScale& scale, const Row& row, double* out);
double* write_structure(const SwingScale& scale, const Row& row, double* out);
double* write_range_position(const SwingScale& scale, const Row& row, double* out);
double* write_zigzag(const Engine& engine, const Row& row, double* out);
double* write_range_break(const Engine& engine, const Row& row, double* out);
double* write_zones(const Engine& engine, EventKind kind, int side, const Row& row, double is_valid,
                    double* out);
double* write_liquidity(const Engine& engine, const Row& row, double* out);

inline double flag(bool is_set) { return static_cast<double>(is_set); }

}  // namespace smctrain::features::smc
