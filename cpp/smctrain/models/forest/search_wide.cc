// Split search over class masses in doubles: row weights, many classes, large nodes.
#include <algorithm>

#include "smctrain/models/forest/tree_grower.h"

namespace smctrain::models::growing {

bool TreeGrower::search_wide(int64_t begin, int64_t end, int64_t column, Split& best) {
  const int k = n_classes_;
  const int width = k + 1;
  const uint8_t* codes = matrix_.column(column);
  for (int64_t i = begin; i < end; ++i) {  // wide_ is all zero between searches
    const auto row = static_cast<size_t>(rows_[static_cast<size_t>(i)]);
    const double count = counts_[static_cast<size_t>(i)];
    double* bin = wide_.data() + codes[row] * width;
    bin[data_.labels[row]] += data_.weights.empty() ? count : count * data_.weights[row];
    bin[k] += 1.0;
  }
  const int64_t distinct = end - begin;
  std::array<uint8_t, kBins> occupied;
  const int n_occupied = occupied_by_rows(begin, end, column, occupied);
  const double* missing = wide_.data() + kMissingCode * width;
  const bool has_missing = missing[k] > 0.0;
  int best_at = -1;
  for (int side = 0; side < (has_missing ? 2 : 1); ++side) {
    for (int c = 0; c < width; ++c) prefix_[static_cast<size_t>(c)] = side == 1 ? missing[c] : 0.0;
    for (int at = 0; at < n_occupied; ++at) {
      const double* bin = wide_.data() + occupied[static_cast<size_t>(at)] * width;
      for (int c = 0; c < width; ++c) prefix_[static_cast<size_t>(c)] += bin[c];
      const auto n_left = static_cast<int64_t>(prefix_[static_cast<size_t>(k)]);
      if (n_left < settings_.min_samples_leaf) continue;
      if (distinct - n_left < settings_.min_samples_leaf) break;
      for (int c = 0; c < k; ++c) {
        left_[static_cast<size_t>(c)] =
            data_.factors[static_cast<size_t>(c)] * prefix_[static_cast<size_t>(c)];
      }
      const double score = split_score(left_.data(), total_.data(), k, least_mass_);
      if (score > best.score) {
        best.score = score;
        best.feature = column;
        best.missing_left = has_missing ? side == 1 : heavier_left(left_.data(), k);
        best_at = at;
      }
    }
  }
  if (best_at >= 0) {
    const int next = best_at + 1 < n_occupied ? occupied[static_cast<size_t>(best_at + 1)] : n_codes(column);
    best.code = middle_of_gap(occupied[static_cast<size_t>(best_at)], next, n_codes(column));
  }
  for (int at = 0; at < n_occupied; ++at) {
    std::fill_n(wide_.begin() + occupied[static_cast<size_t>(at)] * width, width, 0.0);
  }
  std::fill_n(wide_.begin() + kMissingCode * width, width, 0.0);
  return n_occupied + (has_missing ? 1 : 0) > 1;
}

}  // namespace smctrain::models::growing
