// Split search over packed class counters.
//
//   few rows    each row compared with all others: no histogram, no sorting, no branches (search_pairs)
//   more        histograms of several columns in one pass over the rows, or one kept for all columns; then
//               the occupied bins with their running sums, then the scores of all boundaries side by side
#include <algorithm>

#include "smctrain/models/forest/tree_grower.h"

namespace smctrain::models::growing {

template <class Code>
template <int W, int B>
void TreeGrower<Code>::fill_counts(int64_t begin, int64_t end, const Columns& columns) {
  uint64_t* histogram = packed_.data();
  const int32_t* rows = rows_.data();
  const uint64_t* additions = additions_.data();
  std::array<const Code*, B> codes;
  for (int b = 0; b < B; ++b) codes[b] = matrix_.column<Code>(columns[b]);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = rows[i];
    std::array<uint64_t, W> words;
    for (int w = 0; w < W; ++w) words[w] = additions[i * W + w];
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
      uint64_t* bin = histogram + (b * kBins + codes[b][row]) * W;
      for (int w = 0; w < W; ++w) bin[w] += words[w];
    }
  }
}

template <class Code>
void TreeGrower<Code>::add_all_columns(int64_t begin, int64_t end, bool remove, uint64_t* histogram) {
  const int64_t d = matrix_.cols;
  const auto w = static_cast<int64_t>(words_);
  for (int64_t first = 0; first < d; first += 4) {
    const int batch = static_cast<int>(std::min<int64_t>(4, d - first));
    std::array<const Code*, 4> codes{};
    for (int b = 0; b < batch; ++b) codes[static_cast<size_t>(b)] = matrix_.column<Code>(first + b);
    uint64_t* bins = histogram + first * kBins * w;
    const auto add = [&](auto n_columns, auto n_words) {
      constexpr int kColumns = decltype(n_columns)::value;
      constexpr int kWords = decltype(n_words)::value;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = rows_[static_cast<size_t>(i)];
        for (int word = 0; word < kWords; ++word) {
          uint64_t addition = additions_[static_cast<size_t>(i * kWords + word)];
          if (remove) addition = 0 - addition;
          for (int b = 0; b < kColumns; ++b) {
            bins[(b * kBins + codes[static_cast<size_t>(b)][row]) * kWords + word] += addition;
          }
        }
      }
    };
    const auto of_words = [&](auto n_columns) {
      w == 1 ? add(n_columns, std::integral_constant<int, 1>{})
             : add(n_columns, std::integral_constant<int, 2>{});
    };
    switch (batch) {
      case 4:
        of_words(std::integral_constant<int, 4>{});
        break;
      case 3:
        of_words(std::integral_constant<int, 3>{});
        break;
      case 2:
        of_words(std::integral_constant<int, 2>{});
        break;
      default:
        of_words(std::integral_constant<int, 1>{});
        break;
    }
  }
}

// The profile of a histogram whose bins are codes; leaves it all zero where told to.
template <class Code>
template <int W>
int TreeGrower<Code>::collect_bins(uint64_t* histogram, int n_bins, bool clear) {
  if constexpr (W == 1) {
    return kernels_.collect(histogram, n_bins, clear, occupied_.data(), profile_0_.data());
  }
  int n = 0;
  uint64_t sum_0 = 0;
  uint64_t sum_1 = 0;
  for (int bin = 0; bin < n_bins; ++bin) {
    const uint64_t word_0 = histogram[2 * bin];
    const uint64_t word_1 = histogram[2 * bin + 1];
    occupied_[static_cast<size_t>(n)] = bin;
    profile_0_[static_cast<size_t>(n)] = sum_0 += word_0;
    profile_1_[static_cast<size_t>(n)] = sum_1 += word_1;
    n += (word_0 | word_1) != 0 ? 1 : 0;
  }
  if (clear) std::fill_n(histogram, 2 * n_bins, uint64_t{0});
  return n;
}

// The profile of n bins whose codes are known already.
template <class Code>
template <int W>
void TreeGrower<Code>::collect_known(const uint64_t* histogram, int n) {
  std::array<uint64_t, W> sum{};
  for (int at = 0; at < n; ++at) {
    const uint64_t* bin = histogram + bin_of(at) * W;
    for (int w = 0; w < W; ++w) sum[w] += bin[w];
    profile_0_[static_cast<size_t>(at)] = sum[0];
    if constexpr (W == 2) profile_1_[static_cast<size_t>(at)] = sum[1];
  }
}

// True when the column takes more than one code in the node.
template <class Code>
template <int W>
bool TreeGrower<Code>::scan_counts(const uint64_t* missing, int n, int64_t column, Split& best) {
  bool has_missing = false;
  for (int w = 0; w < W; ++w) has_missing |= missing[w] != 0;
  ScanBest found;
  for (int side = 0; side < (has_missing ? 2 : 1); ++side) {
    const uint64_t extra_0 = side == 1 ? missing[0] : 0;
    ScanBest next;
    if constexpr (W == 1) {
      const int k = n_classes_ <= 4 ? n_classes_ : 0;
      next = kernels_.scan[k](scan_, profile_0_.data(), n, extra_0, best.score);
    } else {
      const uint64_t extra_1 = side == 1 ? missing[1] : 0;
      next = kernels_.scan_two(scan_, profile_0_.data(), profile_1_.data(), n, extra_0, extra_1, best.score);
    }
    if (next.at < 0) continue;
    found = next;
    found.second = side == 1;
    best.score = next.score;
  }
  if (found.at >= 0) {
    const auto at = static_cast<size_t>(found.at);
    best.left_words = {profile_0_[at] + (found.second ? missing[0] : 0), 0};
    if constexpr (W == 2) best.left_words[1] = profile_1_[at] + (found.second ? missing[1] : 0);
    take_split(has_missing, found.second, column, best);
    best.code = code_behind(static_cast<int>(found.at), n, column);
  }
  return n + (has_missing ? 1 : 0) > 1;
}

template <class Code>
void TreeGrower<Code>::take_split(bool has_missing, bool second, int64_t column, Split& best) {
  for (int c = 0; c < n_classes_; ++c) {
    left_[static_cast<size_t>(c)] =
        scan_.factor[c] * static_cast<double>(static_cast<int64_t>(lane(best.left_words.data(), c)));
  }
  best.feature = column;
  best.missing_left = has_missing ? second : heavier_left(left_.data(), n_classes_);
}

// One word a row.
template <class Code>
bool TreeGrower<Code>::search_pairs(int64_t begin, int64_t end, const Columns& columns, int batch,
                                    Split& best) {
  const auto m = static_cast<int>(end - begin);
  const uint64_t* words = additions_.data() + begin;
  const int32_t* rows = rows_.data() + begin;
  const int padded = (m + kBlock - 1) / kBlock * kBlock;
  bool varied = false;
  for (int b = 0; b < batch; ++b) {
    const int64_t column = columns[static_cast<size_t>(b)];
    uint64_t* codes = few_codes_.data();
    const Code* all = matrix_.column<Code>(column);
    const uint64_t first = all[rows[0]];
    uint64_t differ = 0;
    uint64_t most = 0;
    for (int i = 0; i < m; ++i) {
      const uint64_t code = all[rows[i]];
      codes[i] = code;
      differ |= code ^ first;
      most = std::max(most, code);
    }
    if (differ == 0) continue;
    varied = true;
    for (int i = m; i < padded; ++i) codes[i] = kNoCode;
    uint64_t missing = 0;
    const bool has_missing = most == static_cast<uint64_t>(kNone);
    if (has_missing) {
      for (int i = 0; i < m; ++i) {
        if (codes[i] != static_cast<uint64_t>(kNone)) continue;
        codes[i] = kNoCode;
        missing += words[i];
      }
    }
    const int k = n_classes_ <= 4 ? n_classes_ : 0;
    const ScanBest found = kernels_.pairs[k](scan_, codes, words, m, has_missing, missing, best.score);
    if (found.at < 0) continue;
    const uint64_t code = codes[found.at];
    auto next = static_cast<uint64_t>(n_codes(column));
    uint64_t left = found.second ? missing : 0;
    for (int i = 0; i < m; ++i) {
      if (codes[i] <= code) {
        left += words[i];
      } else {
        next = std::min(next, codes[i]);
      }
    }
    best.score = found.score;
    best.left_words = {left, 0};
    take_split(has_missing, found.second, column, best);
    best.code = middle_of_gap(static_cast<int>(code), static_cast<int>(next), n_codes(column));
  }
  return varied;
}

template <class Code>
template <int W>
bool TreeGrower<Code>::search_counts(const Candidate& at, const Columns& columns, int batch, Split& best) {
  const int64_t begin = at.begin;
  const int64_t end = at.end;
  bool varied = false;
  if constexpr (!kBytes) {
    for (int b = 0; b < batch; ++b) {
      const int64_t column = columns[static_cast<size_t>(b)];
      const int n = rank_codes(begin, end, column);
      uint64_t* histogram = packed_.data();
      std::fill_n(histogram, (n + 1) * W, uint64_t{0});
      for (int64_t i = begin; i < end; ++i) {
        for (int w = 0; w < W; ++w)
          histogram[ranks_[static_cast<size_t>(i - begin)] * W + w] +=
              additions_[static_cast<size_t>(i * W + w)];
      }
      collect_known<W>(histogram, n);
      varied |= scan_counts<W>(histogram + n * W, n, column, best);
    }
    return varied;
  }
  if (at.histogram < 0) {  // packed_ is all zero between searches
    with_columns(batch,
                 [&](auto n_columns) { fill_counts<W, decltype(n_columns)::value>(begin, end, columns); });
  }
  const bool clear = at.histogram < 0;
  const bool by_rows = clear && end - begin < kernels_.few_rows;
  for (int b = 0; b < batch; ++b) {
    const int64_t column = columns[static_cast<size_t>(b)];
    uint64_t* histogram =
        clear ? packed_.data() + b * kBins * W : pool_.at(at.histogram) + column * kBins * W;
    uint64_t* missing = histogram + kNone * W;
    int n = 0;
    if (by_rows) {
      n = occupied_by_rows(begin, end, column);
      collect_known<W>(histogram, n);
    } else {
      n = collect_bins<W>(histogram, n_codes(column), clear);
    }
    varied |= scan_counts<W>(missing, n, column, best);
    if (by_rows) {
      for (int i = 0; i < n; ++i)
        std::fill_n(histogram + occupied_[static_cast<size_t>(i)] * W, W, uint64_t{0});
    }
    if (clear) std::fill_n(missing, W, uint64_t{0});
  }
  return varied;
}

template <class Code>
bool TreeGrower<Code>::search_packed(const Candidate& at, const Columns& columns, int batch, Split& best) {
  if (words_ == 2) return search_counts<2>(at, columns, batch, best);
  if (at.end - at.begin <= kPairRows) return search_pairs(at.begin, at.end, columns, batch, best);
  return search_counts<1>(at, columns, batch, best);
}

// Node counts beyond a lane: packed rows at a time, then into the histograms of masses.
template <class Code>
void TreeGrower<Code>::fill_masses_by_lanes(int64_t begin, int64_t end, const Columns& columns, int batch) {
  const int width = n_classes_ + 1;
  for (int64_t i = begin; i < end;) {
    uint64_t count = 0;
    int64_t last = i;
    for (; last < end; ++last) {
      const uint64_t* words = additions_.data() + last * words_;
      uint64_t more = 0;
      for (int c = 0; c < n_classes_; ++c) more += lane(words, c);
      if (count + more > kLane) break;
      count += more;
    }
    with_columns(batch, [&](auto n_columns) {
      constexpr int kColumns = decltype(n_columns)::value;
      words_ == 1 ? fill_counts<1, kColumns>(i, last, columns) : fill_counts<2, kColumns>(i, last, columns);
    });
    for (int b = 0; b < batch; ++b) {
      for (int bin = 0; bin < kBins; ++bin) {
        uint64_t* words = packed_.data() + (b * kBins + bin) * words_;
        double* masses = histogram_.data() + (b * kBins + bin) * width;
        uint64_t any = 0;
        for (int c = 0; c < n_classes_; ++c) {
          const uint64_t rows_of_class = lane(words, c);
          any |= rows_of_class;
          masses[c] += static_cast<double>(static_cast<int64_t>(rows_of_class));
        }
        if (any != 0) masses[n_classes_] += counts_rows_ ? static_cast<double>(lane(words, n_classes_)) : 1.0;
        std::fill_n(words, words_, uint64_t{0});
      }
    }
    i = last;
  }
}

template bool TreeGrower<uint8_t>::search_packed(const Candidate&, const Columns&, int, Split&);
template bool TreeGrower<uint16_t>::search_packed(const Candidate&, const Columns&, int, Split&);
template void TreeGrower<uint8_t>::add_all_columns(int64_t, int64_t, bool, uint64_t*);
template void TreeGrower<uint16_t>::add_all_columns(int64_t, int64_t, bool, uint64_t*);
template void TreeGrower<uint8_t>::fill_masses_by_lanes(int64_t, int64_t, const Columns&, int);
template void TreeGrower<uint16_t>::fill_masses_by_lanes(int64_t, int64_t, const Columns&, int);

}  // namespace smctrain::models::growing
