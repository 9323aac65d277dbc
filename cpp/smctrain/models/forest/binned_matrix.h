// Columns as bin codes: what histogram tree growers read instead of floats.
//
//   edge    real value between two bins of a column; ascending, one fewer than bins
//   code    number of edges below x, so that  code(x) <= b  exactly when  x <= edge[b]; of NaN the largest
//           code there is
//   centre  mean of a bin's values among the fitted rows: what stands for the bin where distances matter
//
// Edges are fitted on a given list of rows (the training rows of a fold) and applied to all rows. A column
// with few distinct values gets one bin for each; otherwise bins hold about equally many rows and never split
// a tie. Codes are column-major: a byte each up to 255 bins, two bytes beyond (65,535 at most; a column with
// no more distinct values than that is split exactly). Cost: one sort a column, a binary search a value.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::models {

// Codes are uint8_t or uint16_t; the largest is missing.
template <class Code>
inline constexpr int kMissing = std::numeric_limits<Code>::max();

inline constexpr int kMaxByteBins = kMissing<uint8_t>;
inline constexpr int kMaxBins = kMissing<uint16_t>;

struct BinnedMatrix {
  int64_t rows = 0;
  int64_t cols = 0;
  bool wide = false;                        // which of the two holds the codes
  std::vector<uint8_t> codes;               // cols x rows
  std::vector<uint16_t> wide_codes;         // cols x rows
  std::vector<std::vector<float>> edges;    // of each column
  std::vector<std::vector<float>> centres;  // of each column, one more than edges; ascending

  template <class Code>
  const Code* column(int64_t j) const {
    if constexpr (std::is_same_v<Code, uint8_t>) {
      return codes.data() + j * rows;
    } else {
      return wide_codes.data() + j * rows;
    }
  }
};

// Edges of one column from its finite values (sorted in place). None, and values in any order, when the token
// ended it.
std::vector<float> fit_edges(std::vector<float>& values, int max_bins, const StopToken& stop = StopToken());

// Centres of the bins that `edges` cut out of the sorted values; an empty list of values gives {0}.
std::vector<float> bin_centres(const std::vector<float>& sorted, const std::vector<float>& edges);

// Raises InputError for infinite values, row numbers out of range and max_bins outside [2, 65535].
// Ends early, with what it has, when the token says so (the caller polls it next anyway).
BinnedMatrix bin_matrix(MatrixView<const float> X, std::span<const int64_t> fit_rows, int max_bins,
                        int threads, const StopToken& stop);

}  // namespace smctrain::models
