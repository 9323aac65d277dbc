// Boruta for labels that overlap: does a column beat columns that cannot know anything?
//
//   horizon h   rows whose labels overlap; rows are given in time order
//   shadow      a column shifted circularly by its own random s in [4h, rows - 4h], so it keeps its own
//               memory but has lost its time
//   repeat      every h-th row (offset r cycles), columns and shadows together -> forest -> hit for each
//   column
//               whose importance exceeds the largest of the shadows
//   decision    two-sided binomial test of hits against a fair coin, Benjamini-Hochberg over the columns:
//               confirmed (more than half), rejected (less), or tentative
//
// A shifted column has the shifted bin codes, so nothing is binned again. Shuffling row by row and keeping
// all rows, as Boruta does elsewhere (Kursa and Rudnicki, J. Stat. Software 36, 2010), compares slow columns
// with fast ones and counts each label h times: noise is then confirmed far too often. `circular` and `thin`
// off give that procedure, for comparison and for rows that are independent.
//
// Repeats are independent and written to slot r: the result is the same for any number of threads. A stop
// request keeps the longest run of finished repeats from the first on. Cost: repeats x one forest of
// rows / h rows on twice the columns.
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/selection/scores.h"

namespace smctrain::selection {

struct BorutaSettings {
  int64_t horizon = 1;
  int64_t repeats = 50;
  int64_t n_trees = 100;
  int max_depth = 7;
  double level = 0.05;
  bool circular = true;  // false: shadows are shuffled row by row
  bool thin = true;      // false: every repeat sees all rows
  uint64_t seed = 0;
  int threads = 1;
};

struct BorutaResult {
  int64_t repeats = 0;  // finished
  std::vector<int64_t> hits;
  std::vector<double> p;            // of each column, before the correction
  std::vector<int8_t> decision;     // 1 confirmed, 0 tentative, -1 rejected
  std::vector<double> importance;   // mean over the repeats
  std::vector<double> best_shadow;  // of each repeat
  StopReason stop_reason = StopReason::kNone;
};

// Raises TooFewRows where no shift exists (rows < 8 horizon + 2) or a thinned repeat has fewer than 8 rows.
BorutaResult circular_boruta(const models::BinnedMatrix& binned, const Target& target,
                             const BorutaSettings& settings, const StopToken& stop);

}  // namespace smctrain::selection
