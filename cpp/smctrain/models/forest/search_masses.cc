// Split search over class masses in doubles: row weights, many classes, nodes of more draws than a packed
// lane can count.
#include <algorithm>
#include <bit>

#include "smctrain/models/forest/tree_grower.h"

namespace smctrain::models::growing {

namespace {

constexpr int kNarrow = 16;  // classes up to which several histograms stay near

}  // namespace

template <class Code>
template <int B>
void TreeGrower<Code>::fill_masses(int64_t begin, int64_t end, const Columns& columns) {
  const int width = n_classes_ + 1;
  std::array<const Code*, B> codes;
  for (int b = 0; b < B; ++b) codes[b] = matrix_.column<Code>(columns[b]);
  double* histogram = histogram_.data();
  const int32_t* rows = rows_.data();
  const int32_t* ranks = kBytes ? nullptr : ranks_.data() - begin;
  const uint64_t* additions = additions_.data();
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = rows[i];
    double mass;
    int64_t label;
    if (form_ == Form::kMasses) {
      mass = std::bit_cast<double>(additions[2 * i]);
      label = static_cast<int64_t>(additions[2 * i + 1]);
    } else {  // packed
      label = data_.labels[static_cast<size_t>(row)];
      mass = static_cast<double>(lane(additions + i * words_, static_cast<int>(label)));
    }
#pragma GCC unroll 8
    for (int b = 0; b < B; ++b) {
      const int64_t bin = kBytes ? b * kBins + codes[b][row] : ranks[i];
      double* masses = histogram + bin * width;
      masses[label] += mass;
      masses[width - 1] += 1.0;
    }
  }
}

template <class Code>
bool TreeGrower<Code>::scan_masses(const double* histogram, int n, int64_t column, int64_t distinct,
                                   Split& best) {
  const int k = n_classes_;
  const int width = k + 1;
  const double* missing = histogram + missing_bin(n) * width;
  const double* factors = data_.factors.data();
  double* prefix = prefix_.data();
  double* left = left_.data();
  const bool has_missing = missing[k] > 0.0;
  int best_at = -1;
  for (int side = 0; side < (has_missing ? 2 : 1); ++side) {
    for (int c = 0; c < width; ++c) prefix[c] = side == 1 ? missing[c] : 0.0;
    for (int at = 0; at < n; ++at) {
      const double* bin = histogram + bin_of(at) * width;
      for (int c = 0; c < width; ++c) prefix[c] += bin[c];
      const auto n_left = static_cast<int64_t>(prefix[k]);
      if (settings_.min_samples_leaf > 1) {  // otherwise masses above 0 say it
        if (n_left < settings_.min_samples_leaf) continue;
        if (distinct - n_left < settings_.min_samples_leaf) break;
      } else if (n_left == distinct) {
        break;
      }
      for (int c = 0; c < k; ++c) left[c] = factors[c] * prefix[c];
      const double score = split_score(left, total_.data(), k, least_mass_);
      if (score > best.score) {
        best.score = score;
        best.feature = column;
        best.missing_left = has_missing ? side == 1 : heavier_left(left, k);
        best_at = at;
      }
    }
  }
  if (best_at >= 0) best.code = code_behind(best_at, n, column);
  return n + (has_missing ? 1 : 0) > 1;
}

template <class Code>
bool TreeGrower<Code>::search_masses(int64_t begin, int64_t end, const Columns& columns, int batch,
                                     Split& best) {
  const int width = n_classes_ + 1;
  const int together = kBytes && n_classes_ <= kNarrow ? kBatch : 1;
  const size_t room = static_cast<size_t>(together) * bins() * static_cast<size_t>(width);
  if (histogram_.size() < room) histogram_.assign(room, 0.0);  // all zero between searches
  bool varied = false;
  for (int first = 0; first < batch; first += together) {
    const int now = std::min(together, batch - first);
    Columns some{};
    std::copy_n(columns.begin() + first, now, some.begin());
    if (!kBytes) rank_codes(begin, end, some[0]);
    if (kBytes && form_ == Form::kPacked) {
      fill_masses_by_lanes(begin, end, some, now);
    } else {
      with_columns(now, [&](auto n_columns) { fill_masses<decltype(n_columns)::value>(begin, end, some); });
    }
    for (int b = 0; b < now; ++b) {
      double* histogram = histogram_.data() + b * kBins * width;
      const int64_t column = some[static_cast<size_t>(b)];
      const int n = occupied_codes(begin, end, column, histogram + n_classes_, width);
      varied |= scan_masses(histogram, n, column, end - begin, best);
      for (int at = 0; at < n; ++at) std::fill_n(histogram + bin_of(at) * width, width, 0.0);
      std::fill_n(histogram + missing_bin(n) * width, width, 0.0);
    }
  }
  return varied;
}

template bool TreeGrower<uint8_t>::search_masses(int64_t, int64_t, const Columns&, int, Split&);
template bool TreeGrower<uint16_t>::search_masses(int64_t, int64_t, const Columns&, int, Split&);

}  // namespace smctrain::models::growing
