#include "smctrain/stats/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <string>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/stats/autocovariance.h"

namespace smctrain::stats {

namespace {

void check(int64_t n, int64_t columns, const BootstrapSettings& settings) {
  if (n < 1) raise("TooFewRows", "values must hold at least one row, but is empty.");
  if (!(settings.mean_block >= 1.0)) {
    raise("InputError", "mean_block must be at least 1, but is ", settings.mean_block, ".");
  }
  if (settings.draws < 1) raise("InputError", "draws must be at least 1, but is ", settings.draws, ".");
  if (settings.draws > std::numeric_limits<int32_t>::max() * int64_t{1024} / std::max<int64_t>(columns, 1)) {
    throw std::bad_alloc();
  }
}

template <class Body>
void each_draw(const BootstrapSettings& settings, const StopToken& stop, Body&& body) {
  parallel_for(settings.draws, settings.threads, [&](int64_t draw) {
    if (stop.stop_requested()) return;
    Philox stream(settings.seed, "stationary_bootstrap/" + std::to_string(draw));
    body(draw, stream);
  });
}

}  // namespace

std::vector<double> bootstrap_means(std::span<const double> values, const BootstrapSettings& settings,
                                    const StopToken& stop) {
  const auto n = static_cast<int64_t>(values.size());
  return bootstrap_column_means({values.data(), n, 1, 1}, settings, stop);
}

std::vector<double> bootstrap_column_means(MatrixView<const double> values, const BootstrapSettings& settings,
                                           const StopToken& stop) {
  const int64_t n = values.rows;
  const int64_t k = values.cols;
  check(n, k, settings);
  std::vector<double> out(static_cast<size_t>(settings.draws * k), 0.0);
  const auto columns = static_cast<size_t>(k);
  std::vector<double> mean(columns, 0.0);
  for (int64_t t = 0; t < n; ++t) {
    for (size_t j = 0; j < columns; ++j) mean[j] += values(t, static_cast<int64_t>(j));
  }
  for (double& m : mean) m /= static_cast<double>(n);
  // Running sums of the centred values: small numbers, so that differences lose little.
  std::vector<double> sums((static_cast<size_t>(n) + 1) * columns, 0.0);
  for (size_t t = 0; t < static_cast<size_t>(n); ++t) {
    for (size_t j = 0; j < columns; ++j) {
      sums[(t + 1) * columns + j] =
          sums[t * columns + j] + (values(static_cast<int64_t>(t), static_cast<int64_t>(j)) - mean[j]);
    }
  }
  each_draw(settings, stop, [&](int64_t draw, Philox& stream) {
    double* total = out.data() + draw * k;
    stationary_pieces(n, settings.mean_block, stream, [&](int64_t begin, int64_t end) {
      const double* from = sums.data() + begin * k;
      const double* to = sums.data() + end * k;
      for (int64_t j = 0; j < k; ++j) total[j] += to[j] - from[j];
    });
    for (int64_t j = 0; j < k; ++j)
      total[j] = mean[static_cast<size_t>(j)] + total[j] / static_cast<double>(n);
  });
  return out;
}

std::vector<int64_t> bootstrap_counts(std::span<const int32_t> cells, int64_t n_cells,
                                      const BootstrapSettings& settings, const StopToken& stop) {
  const auto n = static_cast<int64_t>(cells.size());
  check(n, n_cells, settings);
  for (const int32_t cell : cells) {
    if (cell < 0 || cell >= n_cells)
      raise("InputError", "cells must lie in 0..", n_cells - 1, ", but one is ", cell, ".");
  }
  std::vector<int64_t> out(static_cast<size_t>(settings.draws * n_cells), 0);
  each_draw(settings, stop, [&](int64_t draw, Philox& stream) {
    int64_t* count = out.data() + draw * n_cells;
    stationary_pieces(n, settings.mean_block, stream, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) ++count[cells[static_cast<size_t>(t)]];
    });
  });
  return out;
}

double block_length(std::span<const double> values) {
  const auto n = static_cast<int64_t>(values.size());
  if (n < 8) raise("TooFewRows", "a block length needs at least 8 values, but got ", n, ".");
  const auto rows = static_cast<double>(n);
  if (std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; })) {
    raise("InputError", "values must vary, but are all equal.");
  }
  const auto root = static_cast<int64_t>(std::ceil(std::sqrt(rows)));
  const auto calm = std::max<int64_t>(5, static_cast<int64_t>(std::sqrt(std::log10(rows))));
  const int64_t lags = std::min(root + calm, n - 1);
  auto covariance = lagged_products(centre(values).values, lags);
  for (double& value : covariance) value /= rows;
  const double small = 2.0 * std::sqrt(std::log10(rows) / rows) * covariance[0];
  const auto is_small = [&](int64_t lag) { return std::abs(covariance[static_cast<size_t>(lag)]) < small; };
  // The first lag after which `calm` in a row are small; else the last one that is not.
  int64_t last = 0;
  bool is_calm = false;
  for (int64_t m = 0; m + calm <= lags && !is_calm; ++m) {
    is_calm = true;
    for (int64_t k = m + 1; k <= m + calm; ++k) is_calm = is_calm && is_small(k);
    last = m;
  }
  if (!is_calm) {
    for (int64_t k = 1; k <= lags; ++k) last = is_small(k) ? last : k;
  }
  const int64_t window = std::min(std::max<int64_t>(2 * last, 1), lags);
  double g = 0.0;
  double spectrum = covariance[0];
  for (int64_t k = 1; k <= window; ++k) {
    const double place = static_cast<double>(k) / static_cast<double>(window);
    const double weight = place <= 0.5 ? 1.0 : 2.0 * (1.0 - place);
    g += 2.0 * weight * static_cast<double>(k) * covariance[static_cast<size_t>(k)];
    spectrum += 2.0 * weight * covariance[static_cast<size_t>(k)];
  }
  const double most = std::min(3.0 * std::sqrt(rows), rows / 3.0);
  if (spectrum == 0.0) return most;
  return std::clamp(std::cbrt(g * g / (spectrum * spectrum) * rows), 1.0, most);
}

}  // namespace smctrain::stats
