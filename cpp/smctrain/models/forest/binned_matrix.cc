#include "smctrain/models/forest/binned_matrix.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"

namespace smctrain::models {

namespace {

constexpr int64_t kColumnBlock = 8;      // columns read together: half a cache line of a row
constexpr int64_t kRowTile = 256;        // rows encoded together
constexpr size_t kTogether = 8;          // values searched side by side
constexpr int64_t kRowBlock = 4096;      // rows of a unit of parallel work
constexpr int64_t kPollRows = 1 << 17;   // of one column between two looks at the stop token
constexpr int64_t kMaxSample = 200'000;  // rows that byte bins are fitted on; more change them immeasurably

// a <= result < b
float between(float a, float b) {
  const auto middle = static_cast<float>((static_cast<double>(a) + static_cast<double>(b)) / 2.0);
  return middle < b ? middle : a;
}

// Edges padded with infinity, so that the search has no branches.
using PaddedEdges = std::array<float, 256>;

// Several searches side by side: their latencies overlap.
void encode(const PaddedEdges& edges, const float* x, uint8_t* codes) {
  std::array<unsigned, kTogether> at{};
  for (unsigned step = 128; step > 0; step >>= 1) {
#pragma GCC unroll 8
    for (size_t lane = 0; lane < kTogether; ++lane)
      at[lane] += edges[at[lane] + step - 1] < x[lane] ? step : 0;
  }
#pragma GCC unroll 8
  for (size_t lane = 0; lane < kTogether; ++lane) {
    codes[lane] = static_cast<uint8_t>(x[lane] == x[lane] ? at[lane] : kMissing<uint8_t>);
  }
}

void encode_rows(MatrixView<const float> X, const std::vector<PaddedEdges>& padded, int64_t begin,
                 int64_t end, std::vector<uint8_t>& codes) {
  std::array<std::array<float, kRowTile>, kColumnBlock> tile{};
  std::array<uint8_t, kRowTile> found;
  for (int64_t first = begin; first < end; first += kRowTile) {
    const int64_t n = std::min(kRowTile, end - first);
    for (int64_t column = 0; column < X.cols; column += kColumnBlock) {
      const int64_t d = std::min(kColumnBlock, X.cols - column);
      bool finite = true;
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < d; ++j) {
          const float x = X(first + i, column + j);
          tile[static_cast<size_t>(j)][static_cast<size_t>(i)] = x;
          finite &= !(std::abs(x) > std::numeric_limits<float>::max());
        }
      }
      if (!finite) {
        for (int64_t i = 0; i < n; ++i) {
          for (int64_t j = 0; j < d; ++j) {
            if (std::isinf(X(first + i, column + j))) {
              raise("InputError", "X: column ", column + j, ", row ", first + i,
                    ", is infinite: replace infinities by NaN first.");
            }
          }
        }
      }
      for (int64_t j = 0; j < d; ++j) {
        const float* x = tile[static_cast<size_t>(j)].data();
        for (size_t i = 0; i < static_cast<size_t>(n); i += kTogether)
          encode(padded[static_cast<size_t>(column + j)], x + i, found.data() + i);
        std::copy_n(found.data(), n, codes.data() + (column + j) * X.rows + first);
      }
    }
  }
}

// Order-preserving bit patterns of floats.
uint32_t key_of(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

float value_of(uint32_t key) {
  return std::bit_cast<float>((key & 0x80000000U) != 0 ? key & 0x7FFFFFFFU : ~key);
}

// Ascending order by the upper 32 bits of each entry (all bits of uint32_t): three passes over 11-bit digits.
// False when the token ended it.
template <class Entry>
bool radix_sort(std::vector<Entry>& entries, const StopToken& stop) {
  constexpr uint32_t kDigitBits = 11;
  constexpr uint32_t kDigits = 1U << kDigitBits;
  constexpr uint32_t kShift = 8 * sizeof(Entry) - 32;
  std::vector<Entry> spare(entries.size());
  std::array<std::vector<uint32_t>, 3> counts;
  for (auto& count : counts) count.assign(kDigits, 0);
  for (const Entry entry : entries) {
    const auto key = static_cast<uint32_t>(entry >> kShift);
#pragma GCC unroll 3
    for (uint32_t pass = 0; pass < 3; ++pass) ++counts[pass][(key >> (kDigitBits * pass)) & (kDigits - 1)];
  }
  for (uint32_t pass = 0; pass < 3; ++pass) {
    if (stop.stop_requested()) return false;
    uint32_t start = 0;
    for (auto& count : counts[pass]) start += std::exchange(count, start);
    uint32_t* places = counts[pass].data();
    const uint32_t shift = kShift + kDigitBits * pass;
    for (const Entry entry : entries) spare[places[(entry >> shift) & (kDigits - 1)]++] = entry;
    entries.swap(spare);
  }
  return true;
}

bool sort_floats(std::vector<float>& values, const StopToken& stop) {
  if (values.size() < 512) {
    std::sort(values.begin(), values.end());
    return true;
  }
  std::vector<uint32_t> keys(values.size());
  std::transform(values.begin(), values.end(), keys.begin(), key_of);
  if (!radix_sort(keys, stop)) return false;
  std::transform(keys.begin(), keys.end(), values.begin(), value_of);
  return true;
}

// Codes of a column of many bins: sorting beats searching tables that leave the nearest cache.
void encode_column(MatrixView<const float> X, int64_t column, const std::vector<float>& edges,
                   const StopToken& stop, uint16_t* codes) {
  std::vector<uint64_t> entries;
  entries.reserve(static_cast<size_t>(X.rows));
  for (int64_t i = 0; i < X.rows; ++i) {
    if (i % kPollRows == 0 && stop.stop_requested()) return;
    const float x = X(i, column);
    if (std::isinf(x)) {
      raise("InputError", "X: column ", column, ", row ", i,
            ", is infinite: replace infinities by NaN first.");
    }
    codes[i] = kMissing<uint16_t>;
    if (!std::isnan(x)) entries.push_back(static_cast<uint64_t>(key_of(x)) << 32 | static_cast<uint64_t>(i));
  }
  if (!radix_sort(entries, stop)) return;
  size_t code = 0;
  for (const uint64_t entry : entries) {
    const float x = value_of(static_cast<uint32_t>(entry >> 32));
    while (code < edges.size() && edges[code] < x) ++code;
    codes[entry & 0xFFFFFFFFU] = static_cast<uint16_t>(code);
  }
}

}  // namespace

std::vector<float> fit_edges(std::vector<float>& values, int max_bins, const StopToken& stop) {
  if (!sort_floats(values, stop)) return {};
  struct Tie {
    float value;
    int64_t count;
  };
  std::vector<Tie> ties;
  ties.reserve(values.size());
  for (const float value : values) {
    if (!ties.empty() && ties.back().value == value) {
      ++ties.back().count;
    } else {
      ties.push_back({value, 1});
    }
  }
  std::vector<float> edges;
  if (ties.empty()) return edges;
  edges.reserve(std::min(ties.size(), static_cast<size_t>(max_bins)) - 1);
  if (static_cast<int64_t>(ties.size()) <= max_bins) {
    for (size_t k = 0; k + 1 < ties.size(); ++k) edges.push_back(between(ties[k].value, ties[k + 1].value));
    return edges;
  }
  // A bin closes when it holds its share of the rows left, or when the next tie alone fills a bin.
  auto rows_left = static_cast<int64_t>(values.size());
  int bins_left = max_bins;
  int64_t in_bin = 0;
  for (size_t k = 0; k + 1 < ties.size() && bins_left > 1; ++k) {
    in_bin += ties[k].count;
    const double share = static_cast<double>(rows_left) / bins_left;
    const double with_next = static_cast<double>(in_bin) + static_cast<double>(ties[k + 1].count) / 2.0;
    if (with_next > share || static_cast<double>(ties[k + 1].count) >= share) {
      edges.push_back(between(ties[k].value, ties[k + 1].value));
      rows_left -= in_bin;
      --bins_left;
      in_bin = 0;
    }
  }
  return edges;
}

std::vector<float> bin_centres(const std::vector<float>& sorted, const std::vector<float>& edges) {
  std::vector<float> centres(edges.size() + 1, 0.0F);
  size_t k = 0;
  for (size_t bin = 0; bin < centres.size(); ++bin) {
    double sum = 0.0;
    const size_t begin = k;
    while (k < sorted.size() && (bin == edges.size() || sorted[k] <= edges[bin])) sum += sorted[k++];
    if (k > begin) centres[bin] = static_cast<float>(sum / static_cast<double>(k - begin));
  }
  return centres;
}

BinnedMatrix bin_matrix(MatrixView<const float> X, std::span<const int64_t> fit_rows, int max_bins,
                        int threads, const StopToken& stop) {
  if (max_bins < 2 || max_bins > kMaxBins) {
    raise("InputError", "n_bins must be an integer from 2 to ", kMaxBins, ", but is ", max_bins, ".");
  }
  for (const int64_t row : fit_rows) {
    if (row < 0 || row >= X.rows) {
      raise("InputError", "rows must lie in 0..", X.rows - 1, ", but holds ", row, ".");
    }
  }
  BinnedMatrix binned;
  binned.rows = X.rows;
  binned.cols = X.cols;
  binned.wide = max_bins > kMaxByteBins;
  binned.edges.resize(static_cast<size_t>(X.cols));
  binned.centres.resize(static_cast<size_t>(X.cols));
  const auto n_codes = static_cast<size_t>(X.rows * X.cols);
  binned.wide ? binned.wide_codes.resize(n_codes) : binned.codes.resize(n_codes);

  const auto n_fit = static_cast<int64_t>(fit_rows.size());
  const int64_t stride = binned.wide ? 1 : std::max<int64_t>(1, (n_fit + kMaxSample - 1) / kMaxSample);
  std::vector<PaddedEdges> padded(binned.wide ? 0 : static_cast<size_t>(X.cols));
  parallel_for((X.cols + kColumnBlock - 1) / kColumnBlock, threads, [&](int64_t block) {
    if (stop.stop_requested()) return;
    const int64_t first = block * kColumnBlock;
    const int64_t d = std::min(kColumnBlock, X.cols - first);
    std::array<std::vector<float>, kColumnBlock> values;
    for (int64_t j = 0; j < d; ++j)
      values[static_cast<size_t>(j)].reserve(static_cast<size_t>(n_fit / stride + 1));
    for (int64_t k = 0; k < n_fit; k += stride) {
      if (k % kRowBlock == 0 && stop.stop_requested()) return;
      const int64_t row = fit_rows[static_cast<size_t>(k)];
      for (int64_t j = 0; j < d; ++j) {
        const float x = X(row, first + j);
        if (std::isfinite(x)) values[static_cast<size_t>(j)].push_back(x);
      }
    }
    for (int64_t j = 0; j < d; ++j) {
      if (stop.stop_requested()) return;
      const auto column = static_cast<size_t>(first + j);
      auto& sorted = values[static_cast<size_t>(j)];
      binned.edges[column] = fit_edges(sorted, max_bins, stop);
      if (stop.stop_requested()) return;
      binned.centres[column] = bin_centres(sorted, binned.edges[column]);
      sorted = {};
      if (stop.stop_requested()) return;
      if (binned.wide) {
        encode_column(X, first + j, binned.edges[column], stop,
                      binned.wide_codes.data() + (first + j) * X.rows);
        continue;
      }
      padded[column].fill(std::numeric_limits<float>::infinity());
      std::copy(binned.edges[column].begin(), binned.edges[column].end(), padded[column].begin());
    }
  });
  if (binned.wide || stop.stop_requested()) return binned;

  const int64_t blocks = (X.rows + kRowBlock - 1) / kRowBlock;
  parallel_for(blocks, threads, [&](int64_t block) {
    if (stop.stop_requested()) return;
    const int64_t begin = block * kRowBlock;
    const int64_t end = std::min(X.rows, begin + kRowBlock);
    encode_rows(X, padded, begin, end, binned.codes);
  });
  return binned;
}

}  // namespace smctrain::models
