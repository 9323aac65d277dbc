// Split search by squared error, over sums of weight x target, mass and distinct rows of each bin.
#include <algorithm>
#include <bit>

#include "smctrain/models/forest/tree_grower.h"

namespace smctrain::models::growing {

namespace {

constexpr int kMomentBatch = 4;  // histograms that stay in the nearest cache together

}  // namespace

template <class Code>
template <int B>
void TreeGrower<Code>::fill_moments(int64_t begin, int64_t end, const Columns& columns) {
  std::array<const Code*, B> codes;
  for (int b = 0; b < B; ++b) codes[b] = matrix_.column<Code>(columns[b]);
  double* histogram = histogram_.data();
  const int32_t* rows = rows_.data();
  const int32_t* ranks = kBytes ? nullptr : ranks_.data() - begin;
  const uint64_t* additions = additions_.data();
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = rows[i];
    const auto product = std::bit_cast<double>(additions[2 * i]);
    const auto weight = std::bit_cast<double>(additions[2 * i + 1]);
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
      double* bin = histogram + (kBytes ? b * kBins + codes[b][row] : ranks[i]) * kMomentWidth;
      bin[0] += product;
      bin[1] += weight;
      bin[2] += 1.0;
    }
  }
}

template <class Code>
bool TreeGrower<Code>::scan_moments(const double* histogram, int n_occupied, int64_t column, int64_t distinct,
                                    Split& best) {
  const double* missing = histogram + missing_bin(n_occupied) * kMomentWidth;
  const bool has_missing = missing[2] > 0.0;
  int best_at = -1;
  for (int side = 0; side < (has_missing ? 2 : 1); ++side) {
    double sum = side == 1 ? missing[0] : 0.0;
    double mass = side == 1 ? missing[1] : 0.0;
    double rows = side == 1 ? missing[2] : 0.0;
    for (int at = 0; at < n_occupied; ++at) {
      const double* bin = histogram + bin_of(at) * kMomentWidth;
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
  if (best_at >= 0) best.code = code_behind(best_at, n_occupied, column);
  return n_occupied + (has_missing ? 1 : 0) > 1;
}

template <class Code>
bool TreeGrower<Code>::search_moments(int64_t begin, int64_t end, const Columns& columns, int batch,
                                      Split& best) {
  bool varied = false;
  const int together = kBytes ? kMomentBatch : 1;
  for (int first = 0; first < batch; first += together) {  // histogram_ is all zero between searches
    const int now = std::min(together, batch - first);
    Columns some{};
    std::copy_n(columns.begin() + first, now, some.begin());
    if (!kBytes) rank_codes(begin, end, some[0]);
    with_columns(now, [&](auto n_columns) { fill_moments<decltype(n_columns)::value>(begin, end, some); });
    for (int b = 0; b < now; ++b) {
      double* histogram = histogram_.data() + b * kBins * kMomentWidth;
      const int64_t column = some[static_cast<size_t>(b)];
      const int n = occupied_codes(begin, end, column, histogram + 2, kMomentWidth);
      varied |= scan_moments(histogram, n, column, end - begin, best);
      for (int at = 0; at < n; ++at) std::fill_n(histogram + bin_of(at) * kMomentWidth, kMomentWidth, 0.0);
      std::fill_n(histogram + missing_bin(n) * kMomentWidth, kMomentWidth, 0.0);
    }
  }
  return varied;
}

template bool TreeGrower<uint8_t>::search_moments(int64_t, int64_t, const Columns&, int, Split&);
template bool TreeGrower<uint16_t>::search_moments(int64_t, int64_t, const Columns&, int, Split&);

}  // namespace smctrain::models::growing
