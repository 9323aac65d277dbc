// How far rankings agree, and which columns say the same.
//
//   rank         from 1, ascending; equals share their mean
//   Spearman     correlation of the ranks
//   tau-b        (concordant - discordant) / sqrt(pairs not tied in a x pairs not tied in b)
//   RBO          rank-biased overlap of two lists, best first, that need not hold the same items. X_d = items
//                in both down to depth d, s <= l the lengths; an item list may tie several items at one rank.
//                Agreement at depth d is 2 X_d / (items of a + items of b down to d), a list that has ended
//                counted on with one item a depth: X_d / d without ties. `ext` is Webber's equation 32, `min`
//                his 11 down to l, `res` his 30.
//   linkage      average: the two clusters of least mean distance join; distances of a joined cluster are
//                means over its members
//
// NaN where a side has no spread. Missing values (NaN) of a column stand at its mean rank: they neither raise
// nor lower a correlation. Cost: n log n a column, n a pair of columns; tau-b n log n; RBO n; linkage p^2.
// Sources: Kendall, Biometrika 33 (1945); Knight, JASA 61 (1966); Webber, Moffat and Zobel, ACM TOIS 28
// (2010), ties as in dlukes/rbo; Murtagh, Computer Journal 26 (1983).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/view.h"

namespace smctrain::stats {

// NaN stays NaN and is not counted.
std::vector<double> average_ranks(std::span<const double> values);

// Ranks less their mean, divided by their length: a product of two is Spearman's correlation. Missing values
// are 0, and so is everything without spread.
std::vector<double> unit_ranks(std::span<const double> values);

// Spearman's correlation of every pair of columns (d x d), 1 on the diagonal; NaN where a column has no
// spread.
std::vector<double> spearman_matrix(MatrixView<const float> X, std::span<const int64_t> rows, int threads);

// Both of the same length, without NaN (InputError).
double spearman(std::span<const double> a, std::span<const double> b);
double kendall_tau_b(std::span<const double> a, std::span<const double> b);

struct Rbo {
  double min;
  double res;
  double ext;
};

// Items by rank: `depth` is the rank of each item, 1.. without gaps, ascending. No item twice in a list, no
// list empty, 0 < p < 1 (InputError).
struct RankedList {
  std::span<const int32_t> item;
  std::span<const int32_t> depth;
};
Rbo rank_biased_overlap(const RankedList& a, const RankedList& b, double p);

// Clusters of a symmetric distance matrix (p x p) by average linkage, joined while their distance is at most
// `cut`. Numbers 0.. in the order of the first member.
std::vector<int32_t> average_linkage(MatrixView<const double> distance, double cut);

}  // namespace smctrain::stats
