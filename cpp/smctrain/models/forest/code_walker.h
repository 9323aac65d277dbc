// Prediction of many rows on bin codes: a whole subtree is decided by one comparison of bytes.
//
//   cut      a threshold of the forest; those of a column, ascending, are its own bins
//   strip    at most 254 neighbouring cuts of a column. The code of a value in a strip is how many of them
//   lie
//            below it, so that  code > rank  exactly where  value > cut;  of NaN 255
//   block    the top of a subtree as a complete one: 15 nodes (of a tree's root 63), numbered 1, 2-3, 4-7 ...
//   exit     what lies below a block: a further block, or a leaf
//
// A row's codes fit into one or two registers. Looking up the strips of all nodes of a block there, and
// comparing with their ranks, gives one bit a node; a walk of 4 (or 6) levels is then shifts of that word,
// for many rows at a time. A tree meets a block of rows while both are in the nearest caches. The comparisons
// are those of the trees themselves and leaves are added in tree order, so that results are the same to the
// bit. Cost: one search a value, then about a third of the instructions of walking node by node. Needs byte
// permutations (AVX-512 VBMI). Idea of deciding all nodes first: Lucchese et al., "QuickScorer", SIGIR 2015.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace smctrain::models {

struct ForestState;

class CodeWalker {
 public:
  static constexpr int kTile = 64;  // rows that walk side by side

  static bool machine_suits();

  // Null where this machine or these trees do not suit: more than 128 strips, or 32,768 leaves in a tree.
  static std::unique_ptr<const CodeWalker> make(const ForestState& state);

  // Adds the leaves of n rows, trees in order, to out (n x n_classes).
  void add_leaves(const float* const* x, int n, double* out) const;

 private:
  struct alignas(64) Block {
    std::array<uint8_t, 16> strip;  // and 128 where missing values go left
    std::array<uint8_t, 16> rank;
    std::array<uint16_t, 16> exit;  // 0x8000 + leaf, or number of a block of the tree
  };
  struct alignas(64) TopBlock {
    std::array<uint8_t, 64> strip;
    std::array<uint8_t, 64> rank;
    std::array<uint16_t, 64> exit;
  };
  struct Strip {
    int64_t column;
    std::array<float, 256> cuts;  // padded with infinity
  };
  struct Place {
    uint8_t strip;
    uint8_t rank;
  };
  friend struct CodeWalkerKernels;

  explicit CodeWalker(const ForestState& state) : state_(state) {}
  bool prepare();
  bool make_strips(std::vector<Place>& places);
  bool add_tree(size_t tree, const std::vector<Place>& places);

  const ForestState& state_;
  std::vector<Strip> strips_;
  std::vector<TopBlock> tops_;        // of each tree
  std::vector<int64_t> first_block_;  // of each tree
  std::vector<int> rounds_;           // blocks below the top that the longest walk of a tree meets
  std::vector<Block> blocks_;
};

}  // namespace smctrain::models
