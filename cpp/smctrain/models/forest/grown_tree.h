// What becomes of a forest's trees once they are grown: their out-of-bag values and score, and the rows of
// their leaves (for quantiles).
//
//   grown tree   a tree with the rows it saw
//   lesson       what a forest learns
//   members      the training rows of each leaf with their weights
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/models/forest/forest.h"
#include "smctrain/models/forest/grower.h"

namespace smctrain::models::growing {

struct GrownTree {
  Tree tree;
  std::vector<uint64_t> in_bag;  // a bit for each training row; empty where nobody asks
  std::vector<int32_t> rows;     // of the bag, where members are kept
  std::vector<uint32_t> counts;
};

// What a forest learns: labels and factors of classes, or targets.
struct Lesson {
  std::span<const int32_t> labels;
  std::span<const double> targets;
  int64_t n_classes = 1;
  double centre = 0.0;
};

// Leaves (numbers in the tree) are found for so many rows at a time. Arrays of rows that go in are readable,
// and valid, up to a multiple of kWalks.
inline constexpr int kWalks = 16;

void leaves_of_rows(const Tree& tree, const BinnedMatrix& matrix, const int64_t* rows, int n,
                    int32_t* leaves);

// Means over the trees that did not see a row, NaN where there is none.
std::vector<double> out_of_bag_values(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                                      int64_t n_classes, const std::vector<const GrownTree*>& trees,
                                      int threads, const StopToken& stop);

// Accuracy or R2 (row weights do not count) over rows that some tree did not see.
void score_out_of_bag(std::span<const int64_t> rows, const Lesson& lesson, ForestFit& fit);

// Rows of each leaf with their weights, ordered by leaf, then by row. Of the first trees only, at least one,
// where the token ends it: then `trees` shrinks.
LeafMembers members_of(const BinnedMatrix& matrix, std::span<const int64_t> rows,
                       std::span<const double> targets, std::span<const double> weights,
                       std::vector<const GrownTree*>& trees, const StopToken& stop);

}  // namespace smctrain::models::growing
