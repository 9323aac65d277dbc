// Inside of grow_tree: the state of one tree while it grows. Vocabulary and steps: grower.h.
//
//   visit     measure a node and search its split
//   words     what a position adds to a bin: packed counters; or mass and label; or weight x target and mass
//   bin       place in a histogram. Of byte codes the code itself; of two-byte codes its rank among the codes
//             that the node's rows take, because a node takes few of 65,535
//   profile   occupied bins of a column in a node, ascending, with running sums of their words
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "smctrain/models/forest/grower.h"
#include "smctrain/models/forest/kernels.h"

namespace smctrain::models::growing {

inline constexpr int kBins = 256;
inline constexpr int kBatch = 8;           // columns filled in one pass over the rows
inline constexpr int64_t kSmallNode = 64;  // below, occupied bins are found by rows
inline constexpr int64_t kPairRows = 24;   // below, rows are compared with each other instead
inline constexpr uint64_t kLane = 0xFFFF;
inline constexpr int kMomentWidth = 4;  // doubles a bin: weight x target, mass, distinct rows, unused

struct Split {
  double score = -0.5;  // every real score is at least 0
  int64_t feature = -1;
  int code = 0;
  bool missing_left = false;
  std::array<uint64_t, 2> left_words{};  // packed counters of the left side
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

// Packed counters of all columns of a node, for trees that try every column: the larger of two siblings is
// their parent less the smaller one.
class HistogramPool {
 public:
  void start(size_t words) { words_ = words; }
  int32_t take() {
    if (!free_.empty()) {
      const int32_t at = free_.back();
      free_.pop_back();
      return at;
    }
    slots_.emplace_back(words_);
    return static_cast<int32_t>(slots_.size()) - 1;
  }
  void give(int32_t at) { free_.push_back(at); }
  int32_t in_use() const { return static_cast<int32_t>(slots_.size() - free_.size()); }
  uint64_t* at(int32_t slot) { return slots_[static_cast<size_t>(slot)].data(); }

 private:
  size_t words_ = 0;
  std::vector<std::vector<uint64_t>> slots_;
  std::vector<int32_t> free_;
};

template <class Code>
class TreeGrower {
 public:
  TreeGrower(const BinnedMatrix& matrix, const TreeRows& data, const GrowSettings& settings, Philox& stream,
             const StopToken& stop, Tree& tree);
  bool grow();

 private:
  enum class Form { kPacked, kMasses, kMoments };
  using Columns = std::array<int64_t, kBatch>;
  struct Candidate {
    int32_t node = 0;
    int depth = 0;
    int64_t begin = 0;
    int64_t end = 0;
    bool counted = false;    // `words` holds its packed counters
    bool leaf = false;       // for sure; its positions are unknown where both siblings are leaves
    int32_t histogram = -1;  // in the pool: counters of all columns
    std::array<uint64_t, 2> words{};
    Split split;
    double gain = 0.0;
  };

  static constexpr bool kBytes = std::is_same_v<Code, uint8_t>;
  static constexpr int kNone = kMissing<Code>;  // code of missing values

  void fill_words();
  // False when the token ended the search. candidate.split.feature stays -1 where the node is a leaf.
  bool visit(Candidate& candidate);
  bool grow_depth_first(Candidate root);
  bool grow_best_first(Candidate root);
  // Makes the split; left and right are ready to be visited.
  void divide(const Candidate& candidate, Candidate& left, Candidate& right);
  void share_histogram(const Candidate& parent, Candidate& left, Candidate& right);
  bool surely_leaf(const Candidate& at) const;
  void measure(Candidate& at);
  void measure_counts(Candidate& at);
  void measure_masses(int64_t begin, int64_t end);
  void measure_targets(int64_t begin, int64_t end);
  void score_classes();
  bool splittable(int depth, int64_t distinct) const;
  // Visits max_features columns, and further ones only while all of them were constant in the node.
  bool find_split(const Candidate& at, Split& best);
  template <int W>
  int64_t partition(int64_t begin, int64_t end, const Split& split);
  void finish();

  // Searches of columns; true when a column takes more than one code in the node.
  bool search_packed(const Candidate& at, const Columns& columns, int batch, Split& best);
  bool search_pairs(int64_t begin, int64_t end, const Columns& columns, int batch, Split& best);
  template <int W>
  bool search_counts(const Candidate& at, const Columns& columns, int batch, Split& best);
  bool search_masses(int64_t begin, int64_t end, const Columns& columns, int batch, Split& best);
  bool search_moments(int64_t begin, int64_t end, const Columns& columns, int batch, Split& best);
  bool search_random(int64_t begin, int64_t end, int64_t column, Split& best);

  template <int W, int B>
  void fill_counts(int64_t begin, int64_t end, const Columns& columns);
  // Of all columns, into a histogram of the pool; or out of it.
  void add_all_columns(int64_t begin, int64_t end, bool remove, uint64_t* histogram);
  void fill_masses_by_lanes(int64_t begin, int64_t end, const Columns& columns, int batch);
  template <int W>
  int collect_bins(uint64_t* histogram, int n_bins, bool clear);
  template <int W>
  void collect_known(const uint64_t* histogram, int n);
  template <int W>
  bool scan_counts(const uint64_t* missing, int n, int64_t column, Split& best);
  void take_split(bool has_missing, bool second, int64_t column, Split& best);
  template <int B>
  void fill_masses(int64_t begin, int64_t end, const Columns& columns);
  bool scan_masses(const double* histogram, int n, int64_t column, int64_t distinct, Split& best);
  template <int B>
  void fill_moments(int64_t begin, int64_t end, const Columns& columns);
  bool scan_moments(const double* histogram, int n, int64_t column, int64_t distinct, Split& best);
  // Score of a split of the column that codes_here_ holds; the rows and the mass on its left side.
  double random_score(int64_t begin, int64_t end, Split& split, int64_t& n_left, double& left_mass);

  // body(number of columns, known to the compiler)
  template <class Body>
  static void with_columns(int n, Body&& body) {
    switch (kBytes ? n : 1) {
      case 8:
        return body(std::integral_constant<int, 8>{});
      case 7:
        return body(std::integral_constant<int, 7>{});
      case 6:
        return body(std::integral_constant<int, 6>{});
      case 5:
        return body(std::integral_constant<int, 5>{});
      case 4:
        return body(std::integral_constant<int, 4>{});
      case 3:
        return body(std::integral_constant<int, 3>{});
      case 2:
        return body(std::integral_constant<int, 2>{});
      default:
        return body(std::integral_constant<int, 1>{});
    }
  }
  int n_codes(int64_t column) const {
    return static_cast<int>(matrix_.edges[static_cast<size_t>(column)].size()) + 1;
  }
  bool counts_fit_lanes() const { return form_ == Form::kPacked && node_count_ <= kLane; }
  uint64_t lane(const uint64_t* words, int index) const {
    return (words[index / 4] >> (16 * (index % 4))) & kLane;
  }
  // Codes that rows of the node take, ascending, without the missing one, into occupied_; returns how many.
  // Byte codes: from the rows. Two-byte codes: also the ranks among them by place in the node, into ranks_.
  int occupied_by_rows(int64_t begin, int64_t end, int64_t column);
  int rank_codes(int64_t begin, int64_t end, int64_t column);
  // The same from a histogram of doubles where the node has many rows: `rows_of_bin` is the first bin's
  // count.
  int occupied_codes(int64_t begin, int64_t end, int64_t column, const double* rows_of_bin, int width);
  int bin_of(int at) const { return kBytes ? occupied_[static_cast<size_t>(at)] : at; }
  int missing_bin(int n) const { return kBytes ? kNone : n; }
  size_t bins() const { return kBytes ? kBins : rows_.size() + 1; }  // that a histogram must have room for

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
  int code_behind(int at, int n, int64_t column) const {
    const int next = at + 1 < n ? occupied_[static_cast<size_t>(at + 1)] : n_codes(column);
    return middle_of_gap(occupied_[static_cast<size_t>(at)], next, n_codes(column));
  }

  const BinnedMatrix& matrix_;
  const TreeRows& data_;
  const GrowSettings& settings_;
  Philox& stream_;
  const StopToken& stop_;
  Tree& tree_;
  const Kernels& kernels_;
  const int n_classes_;     // 1 in regression
  const bool counts_rows_;  // packed words have a lane of distinct rows
  const Form form_;
  const int words_;  // a position
  const bool keeps_histograms_;

  std::vector<int32_t> rows_, spare_rows_;
  std::vector<uint64_t> additions_, spare_additions_;  // words_ for each position
  std::vector<uint64_t> packed_;                       // histograms of counters
  std::vector<double> histogram_;                      // and of doubles
  std::vector<double> prefix_, left_;
  std::vector<int32_t> occupied_;                // codes of a profile
  std::vector<uint64_t> profile_0_, profile_1_;  // running sums of its words
  std::vector<uint64_t> few_codes_;              // of kPairRows rows and kBatch columns
  std::vector<Code> codes_here_;                 // of the column at hand, by position (random splits)
  std::vector<int32_t> ranks_;
  std::vector<uint64_t> bitmap_, sort_keys_;
  std::vector<int32_t> ranks_before_;
  int32_t n_ranks_ = 0;  // codes that rank_codes found last
  std::vector<int64_t> order_;
  HistogramPool pool_;
  NodeRecords records_;
  double root_mass_ = 0.0;
  double least_mass_ = 0.0;  // of a child; above 0

  // Of the node at hand.
  std::vector<double> total_;  // class masses, or the sum of weight x (target - centre)
  ScanNode scan_;
  double mass_ = 0.0;
  double node_score_ = 0.0;
  double risk_ = 0.0;
  uint64_t node_count_ = 0;
  bool pure_ = false;
};

}  // namespace smctrain::models::growing
