// Stationary bootstrap: resamples blocks of random length, so that dependence inside a block survives.
//
//   block    starts at floor(u n), lasts 1 + floor(ln(1 - u') / ln(1 - 1/L)) rows and wraps at the end: the
//   same law
//            as "after each row, with probability 1/L a new start, else the next row", with two draws a block
//   L        mean block length; max(2h, 2) for labels of h rows
//
//   automatic L  (2 G^2 / D)^(1/3) n^(1/3) of Politis and White: G = sum lambda(k/M) |k| R(k), D = 2 (sum
//   lambda(k/M) R(k))^2
//            over |k| <= M, R the autocovariances, lambda the flat-top window, M twice the lag after which
//            K = max(5, sqrt(log10 n)) autocorrelations are below 2 sqrt(log10(n) / n)
//
// Draw r uses the stream (seed, "stationary_bootstrap/r"), so results do not depend on the thread count, and
// equal settings resample the same rows of every column. Means come from running sums: O(n + draws n / L).
// Sources: Politis and Romano, JASA 89 (1994); Politis and White, Econometric Reviews 23 (2004), corrected by
// Patton et al. (2009).
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"

namespace smctrain::stats {

struct BootstrapSettings {
  double mean_block = 2.0;
  int64_t draws = 1000;
  uint64_t seed = 0;
  int threads = 1;
};

// Mean of each resample.
std::vector<double> bootstrap_means(std::span<const double> values, const BootstrapSettings& settings,
                                    const StopToken& stop);

// Means of all columns of one resample, row-major draws x columns.
std::vector<double> bootstrap_column_means(MatrixView<const double> values, const BootstrapSettings& settings,
                                           const StopToken& stop);

// How often each cell 0..n_cells-1 occurs in a resample, row-major draws x n_cells. O(draws n).
std::vector<int64_t> bootstrap_counts(std::span<const int32_t> cells, int64_t n_cells,
                                      const BootstrapSettings& settings, const StopToken& stop);

// Automatic mean block length for the mean of `values`, from 1 to min(3 sqrt(n), n / 3).
double block_length(std::span<const double> values);

// Calls visit(begin, end) for every unbroken piece of one resample of n rows.
template <class Visit>
void stationary_pieces(int64_t n, double mean_block, Philox& stream, Visit&& visit) {
  const double scale = mean_block > 1.0 ? 1.0 / std::log1p(-1.0 / mean_block) : 0.0;
  for (int64_t left = n; left > 0;) {
    int64_t begin = stream.below(n);
    const double length = 1.0 + std::floor(std::log(1.0 - stream.uniform()) * scale);
    int64_t take = length < static_cast<double>(left) ? static_cast<int64_t>(length) : left;
    left -= take;
    if (begin + take > n) {
      visit(begin, n);
      take -= n - begin;
      begin = 0;
    }
    visit(begin, begin + take);
  }
}

}  // namespace smctrain::stats
