// Importances of a small forest on one thread, and the scores that a consensus is made of.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/selection/scores.h"

namespace smctrain::selection {

struct SmallForest {
  int64_t n_trees = 100;
  int max_depth = 7;
  uint64_t seed = 0;
};

// A target of chosen rows, copied.
struct RowTarget {
  std::vector<int32_t> codes;
  std::vector<double> numbers, weights;
  Target view(int64_t n_classes) const { return {codes, numbers, n_classes, weights}; }
};
RowTarget rows_of(const Target& target, std::span<const int64_t> rows);

// Share of the impurity that each column removes (sum 1), or all 0 where the rows hold one class or one
// number; the root of the columns tried a node, classes balanced. False: the token ended it.
bool forest_importance(const models::BinnedMatrix& binned, std::span<const int64_t> rows,
                       const Target& target, const SmallForest& settings, const StopToken& stop,
                       std::vector<double>& importance);

// What a consensus joins. Codes are of all rows; every list has one number a column, larger is better.
struct Methods {
  bool forest = true;
  bool information = true;
  bool f = false;
};

// Columns once binned for the forest and once, coarser, for mutual information; classes or bins of the
// target.
struct Prepared {
  models::BinnedMatrix fine, coarse;
  std::vector<int32_t> codes;
  int64_t n_codes = 2;
};
Prepared prepare(MatrixView<const float> X, const Target& target, int n_bins, int threads,
                 const StopToken& stop);

// The chosen methods' scores on some rows, in the order forest, information, F. Empty: the token ended it.
std::vector<std::vector<double>> column_scores(MatrixView<const float> X, const Prepared& prepared,
                                               std::span<const int64_t> rows, const Target& target,
                                               const Methods& methods, const SmallForest& forest, int threads,
                                               const StopToken& stop);

}  // namespace smctrain::selection
