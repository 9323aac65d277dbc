// Inside of grow_tree: the state of one tree while it grows. Vocabulary and steps: grower.h.
//
//   visit      measure a node and search its split
//   words      what a position adds to a histogram bin: packed counters, or weight x target and weight as
//   bits
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/models/forest/grower.h"

namespace smctrain::models::growing {

inline constexpr int kBins = 256;
inline constexpr int kBatch = 4;             // columns filled in one pass over the rows
inline constexpr int64_t kSmallNode = 64;    // below, occupied bins are found by rows
inline constexpr int kMaxPackedClasses = 7;  // two words of four lanes, one lane for distinct rows
inline constexpr uint64_t kLane = 0xFFFF;
inline constexpr int kMomentWidth = 4;  // doubles a bin: weight x target, mass, distinct rows, unused

struct Split {
  double score = -0.5;  // every real score is at least 0
  int64_t feature = -1;
  int code = 0;
  bool missing_left = false;
};

// What the finished tree is made of, besides its nodes.
struct NodeRecords {
  std::vector<double> values;  // what each node would predict, n_outputs a node
  std::vector<double> gains;   // of each node's split
  std::vector<double> risks;
};

// Cuts the weakest links up to `alpha` (in units of risk); nodes, covers and records shrink accordingly.
void prune_tree(double alpha, int n_outputs, Tree& tree, NodeRecords& records);

// Score of a split by class masses; negative where a side has less than `least` (which is above 0).
inline double split_score(const double* left, const double* total, int n_classes, double least) {
  double left_mass = 0.0;
  double right_mass = 0.0;
  double left_squares = 0.0;
  double right_squares = 0.0;
  for (int c = 0; c < n_classes; ++c) {
    const double l = left[c];
    const double r = total[c] - l;
    left_mass += l;
    right_mass += r;
    left_squares += l * l;
    right_squares += r * r;
  }
  if (!(left_mass >= least && right_mass >= least)) return -1.0;
  return (left_squares * right_mass + right_squares * left_mass) / (left_mass * right_mass);
}

class TreeGrower {
 public:
  TreeGrower(const BinnedMatrix& matrix, const TreeRows& data, const GrowSettings& settings, Philox& stream,
             const StopToken& stop, Tree& tree);
  bool grow();

 private:
  using Columns = std::array<int64_t, kBatch>;
  struct Candidate {
    int32_t node = 0;
    int depth = 0;
    int64_t begin = 0;
    int64_t end = 0;
    Split split;
    double gain = 0.0;
  };

  void fill_words();
  // False when the token ended the search. candidate.split.feature stays -1 where the node is a leaf.
  bool visit(Candidate& candidate);
  bool grow_depth_first(Candidate root);
  bool grow_best_first(Candidate root);
  // Makes the split; left and right are ready to be visited.
  void divide(const Candidate& candidate, Candidate& left, Candidate& right);
  void measure(int32_t node, int64_t begin, int64_t end);
  void measure_classes(int64_t begin, int64_t end);
  void measure_targets(int64_t begin, int64_t end);
  bool splittable(int depth, int64_t distinct) const;
  // Visits max_features columns, and further ones only while all of them were constant in the node.
  bool find_split(int64_t begin, int64_t end, Split& best);
  int64_t partition(int64_t begin, int64_t end, const Split& split);
  void finish();

  // Searches of columns; true when a column takes more than one code in the node.
  template <int W>
  bool search_packed(int64_t begin, int64_t end, const Columns& columns, int batch, Split& best);
  bool search_packed_columns(int64_t begin, int64_t end, const Columns& columns, int batch, Split& best);
  bool search_wide(int64_t begin, int64_t end, int64_t column, Split& best);
  bool search_moments(int64_t begin, int64_t end, const Columns& columns, int batch, Split& best);
  bool search_random(int64_t begin, int64_t end, int64_t column, Split& best);

  template <int W, int B>
  void fill_packed(int64_t begin, int64_t end, const Columns& columns);
  template <int W, int K>
  bool scan_packed(const uint64_t* histogram, std::span<const uint8_t> occupied, int64_t column,
                   int64_t distinct, Split& best);
  template <int B>
  void fill_moments(int64_t begin, int64_t end, const Columns& columns);
  bool scan_moments(const double* histogram, std::span<const uint8_t> occupied, int64_t column,
                    int64_t distinct, Split& best);
  // Score of a split of the column that codes_here_ holds; the rows and the mass on its left side.
  double random_score(int64_t begin, int64_t end, const Split& split, int64_t& n_left, double& left_mass);

  int n_codes(int64_t column) const {
    return static_cast<int>(matrix_.edges[static_cast<size_t>(column)].size()) + 1;
  }
  bool counts_fit_lanes() const { return words_ > 0 && !regression_ && node_count_ <= kLane; }
  int occupied_by_rows(int64_t begin, int64_t end, int64_t column,
                       std::array<uint8_t, kBins>& occupied) const;
  // Where no row of the node was missing, later missing values follow the majority.
  bool heavier_left(const double* left, int k) const {
    double mass = 0.0;
    for (int c = 0; c < k; ++c) mass += left[c];
    return 2.0 * mass > mass_;
  }
  // The node may have no rows in the bins next to the boundary: cut in the middle of that gap. `next` is the
  // next occupied code; none (n_codes) means that only missing values go right, which the last code
  // expresses.
  static int middle_of_gap(int code, int next, int n_codes) {
    return next >= n_codes ? n_codes - 1 : (code + next - 1) / 2;
  }

  const BinnedMatrix& matrix_;
  const TreeRows& data_;
  const GrowSettings& settings_;
  Philox& stream_;
  const StopToken& stop_;
  Tree& tree_;
  const bool regression_;
  const int n_classes_;  // 1 in regression
  const int words_;      // 0: wide histograms only

  std::vector<int32_t> rows_, spare_rows_;
  std::vector<uint32_t> counts_, spare_counts_;
  std::vector<uint64_t> additions_, spare_additions_;  // words_ for each position
  std::vector<uint64_t> packed_;
  std::vector<double> wide_, prefix_, left_;
  std::vector<uint8_t> codes_here_;  // of the column at hand, by position (random splits)
  std::vector<int64_t> order_;
  NodeRecords records_;
  double root_mass_ = 0.0;
  double least_mass_ = 0.0;  // of a child; above 0

  // Of the node at hand.
  std::vector<double> total_;  // class masses, or the sum of weight x (target - centre)
  double mass_ = 0.0;
  double node_score_ = 0.0;
  double risk_ = 0.0;
  uint64_t node_count_ = 0;
  bool pure_ = false;
};

}  // namespace smctrain::models::growing
