// Permutation importance, what all families share: rows that move, groups of columns, scores after each move.
//
//   source    the row whose value a row gets; one list of sources for each repeat, shared by all groups
//   group     columns that move together; a column alone is a group of one
//   block     neighbouring rows that move together, because labels that overlap in time make them alike
//   sums      what a model adds up before its link: class shares, margins, linear scores
//
// A family fills in, for a block of rows, its sums and by how much each (group, repeat) changes them; here
// the sums become predictions and predictions a score. Rows are independent and blocks are added in order, so
// any number of threads gives the same bits. Scores that need all rows at once (auc) are made for a few
// groups at a time. Source: Breiman, "Random forests", Machine Learning 45 (2001); blocks as in the block
// bootstrap; clusters as in Lopez de Prado, "Machine Learning for Asset Managers" (2020), 6.5.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/models/score.h"

namespace smctrain::models {

enum class MoveMethod { kBlocks, kShift };

// Sources of every repeat, repeats x rows.
//   kBlocks   with at least 8 blocks of 2 x horizon rows (the last may be shorter) these are shuffled, else
//   the
//             rows are shifted circularly by 2 x horizon to rows - 2 x horizon
//   kShift    shifted circularly by 4 x horizon to rows - 4 x horizon
// Raises InputError where there are too few rows.
std::vector<int32_t> permuted_rows(int64_t rows, int64_t horizon, int64_t repeats, uint64_t seed,
                                   MoveMethod method);

struct Moves {
  std::span<const int32_t> sources;  // repeats x rows
  int64_t repeats = 0;
  std::span<const int32_t> group_of;  // of each column; -1: stays
  int64_t groups = 0;
};

// Raises InputError unless the moves fit a matrix of this shape.
void check_moves(const Moves& moves, int64_t rows, int64_t cols);

enum class Link {
  kMean,      // sums / divisor: shares or means of a forest
  kLogistic,  // one margin, two classes
  kSoftmax,
  kOneVsRest,  // a logistic function each, divided by their sum
  kIdentity,
  kSorted,  // quantiles, ascending
};

struct MovedScores {
  double baseline = 0.0;
  std::vector<double> moved;  // groups x repeats
  bool complete = true;       // false: the token ended it
};

// Rows begin..end and groups first..last. `base` (rows x width) starts as 0; `change` ((groups x repeats) x
// rows x width) too. Returns false when the token ended it.
struct MoveBlock {
  int64_t begin, end;
  int64_t first_group, last_group;
  double* base;
  double* change;
};
using FillBlock = std::function<bool(const MoveBlock&)>;

// width: sums a row.
MovedScores score_moves(const Score& score, Link link, int64_t width, double divisor, const Moves& moves,
                        int threads, const StopToken& stop, const FillBlock& fill);

}  // namespace smctrain::models
