// Split search by squared error, over sums of weight x target, mass and distinct rows of each bin.
#include <algorithm>
#include <bit>

#include "smctrain/models/forest/tree_grower.h"

namespace smctrain::models::growing {

template <int B>
void TreeGrower::fill_moments(int64_t begin, int64_t end, const Columns& columns) {
  std::array<const uint8_t*, B> codes;
  for (int b = 0; b < B; ++b) codes[b] = matrix_.column(columns[b]);
  double* histogram = wide_.data();
  const int32_t* rows = rows_.data();
  const uint64_t* additions = additions_.data();
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = rows[i];
    const auto product = std::bit_cast<double>(additions[2 * i]);
    const auto weight = std::bit_cast<double>(additions[2 * i + 1]);
    for (int b = 0; b < B; ++b) {
      double* bin = histogram + (b * kBins + codes[b][row]) * kMomentWidth;
      bin[0] += product;
      bin[1] += weight;
      bin[2] += 1.0;
    }
  }
}

bool TreeGrower::scan_moments(const double* histogram, std::span<const uint8_t> occupied, int64_t column,
                              int64_t distinct, Split& best) {
  const double* missing = histogram + kMissingCode * kMomentWidth;
  const bool has_missing = missing[2] > 0.0;
  const auto n_occupied = static_cast<int>(occupied.size());
  int best_at = -1;
  for (int side = 0; side < (has_missing ? 2 : 1); ++side) {
    double sum = side == 1 ? missing[0] : 0.0;
    double mass = side == 1 ? missing[1] : 0.0;
    double rows = side == 1 ? missing[2] : 0.0;
    for (int at = 0; at < n_occupied; ++at) {
      const double* bin = histogram + occupied[static_cast<size_t>(at)] * kMomentWidth;
      sum += bin[0];
      mass += bin[1];
      rows += bin[2];
      const auto n_left = static_cast<int64_t>(rows);
      if (n_left < settings_.min_samples_leaf) continue;
      if (n_left == distinct || distinct - n_left < settings_.min_samples_leaf) break;
      const double right_mass = mass_ - mass;
      if (!(mass >= least_mass_ && right_mass >= least_mass_)) continue;
      const double right_sum = total_[0] - sum;
      const double score = (sum * sum * right_mass + right_sum * right_sum * mass) / (mass * right_mass);
      if (score > best.score) {
        best.score = score;
        best.feature = column;
        best.missing_left = has_missing ? side == 1 : 2.0 * mass > mass_;
        best_at = at;
      }
    }
  }
  if (best_at >= 0) {
    const int next = best_at + 1 < n_occupied ? occupied[static_cast<size_t>(best_at + 1)] : n_codes(column);
    best.code = middle_of_gap(occupied[static_cast<size_t>(best_at)], next, n_codes(column));
  }
  return n_occupied + (has_missing ? 1 : 0) > 1;
}

bool TreeGrower::search_moments(int64_t begin, int64_t end, const Columns& columns, int batch, Split& best) {
  switch (batch) {  // wide_ is all zero between searches
    case 4:
      fill_moments<4>(begin, end, columns);
      break;
    case 3:
      fill_moments<3>(begin, end, columns);
      break;
    case 2:
      fill_moments<2>(begin, end, columns);
      break;
    default:
      fill_moments<1>(begin, end, columns);
      break;
  }
  bool varied = false;
  std::array<uint8_t, kBins> occupied;
  for (int b = 0; b < batch; ++b) {
    double* histogram = wide_.data() + b * kBins * kMomentWidth;
    const int64_t column = columns[static_cast<size_t>(b)];
    int n = 0;
    if (end - begin < kSmallNode) {
      n = occupied_by_rows(begin, end, column, occupied);
    } else {
      for (int code = 0; code < n_codes(column); ++code) {
        occupied[static_cast<size_t>(n)] = static_cast<uint8_t>(code);
        n += histogram[code * kMomentWidth + 2] > 0.0 ? 1 : 0;
      }
    }
    varied |= scan_moments(histogram, {occupied.data(), static_cast<size_t>(n)}, column, end - begin, best);
    for (int at = 0; at < n; ++at) {
      std::fill_n(histogram + occupied[static_cast<size_t>(at)] * kMomentWidth, kMomentWidth, 0.0);
    }
    std::fill_n(histogram + kMissingCode * kMomentWidth, kMomentWidth, 0.0);
  }
  return varied;
}

}  // namespace smctrain::models::growing
