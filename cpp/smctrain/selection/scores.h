// How much each column alone tells about the target.
//
//   target      class codes 0..K-1, or numbers; one a row
//   missing     NaN; infinite values are refused by the faces
//   F           classes: between / within mean squares (one-way ANOVA); numbers: r^2 / (1 - r^2) x (rows - 2)
//   binned MI   mutual information in nats between the column's quantile bins (missing: a bin of its own) and
//               the class (numbers: quantile bins too), less its bias by Miller and Madow:
//               (bins + classes - occupied cells - 1) / (2 rows) is added, and a negative result is 0
//
// F leaves missing rows out, column by column. A weight says how many rows a row counts for, so a row of
// weight 2 equals a row given twice; in the bias the rows are (sum w)^2 / sum w^2. A column that says nothing
// (constant, fewer than two classes left, no degree of freedom) has F = 0 and p = 1; classes that it tells
// apart without error have F = infinity and p = 0. Cost: two passes over a column; one sort for the bins.
// Sources: Fisher's analysis of variance; Miller, "Note on the bias of information estimates" (1955).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/forest/binned_matrix.h"

namespace smctrain::selection {

struct Target {
  std::span<const int32_t> codes;   // classes; empty for numbers
  std::span<const double> numbers;  // numbers; empty for classes
  int64_t n_classes = 1;            // 1: numbers
  std::span<const double> weights;  // positive, or empty: all 1
  bool classes() const { return n_classes > 1; }
  int64_t rows() const { return static_cast<int64_t>(classes() ? codes.size() : numbers.size()); }
};

// Raises InputError for lengths, codes, numbers or weights out of range; TooFewRows below two rows.
void check_target(const Target& target, int64_t rows);

struct FScores {
  std::vector<double> f, p;
};

FScores f_scores(MatrixView<const float> X, const Target& target, int threads, const StopToken& stop);

// Codes of numbers in at most n_bins bins of about equally many rows; equal numbers share a bin.
std::vector<int32_t> quantile_codes(std::span<const double> numbers, int n_bins);

// Of the given rows of a binned matrix; codes: of every matrix row; weights: of every matrix row, or empty.
std::vector<double> binned_information(const models::BinnedMatrix& binned, std::span<const int64_t> rows,
                                       std::span<const int32_t> codes, int64_t n_codes,
                                       std::span<const double> weights, int threads);

// Average ranks, the best first (rank 1), of values where larger is better; NaN ranks last.
std::vector<double> ranks_of(std::span<const double> values);

// Mean over the lists of (p - rank) / (p - 1), so 1 is best everywhere and 0 worst everywhere.
std::vector<double> rank_consensus(const std::vector<std::vector<double>>& scores);

}  // namespace smctrain::selection
