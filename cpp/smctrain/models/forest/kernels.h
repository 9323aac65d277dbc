// Inner loops of split search over packed class counters, several bins at a time.
//
//   word       class counters and distinct rows of a set of rows, four 16-bit lanes a word; 1 or 2 words a
//   set prefix     words of all rows with a code up to this one level      the instruction set the functions
//   were compiled for; kernels() picks the machine's widest
//
// Every level does the same IEEE operations in the same order, so all give the same bits.
#pragma once

#include <cstdint>

namespace smctrain::models::growing {

inline constexpr int kMaxPackedClasses = 7;  // two words of four lanes, one lane for distinct rows
inline constexpr int kBlock = 8;             // arrays that kernels read are readable up to a multiple of this

// A node, as the score of its splits needs it.
struct ScanNode {
  double factor[kMaxPackedClasses + 1] = {};  // of each class
  double total[kMaxPackedClasses + 1] = {};   // mass of each class
  double least = 0.0;                         // mass of a child; above 0
  int64_t least_rows = 1;                     // distinct rows of a child
  int64_t rows = 0;                           // distinct rows of the node
  int n_classes = 0;
};

struct ScanBest {
  double score;
  int64_t at = -1;      // index of the prefix, or of the row; -1: none is above the floor
  bool second = false;  // with the missing rows on the left
};

struct Kernels {
  // Moves the occupied bins of a histogram of one word to the front: their codes and their words' running
  // sums. Returns how many there are. `clear` leaves the histogram all zero.
  int (*collect)(uint64_t* histogram, int n_codes, bool clear, int32_t* codes, uint64_t* prefix);
  // The first prefix of the highest score above the floor; `missing` is added to each.
  // Class counts by index 0: any, else 2, 3, 4 without a lane of distinct rows.
  ScanBest (*scan[5])(const ScanNode& node, const uint64_t* prefix, int n, uint64_t missing, double floor);
  ScanBest (*scan_two)(const ScanNode& node, const uint64_t* prefix, const uint64_t* prefix_1, int n,
                       uint64_t missing, uint64_t missing_1, double floor);
  // The same for few rows, without a histogram: codes of the rows (kNoCode where missing and behind the last)
  // and their words. `at` is a row: the boundary is behind its code. has_missing: both sides are tried.
  ScanBest (*pairs[5])(const ScanNode& node, const uint64_t* codes, const uint64_t* words, int n,
                       bool has_missing, uint64_t missing, double floor);
  // larger -= smaller
  void (*subtract)(uint64_t* larger, const uint64_t* smaller, int64_t n);
  int64_t few_rows;  // below, occupied bins are found faster by rows than by `collect`
};

inline constexpr uint64_t kNoCode = uint64_t{1} << 32;

struct KernelLevel {
  const char* name;
  const Kernels* kernels;
};

// Levels this machine has, the widest last. Returns how many.
int kernel_levels(KernelLevel out[3]);
const Kernels& kernels();

}  // namespace smctrain::models::growing
