#include "smctrain/models/linear/design.h"

#include <algorithm>
#include <cmath>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/models/linear/kernels.h"

namespace smctrain::models::linear {

namespace {

constexpr int64_t kRowsPerChunk = 4096;
constexpr int64_t kMostChunks = 16;
constexpr int64_t kPartialsBudget = int64_t{1} << 25;  // doubles of all partial grams together

}  // namespace

Design::Design(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const double> weight,
               const DesignSettings& settings)
    : X_(X), rows_(rows), settings_(settings), d_(X.cols), stride_(padded(X.cols + 1)) {
  if (rows.empty())
    raise("TooFewRows", "a linear model needs at least 1 row of positive weight, but has none.");
  if (d_ == 0) raise("TooFewColumns", "a linear model needs at least 1 column, but X has none.");
  block_rows_ = stride_ <= 128 ? 32 : 128;
  const int64_t memory = std::max<int64_t>(1, kPartialsBudget / (stride_ * stride_));
  n_chunks_ = std::clamp<int64_t>(n() / kRowsPerChunk, 1, std::min(kMostChunks, memory));
  share_.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= X.rows) {
      raise("InputError", "rows must lie in 0..", X.rows - 1, ", but holds ", rows[i], ".");
    }
    share_[i] = weight.empty() ? 1.0 : weight[static_cast<size_t>(rows[i])];
    if (!(share_[i] > 0.0) || !std::isfinite(share_[i])) {
      raise("InputError", "weights of training rows must be positive and finite, but row ", rows[i], " has ",
            share_[i], ".");
    }
    total_weight_ += share_[i];
  }
  for (double& entry : share_) entry /= total_weight_;

  // Sums are shifted by the first row: exact zeros for constant columns, few digits lost for the others.
  const auto is_stopped = [&] { return settings.stop != nullptr && settings.stop->stop_requested(); };
  const auto columns = static_cast<size_t>(d_);
  std::vector<double> shift(columns);
  for (size_t j = 0; j < columns; ++j) shift[j] = static_cast<double>(X(rows[0], static_cast<int64_t>(j)));
  std::vector<double> partial(static_cast<size_t>(n_chunks_) * 2 * columns, 0.0);
  parallel_for(n_chunks_, settings.threads, [&](int64_t chunk) {
    double* sum = partial.data() + static_cast<size_t>(chunk) * 2 * columns;
    for (int64_t i = chunk_start(chunk); i < chunk_start(chunk + 1); ++i) {
      if (i % 256 == 0 && is_stopped()) return;
      add_moments(&X_(row(i), 0), d_, share_[static_cast<size_t>(i)], shift.data(), sum, sum + columns);
    }
  });
  mean_.assign(columns, 0.0);
  inverse_.assign(columns, 1.0);
  spread_.assign(columns, 0.0);
  centre_.assign(columns, 0.0);
  if (is_stopped()) return;
  for (size_t j = 0; j < columns; ++j) {
    double sum = 0.0;
    double square = 0.0;
    for (size_t chunk = 0; chunk < static_cast<size_t>(n_chunks_); ++chunk) {
      sum += partial[chunk * 2 * columns + j];
      square += partial[chunk * 2 * columns + columns + j];
    }
    if (!std::isfinite(square)) {
      for (const int64_t i : rows) {
        if (std::isfinite(X(i, static_cast<int64_t>(j)))) continue;
        raise("InputError", "X: column ", j, ", row ", i, ", is ", X(i, static_cast<int64_t>(j)),
              ", and linear models take no missing or infinite values: impute them first.");
      }
    }
    const double variance = square - sum * sum;
    // Rounding of the shifted sums may leave a trace of spread where there is none.
    const bool constant = !(variance > 1e-14 * square);
    centre_[j] = shift[j] + sum;
    if (settings.fit_intercept) mean_[j] = centre_[j];
    if (!constant) spread_[j] = std::sqrt(variance);
    if (constant) {
      inverse_[j] = settings.fit_intercept ? 0.0 : 1.0;
    } else if (settings.standardize) {
      inverse_[j] = 1.0 / spread_[j];
    }
  }
}

void Design::load(int64_t position, double extra, double* z) const {
  standardise_row(&X_(row(position), 0), d_, mean_.data(), inverse_.data(), z);
  z[d_] = extra;
  std::fill(z + d_ + 1, z + stride_, 0.0);
}

std::vector<double> Design::columns(const StopToken& stop) const {
  std::vector<double> out(static_cast<size_t>(d_ * n()));
  std::vector<double> z(static_cast<size_t>(stride_));
  for (int64_t i = 0; i < n(); ++i) {
    if (i % 256 == 0) poll(stop);
    load(i, 0.0, z.data());
    const double root = std::sqrt(share_[static_cast<size_t>(i)]);
    for (int64_t j = 0; j < d_; ++j) out[static_cast<size_t>(j * n() + i)] = root * z[static_cast<size_t>(j)];
  }
  return out;
}

std::vector<double> Design::gram(std::span<const double> extra, const StopToken& stop) const {
  const auto size = static_cast<size_t>(stride_ * stride_);
  std::vector<std::vector<double>> partial(static_cast<size_t>(n_chunks_));
  parallel_for(n_chunks_, settings_.threads, [&](int64_t chunk) {
    std::vector<double> sum(size, 0.0);
    std::vector<double> block(static_cast<size_t>(block_rows_ * stride_));
    std::vector<double> work(static_cast<size_t>(block_rows_ * 4));
    const int64_t end = chunk_start(chunk + 1);
    for (int64_t first = chunk_start(chunk); first < end; first += block_rows_) {
      poll(stop);
      const int64_t count = std::min(block_rows_, end - first);
      for (int64_t r = 0; r < count; ++r) {
        load(first + r, extra.empty() ? 0.0 : extra[static_cast<size_t>(first + r)],
             block.data() + r * stride_);
      }
      add_gram(block.data(), count, stride_, share_.data() + first, work.data(), sum.data());
    }
    partial[static_cast<size_t>(chunk)] = std::move(sum);
  });
  std::vector<double> total = std::move(partial[0]);
  for (size_t chunk = 1; chunk < partial.size(); ++chunk) {
    add_scaled(1.0, partial[chunk].data(), total.data(), static_cast<int64_t>(size));
  }
  mirror(total.data(), stride_);
  return total;
}

void Design::to_units(const double* beta, double offset, double* coef, double* intercept) const {
  double shift = 0.0;
  for (size_t j = 0; j < static_cast<size_t>(d_); ++j) {
    coef[j] = beta[j] * inverse_[j];
    shift += mean_[j] * coef[j];
  }
  *intercept = settings_.fit_intercept ? offset - shift : 0.0;
}

Target centred_target(const Design& design, std::span<const double> y) {
  Target target;
  target.centred.resize(static_cast<size_t>(design.n()));
  const double first = y[static_cast<size_t>(design.row(0))];
  for (int64_t i = 0; i < design.n(); ++i) {
    const double value = y[static_cast<size_t>(design.row(i))];
    if (!std::isfinite(value))
      raise("InputError", "y must be finite, but is ", value, " in row ", design.row(i), ".");
    target.mean += design.share()[static_cast<size_t>(i)] * (value - first);
  }
  target.mean = design.has_intercept() ? target.mean + first : 0.0;
  for (int64_t i = 0; i < design.n(); ++i) {
    target.centred[static_cast<size_t>(i)] = y[static_cast<size_t>(design.row(i))] - target.mean;
  }
  return target;
}

}  // namespace smctrain::models::linear
