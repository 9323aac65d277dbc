// Split search over packed class counters.
#include <algorithm>

#include "smctrain/models/forest/tree_grower.h"

namespace smctrain::models::growing {

namespace {

// A pass over all bins, without a branch for each of the mostly empty ones.
template <int W>
int occupied_by_bins(const uint64_t* histogram, int n_codes, std::array<uint8_t, kBins>& occupied) {
  int n = 0;
  for (int code = 0; code < n_codes; ++code) {
    uint64_t any = histogram[code * W];
    for (int w = 1; w < W; ++w) any |= histogram[code * W + w];
    occupied[static_cast<size_t>(n)] = static_cast<uint8_t>(code);
    n += any != 0 ? 1 : 0;
  }
  return n;
}

}  // namespace

template <int W, int B>
void TreeGrower::fill_packed(int64_t begin, int64_t end, const Columns& columns) {
  std::array<const uint8_t*, B> codes;
  for (int b = 0; b < B; ++b) codes[b] = matrix_.column(columns[b]);
  uint64_t* histogram = packed_.data();
  const int32_t* rows = rows_.data();
  const uint64_t* additions = additions_.data();
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = rows[i];
    std::array<uint64_t, W> words;
    for (int w = 0; w < W; ++w) words[w] = additions[i * W + w];
    for (int b = 0; b < B; ++b) {
      uint64_t* bin = histogram + b * kBins * W + codes[b][row] * W;
      for (int w = 0; w < W; ++w) bin[w] += words[w];
    }
  }
}

// True when the column takes more than one code in the node. K: number of classes, 0 = ask at run time.
template <int W, int K>
bool TreeGrower::scan_packed(const uint64_t* histogram, std::span<const uint8_t> occupied, int64_t column,
                             int64_t distinct, Split& best) {
  const int k = K > 0 ? K : n_classes_;
  const auto lane = [](const uint64_t* words, int index) {
    if constexpr (W == 1) return (words[0] >> (16 * index)) & kLane;
    return (words[index / 4] >> (16 * (index % 4))) & kLane;
  };
  const uint64_t* missing = histogram + kMissingCode * W;
  const auto n_missing = static_cast<int64_t>(lane(missing, k));
  const double* factors = data_.factors.data();
  const double* total = total_.data();
  const double least = least_mass_;
  double left[K > 0 ? K : kMaxPackedClasses];
  const int n_occupied = static_cast<int>(occupied.size());
  int best_at = -1;
  for (int side = 0; side < (n_missing > 0 ? 2 : 1); ++side) {
    uint64_t prefix[W];
    for (int w = 0; w < W; ++w) prefix[w] = side == 1 ? missing[w] : 0;
    for (int at = 0; at < n_occupied; ++at) {
      const int code = occupied[static_cast<size_t>(at)];
      for (int w = 0; w < W; ++w) prefix[w] += histogram[code * W + w];
      const auto n_left = static_cast<int64_t>(lane(prefix, k));
      if (n_left < settings_.min_samples_leaf) continue;
      if (distinct - n_left < settings_.min_samples_leaf) break;
      for (int c = 0; c < k; ++c)
        left[c] = factors[c] * static_cast<double>(static_cast<int64_t>(lane(prefix, c)));
      const double score = split_score(left, total, k, least);
      if (score > best.score) {
        best.score = score;
        best.feature = column;
        best.missing_left = n_missing > 0 ? side == 1 : heavier_left(left, k);
        best_at = at;
      }
    }
  }
  if (best_at >= 0) {
    const int next = best_at + 1 < n_occupied ? occupied[static_cast<size_t>(best_at + 1)] : n_codes(column);
    best.code = middle_of_gap(occupied[static_cast<size_t>(best_at)], next, n_codes(column));
  }
  return n_occupied + (n_missing > 0 ? 1 : 0) > 1;
}

template <int W>
bool TreeGrower::search_packed(int64_t begin, int64_t end, const Columns& columns, int batch, Split& best) {
  switch (batch) {  // packed_ is all zero between searches
    case 4:
      fill_packed<W, 4>(begin, end, columns);
      break;
    case 3:
      fill_packed<W, 3>(begin, end, columns);
      break;
    case 2:
      fill_packed<W, 2>(begin, end, columns);
      break;
    default:
      fill_packed<W, 1>(begin, end, columns);
      break;
  }
  bool varied = false;
  std::array<uint8_t, kBins> occupied;
  for (int b = 0; b < batch; ++b) {
    uint64_t* histogram = packed_.data() + b * kBins * W;
    const int64_t column = columns[static_cast<size_t>(b)];
    const bool small = end - begin < kSmallNode;
    const int n_occupied = small ? occupied_by_rows(begin, end, column, occupied)
                                 : occupied_by_bins<W>(histogram, n_codes(column), occupied);
    const std::span<const uint8_t> codes(occupied.data(), static_cast<size_t>(n_occupied));
    switch (n_classes_) {
      case 2:
        varied |= scan_packed<W, 2>(histogram, codes, column, end - begin, best);
        break;
      case 3:
        varied |= scan_packed<W, 3>(histogram, codes, column, end - begin, best);
        break;
      default:
        varied |= scan_packed<W, 0>(histogram, codes, column, end - begin, best);
        break;
    }
    if (small) {
      for (const uint8_t code : codes) std::fill_n(histogram + code * W, W, uint64_t{0});
      std::fill_n(histogram + kMissingCode * W, W, uint64_t{0});
    } else {
      std::fill_n(histogram, kBins * W, uint64_t{0});
    }
  }
  return varied;
}

bool TreeGrower::search_packed_columns(int64_t begin, int64_t end, const Columns& columns, int batch,
                                       Split& best) {
  return words_ == 1 ? search_packed<1>(begin, end, columns, batch, best)
                     : search_packed<2>(begin, end, columns, batch, best);
}

}  // namespace smctrain::models::growing
