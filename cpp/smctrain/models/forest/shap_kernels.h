// Inside of shap_values: one tree explained to a few rows at a time, a row a lane. Vocabulary: shap.h.
//
// Steps of a tree are listed once, depth first: only the path from the root is held, a level at a time, and
// stays in the nearest cache. No sum runs across lanes and all levels of processor do the same operations in
// the same order, so that a row's values are the same to the bit in any group, on any machine.
#pragma once

#include <cstdint>

namespace smctrain::models::explaining {

// kEnter: the edge into a node with children. kLeaf: the edge into a leaf. kLeave: the children of a node are
// done.
enum class Act : uint8_t { kEnter, kLeaf, kLeave };

struct Step {
  Act act;
  bool left;          // the edge goes to the left child
  bool missing_left;  // of the node entered
  int32_t level;      // of the edge's lower node; the root is 0
  int32_t above;      // level of the lower node of the edge above, 0: none
  int32_t column;     // of the edge
  int32_t asks;       // column that the node entered asks
  float threshold;
  double shrink;  // factor where the row left the path at the edge above
  const double*
      table;  // factors where the row takes the edge, where not; additions where it takes it, where not
  const double* value;  // of the leaf: n_values
};

struct ListedTree {
  const Step* steps;
  int64_t n_steps;
  int n_points;
  int n_values;
  int n_levels;
  const double* weights;  // of the points
};

struct Kernels {
  int lanes;  // rows of a group; work, x and phi hold a number a lane
  // x: by column. phi: by column and value. work: work_size(tree) x lanes numbers. All start at a multiple of
  // 64 bytes.
  void (*explain)(const ListedTree& tree, const double* x, double* work, double* phi);
};

inline int64_t work_size(const ListedTree& tree) {
  return int64_t{tree.n_levels} * (tree.n_points * (1 + tree.n_values) + 2);
}

struct KernelLevel {
  const char* name;
  const Kernels* kernels;
};

// Levels this machine has, the widest last. Returns how many.
int kernel_levels(KernelLevel out[3]);
const Kernels& kernels();

}  // namespace smctrain::models::explaining
