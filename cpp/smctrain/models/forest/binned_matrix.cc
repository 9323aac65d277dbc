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

constexpr int64_t kRowBlock = 2048;
constexpr int64_t kMaxSample = 200'000;  // rows that quantiles are taken from; more change them immeasurably

// a <= result < b
float between(float a, float b) {
  const auto middle = static_cast<float>((static_cast<double>(a) + static_cast<double>(b)) / 2.0);
  return middle < b ? middle : a;
}

// Edges padded to 255 with infinity, so that the search has a fixed number of steps and no branches.
using PaddedEdges = std::array<float, 256>;

uint8_t encode(const PaddedEdges& edges, float x) {
  if (std::isnan(x)) return kMissing<uint8_t>;
  unsigned position = 0;
  for (unsigned step = 128; step > 0; step >>= 1) {
    position += edges[position + step - 1] < x ? step : 0;
  }
  return static_cast<uint8_t>(position);
}

// Ascending order of finite floats: three passes over 11-bit digits of their order-preserving bit patterns.
void radix_sort(std::vector<float>& values) {
  constexpr int kDigitBits = 11;
  constexpr uint32_t kDigits = 1U << kDigitBits;
  std::vector<uint32_t> keys(values.size());
  std::vector<uint32_t> spare(values.size());
  std::array<std::vector<uint32_t>, 3> counts;
  for (auto& count : counts) count.assign(kDigits, 0);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    const uint32_t key = (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
    keys[i] = key;
    for (uint32_t pass = 0; pass < 3; ++pass) ++counts[pass][(key >> (kDigitBits * pass)) & (kDigits - 1)];
  }
  for (uint32_t pass = 0; pass < 3; ++pass) {
    uint32_t start = 0;
    for (auto& count : counts[pass]) start += std::exchange(count, start);
    for (const uint32_t key : keys) spare[counts[pass][(key >> (kDigitBits * pass)) & (kDigits - 1)]++] = key;
    keys.swap(spare);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = std::bit_cast<float>((keys[i] & 0x80000000U) != 0 ? keys[i] & 0x7FFFFFFFU : ~keys[i]);
  }
}

}  // namespace

std::vector<float> fit_edges(std::vector<float>& values, int max_bins) {
  if (values.size() < 512) {
    std::sort(values.begin(), values.end());
  } else {
    radix_sort(values);
  }
  struct Tie {
    float value;
    int64_t count;
  };
  std::vector<Tie> ties;
  for (const float value : values) {
    if (!ties.empty() && ties.back().value == value) {
      ++ties.back().count;
    } else {
      ties.push_back({value, 1});
    }
  }
  std::vector<float> edges;
  if (ties.empty()) return edges;
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
  if (max_bins < 2 || max_bins > kMaxByteBins) {
    raise("InputError", "n_bins must be an integer from 2 to 255, but is ", max_bins, ".");
  }
  for (const int64_t row : fit_rows) {
    if (row < 0 || row >= X.rows) {
      raise("InputError", "rows must lie in 0..", X.rows - 1, ", but holds ", row, ".");
    }
  }
  BinnedMatrix binned;
  binned.rows = X.rows;
  binned.cols = X.cols;
  binned.codes.resize(static_cast<size_t>(X.rows * X.cols));
  binned.edges.resize(static_cast<size_t>(X.cols));
  binned.centres.resize(static_cast<size_t>(X.cols));

  const auto n_fit = static_cast<int64_t>(fit_rows.size());
  const int64_t stride = std::max<int64_t>(1, (n_fit + kMaxSample - 1) / kMaxSample);
  std::vector<PaddedEdges> padded(static_cast<size_t>(X.cols));
  parallel_for(X.cols, threads, [&](int64_t j) {
    if (stop.stop_requested()) return;
    std::vector<float> values;
    values.reserve(static_cast<size_t>(n_fit / stride + 1));
    for (int64_t k = 0; k < n_fit; k += stride) {
      const float x = X(fit_rows[static_cast<size_t>(k)], j);
      if (std::isfinite(x)) values.push_back(x);
    }
    auto& edges = binned.edges[static_cast<size_t>(j)];
    edges = fit_edges(values, max_bins);
    binned.centres[static_cast<size_t>(j)] = bin_centres(values, edges);
    auto& row = padded[static_cast<size_t>(j)];
    row.fill(std::numeric_limits<float>::infinity());
    std::copy(edges.begin(), edges.end(), row.begin());
  });

  const int64_t blocks = (X.rows + kRowBlock - 1) / kRowBlock;
  parallel_for(blocks, threads, [&](int64_t block) {
    if (stop.stop_requested()) return;
    const int64_t begin = block * kRowBlock;
    const int64_t end = std::min(X.rows, begin + kRowBlock);
    for (int64_t j = 0; j < X.cols; ++j) {
      uint8_t* codes = binned.codes.data() + j * X.rows;
      const PaddedEdges& edges = padded[static_cast<size_t>(j)];
      for (int64_t i = begin; i < end; ++i) {
        const float x = X(i, j);
        if (std::isinf(x)) {
          raise("InputError", "X: column ", j, ", row ", i,
                ", is infinite: replace infinities by NaN first.");
        }
        codes[i] = encode(edges, x);
      }
    }
  });
  return binned;
}

}  // namespace smctrain::models
