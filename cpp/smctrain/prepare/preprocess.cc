#include "smctrain/prepare/preprocess.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"

namespace smctrain::prepare {

namespace {

constexpr int64_t kRowBlock = 1024;

struct ColumnFit {
  Drop drop = Drop::kKept;
  double median = 0.0, low = 0.0, high = 0.0, mean = 0.0, scale = 0.0;
  uint64_t hash = 0;
};

// The imputed column in ascending order, without building it: sorted finite values with `missing` medians
// between.
class Imputed {
 public:
  Imputed(const std::vector<float>& sorted, int64_t missing, double median)
      : sorted_(sorted),
        missing_(missing),
        median_(median),
        first_(std::lower_bound(sorted.begin(), sorted.end(), median,
                                [](float a, double b) { return static_cast<double>(a) < b; }) -
               sorted.begin()) {}
  double operator[](int64_t i) const {
    if (i < first_) return sorted_[static_cast<size_t>(i)];
    if (i < first_ + missing_) return median_;
    return sorted_[static_cast<size_t>(i - missing_)];
  }
  int64_t size() const { return static_cast<int64_t>(sorted_.size()) + missing_; }
  double quantile(double share) const {
    const double position = share * static_cast<double>(size() - 1);
    const auto below = static_cast<int64_t>(std::floor(position));
    const int64_t above = std::min(below + 1, size() - 1);
    const double a = (*this)[below];
    return a + ((*this)[above] - a) * (position - static_cast<double>(below));
  }

 private:
  const std::vector<float>& sorted_;
  int64_t missing_;
  double median_;
  int64_t first_;
};

// One number for values that compare equal: missing values alike, both zeros alike.
uint32_t canonical_bits(float x) {
  if (!std::isfinite(x)) return 0x7FC00000U;
  return std::bit_cast<uint32_t>(x == 0.0F ? 0.0F : x);
}

ColumnFit fit_column(MatrixView<const float> X, std::span<const int64_t> fit_rows, int64_t column,
                     const PreprocessSettings& settings) {
  ColumnFit fit;
  std::vector<float> finite;
  finite.reserve(fit_rows.size());
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const int64_t row : fit_rows) {
    const float x = X(row, column);
    if (std::isfinite(x)) finite.push_back(x);
    hash = (hash ^ canonical_bits(x)) * 0x100000001b3ULL;
  }
  fit.hash = hash;
  const auto n = static_cast<int64_t>(fit_rows.size());
  const int64_t missing = n - static_cast<int64_t>(finite.size());
  if (finite.empty()) {
    fit.drop = Drop::kAllMissing;
    return fit;
  }
  if (static_cast<double>(missing) > settings.max_missing * static_cast<double>(n)) {
    fit.drop = Drop::kMostlyMissing;
    return fit;
  }
  std::sort(finite.begin(), finite.end());
  if (finite.front() == finite.back()) {
    fit.drop = Drop::kConstant;
    return fit;
  }
  const size_t half = finite.size() / 2;
  fit.median = finite.size() % 2 == 1
                   ? static_cast<double>(finite[half])
                   : (static_cast<double>(finite[half - 1]) + static_cast<double>(finite[half])) / 2.0;
  const Imputed imputed(finite, missing, fit.median);
  fit.low = imputed.quantile(settings.clip_low);
  fit.high = imputed.quantile(settings.clip_high);
  double sum = 0.0;
  for (int64_t i = 0; i < n; ++i) sum += std::clamp(imputed[i], fit.low, fit.high);
  fit.mean = sum / static_cast<double>(n);
  double squares = 0.0;
  for (int64_t i = 0; i < n; ++i) {
    const double deviation = std::clamp(imputed[i], fit.low, fit.high) - fit.mean;
    squares += deviation * deviation;
  }
  fit.scale = std::sqrt(squares / static_cast<double>(n - 1));
  if (!(fit.low < fit.high && fit.scale > 0.0)) fit.drop = Drop::kConstantAfterClip;
  return fit;
}

bool equal_columns(MatrixView<const float> X, std::span<const int64_t> fit_rows, int64_t a, int64_t b) {
  return std::all_of(fit_rows.begin(), fit_rows.end(),
                     [&](int64_t row) { return canonical_bits(X(row, a)) == canonical_bits(X(row, b)); });
}

void check_rows(std::span<const int64_t> rows, int64_t n) {
  for (const int64_t row : rows) {
    if (row < 0 || row >= n) raise("InputError", "rows must lie in 0..", n - 1, ", but holds ", row, ".");
  }
}

template <class Body>
void for_row_blocks(std::span<const int64_t> rows, int threads, const Body& body) {
  const auto n = static_cast<int64_t>(rows.size());
  parallel_for((n + kRowBlock - 1) / kRowBlock, threads, [&](int64_t block) {
    const int64_t end = std::min(n, (block + 1) * kRowBlock);
    for (int64_t i = block * kRowBlock; i < end; ++i) body(i, rows[static_cast<size_t>(i)]);
  });
}

void check_kept(std::span<const int64_t> kept, int64_t cols) {
  for (const int64_t column : kept) {
    if (column < 0 || column >= cols) {
      raise("InputError", "X must have at least ", column + 1,
            " columns, as when the preprocessor was fitted, but has ", cols, ".");
    }
  }
}

}  // namespace

Preprocessing fit_preprocessing(MatrixView<const float> X, std::span<const int64_t> fit_rows,
                                const PreprocessSettings& settings, int threads) {
  if (fit_rows.size() < 2) {
    raise("TooFewRows", "a preprocessor needs at least 2 training rows, but got ", fit_rows.size(), ".");
  }
  check_rows(fit_rows, X.rows);
  std::vector<ColumnFit> fits(static_cast<size_t>(X.cols));
  parallel_for(X.cols, threads,
               [&](int64_t j) { fits[static_cast<size_t>(j)] = fit_column(X, fit_rows, j, settings); });

  Preprocessing result;
  result.drop.resize(fits.size());
  result.duplicate_of.assign(fits.size(), -1);
  std::unordered_map<uint64_t, std::vector<int64_t>> kept_by_hash;
  auto& columns = result.columns;
  for (int64_t j = 0; j < X.cols; ++j) {
    ColumnFit& fit = fits[static_cast<size_t>(j)];
    if (fit.drop == Drop::kKept) {
      auto& twins = kept_by_hash[fit.hash];
      for (const int64_t twin : twins) {
        if (!equal_columns(X, fit_rows, j, twin)) continue;
        fit.drop = Drop::kDuplicate;
        result.duplicate_of[static_cast<size_t>(j)] = twin;
        break;
      }
      if (fit.drop == Drop::kKept) {
        twins.push_back(j);
        columns.kept.push_back(j);
        columns.median.push_back(fit.median);
        columns.low.push_back(fit.low);
        columns.high.push_back(fit.high);
        columns.mean.push_back(fit.mean);
        columns.scale.push_back(fit.scale);
      }
    }
    result.drop[static_cast<size_t>(j)] = fit.drop;
  }
  if (columns.kept.empty()) {
    raise("TooFewColumns", "none of the ", X.cols,
          " columns is usable: all are constant, missing or duplicates on the training rows.");
  }
  return result;
}

void transform(MatrixView<const float> X, std::span<const int64_t> rows, const ColumnStatistics& columns,
               int threads, float* out) {
  check_rows(rows, X.rows);
  check_kept(columns.kept, X.cols);
  const auto k = static_cast<int64_t>(columns.kept.size());
  for_row_blocks(rows, threads, [&](int64_t i, int64_t row) {
    for (int64_t c = 0; c < k; ++c) {
      const auto at = static_cast<size_t>(c);
      const float x = X(row, columns.kept[at]);
      const double value = std::isfinite(x) ? static_cast<double>(x) : columns.median[at];
      const double clipped = std::clamp(value, columns.low[at], columns.high[at]);
      out[i * k + c] = static_cast<float>((clipped - columns.mean[at]) / columns.scale[at]);
    }
  });
}

void select(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const int64_t> kept,
            int threads, float* out) {
  check_rows(rows, X.rows);
  check_kept(kept, X.cols);
  const auto k = static_cast<int64_t>(kept.size());
  for_row_blocks(rows, threads, [&](int64_t i, int64_t row) {
    for (int64_t c = 0; c < k; ++c) {
      const float x = X(row, kept[static_cast<size_t>(c)]);
      out[i * k + c] = std::isfinite(x) ? x : std::numeric_limits<float>::quiet_NaN();
    }
  });
}

}  // namespace smctrain::prepare
