#include "smctrain/prepare/columns.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/prepare/gather.h"

namespace smctrain::prepare {

namespace {

constexpr int64_t kRowBlock = 1024;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class Body>
void for_row_blocks(int64_t n, int threads, const Body& body) {
  parallel_for((n + kRowBlock - 1) / kRowBlock, threads, [&](int64_t block) {
    const int64_t end = std::min(n, (block + 1) * kRowBlock);
    for (int64_t i = block * kRowBlock; i < end; ++i) body(i);
  });
}

// Finite where x is a number: a value far outside what was seen becomes the largest one.
template <class T>
T saturated(double x) {
  constexpr auto kLowest = static_cast<double>(std::numeric_limits<T>::lowest());
  constexpr auto kLargest = static_cast<double>(std::numeric_limits<T>::max());
  return static_cast<T>(std::clamp(x, kLowest, kLargest));
}

struct Moments {
  int64_t count = 0;
  double mean = kNaN, deviation = kNaN, minimum = kNaN, maximum = kNaN;
};

template <class T>
Moments moments(std::span<const T> values, std::span<const double> weight) {
  const auto weight_of = [&](size_t i) { return weight.empty() ? 1.0 : weight[i]; };
  Moments result;
  double total = 0.0, total_squared = 0.0, sum = 0.0;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto x = static_cast<double>(values[i]);
    const double w = weight_of(i);
    if (!std::isfinite(x) || !(w > 0.0)) continue;
    ++result.count;
    total += w;
    total_squared += w * w;
    sum += w * x;
    low = std::min(low, x);
    high = std::max(high, x);
  }
  if (result.count == 0) return result;
  result.minimum = low;
  result.maximum = high;
  if (low == high) {  // exactly, whatever the rounding of the sums
    result.mean = low;
    result.deviation = 0.0;
    return result;
  }
  const double rough = sum / total;
  double residual = 0.0, squares = 0.0;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto x = static_cast<double>(values[i]);
    const double w = weight_of(i);
    if (!std::isfinite(x) || !(w > 0.0)) continue;
    const double difference = x - rough;
    residual += w * difference;
    squares += w * difference * difference;
  }
  result.mean = rough + residual / total;
  const double spread = squares - residual * residual / total;
  result.deviation = std::sqrt(std::max(0.0, spread) / (total - total_squared / total));
  return result;
}

// Quantiles of the values present, by selection; shares in any order.
template <class T>
void quantiles(std::span<const T> values, std::span<const double> shares, int64_t column,
               std::vector<std::vector<double>>& out) {
  std::vector<T> present;
  present.reserve(values.size());
  for (const T x : values) {
    if (std::isfinite(x)) present.push_back(x);
  }
  std::vector<size_t> order(shares.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return shares[a] < shares[b]; });
  int64_t done = 0;  // entries before it are the smallest ones
  for (const size_t which : order) {
    double& slot = out[which][static_cast<size_t>(column)];
    if (present.empty()) {
      slot = kNaN;
      continue;
    }
    const double position = shares[which] * static_cast<double>(present.size() - 1);
    const auto below = static_cast<int64_t>(std::floor(position));
    std::nth_element(present.begin() + done, present.begin() + below, present.end());
    done = below;
    const auto a = static_cast<double>(present[static_cast<size_t>(below)]);
    const double share = position - static_cast<double>(below);
    slot = a;
    if (share > 0.0) {
      const auto b = static_cast<double>(*std::min_element(present.begin() + below + 1, present.end()));
      slot = a + (b - a) * share;
    }
  }
}

}  // namespace

void check_rows(std::span<const int64_t> rows, int64_t n) {
  for (const int64_t row : rows) {
    if (row < 0 || row >= n) raise("InputError", "rows must lie in 0..", n - 1, ", but holds ", row, ".");
  }
}

void check_columns(std::span<const int64_t> columns, int64_t cols) {
  for (const int64_t column : columns) {
    if (column < 0 || column >= cols) {
      raise("InputError", "X must have at least ", column + 1,
            " columns, as when the preprocessor was fitted, but has ", cols, ".");
    }
  }
}

template <class T>
ColumnNumbers describe(MatrixView<const T> X, std::span<const int64_t> rows, std::span<const double> weight,
                       std::span<const double> shares, int threads) {
  check_rows(rows, X.rows);
  const auto d = static_cast<size_t>(X.cols);
  ColumnNumbers result;
  result.count.resize(d);
  for (auto* values : {&result.mean, &result.deviation, &result.minimum, &result.maximum}) values->resize(d);
  result.quantiles.assign(shares.size(), std::vector<double>(d));
  for_columns(X, rows, threads, [&](int64_t column, std::span<const T> values) {
    const auto j = static_cast<size_t>(column);
    const Moments of_column = moments(values, weight);
    result.count[j] = of_column.count;
    result.mean[j] = of_column.mean;
    result.deviation[j] = of_column.deviation;
    result.minimum[j] = of_column.minimum;
    result.maximum[j] = of_column.maximum;
    if (!shares.empty()) quantiles(values, shares, column, result.quantiles);
  });
  return result;
}

template <class T>
Filtered filter_columns(MatrixView<const T> X, std::span<const int64_t> rows, const FilterSettings& settings,
                        int threads) {
  check_rows(rows, X.rows);
  const auto d = static_cast<size_t>(X.cols);
  Filtered result;
  result.drop.assign(d, Drop::kKept);
  result.duplicate_of.assign(d, -1);
  for_columns(X, rows, threads, [&](int64_t column, std::span<const T> values) {
    const auto j = static_cast<size_t>(column);
    int64_t missing = 0;
    bool constant = true;
    T first{};
    bool any = false;
    for (const T x : values) {
      if (!std::isfinite(x)) {
        ++missing;
        continue;
      }
      if (!any) first = x;
      any = true;
      constant = constant && x == first;
    }
    if (!any) {
      result.drop[j] = Drop::kAllMissing;
    } else if (static_cast<double>(missing) > settings.max_missing * static_cast<double>(values.size())) {
      result.drop[j] = Drop::kMostlyMissing;
    } else if (constant && settings.constant) {
      result.drop[j] = Drop::kConstant;
    }
  });
  if (settings.duplicates) mark_duplicates(X, rows, threads, result);
  return result;
}

template <class T>
void mark_duplicates(MatrixView<const T> X, std::span<const int64_t> rows, int threads, Filtered& result) {
  std::vector<uint64_t> hashes(static_cast<size_t>(X.cols));
  for_columns(X, rows, threads, [&](int64_t column, std::span<const T> values) {
    hashes[static_cast<size_t>(column)] = column_hash(values);
  });
  std::unordered_map<uint64_t, std::vector<int64_t>> kept_by_hash;
  for (int64_t j = 0; j < X.cols; ++j) {
    if (result.drop[static_cast<size_t>(j)] != Drop::kKept) continue;
    auto& twins = kept_by_hash[hashes[static_cast<size_t>(j)]];
    for (const int64_t twin : twins) {
      const bool equal = std::all_of(rows.begin(), rows.end(), [&](int64_t row) {
        return canonical_bits(X(row, j)) == canonical_bits(X(row, twin));
      });
      if (!equal) continue;
      result.drop[static_cast<size_t>(j)] = Drop::kDuplicate;
      result.duplicate_of[static_cast<size_t>(j)] = twin;
      break;
    }
    if (result.drop[static_cast<size_t>(j)] == Drop::kKept) twins.push_back(j);
  }
}

template <class T>
std::vector<int64_t> distinct_patterns(MatrixView<const T> X, std::span<const int64_t> rows,
                                       std::span<const int64_t> columns) {
  const auto missing = [&](int64_t row, int64_t column) { return !std::isfinite(X(row, column)); };
  std::unordered_map<uint64_t, std::vector<int64_t>> seen;
  std::vector<int64_t> distinct;
  for (const int64_t column : columns) {
    uint64_t hash = 0xcbf29ce484222325ULL;
    for (const int64_t row : rows) hash = (hash ^ (missing(row, column) ? 1U : 0U)) * 0x100000001b3ULL;
    auto& twins = seen[hash];
    const bool known = std::any_of(twins.begin(), twins.end(), [&](int64_t twin) {
      return std::all_of(rows.begin(), rows.end(),
                         [&](int64_t row) { return missing(row, column) == missing(row, twin); });
    });
    if (known) continue;
    twins.push_back(column);
    distinct.push_back(column);
  }
  return distinct;
}

template <class T>
void apply(MatrixView<const T> X, std::span<const int64_t> rows, const ColumnProgram& program, int threads,
           T* out) {
  check_rows(rows, X.rows);
  check_columns(program.kept, X.cols);
  check_columns(program.indicators, X.cols);
  const size_t k = program.kept.size();
  const int64_t width = program.width();
  for_row_blocks(static_cast<int64_t>(rows.size()), threads, [&](int64_t i) {
    const int64_t row = rows[static_cast<size_t>(i)];
    T* to = out + i * width;
    for (size_t c = 0; c < k; ++c) {
      const T x = X(row, program.kept[c]);
      const double value = std::isfinite(x) ? static_cast<double>(x) : program.fill[c];
      // A missing value that stays compares false with both bounds.
      const double clipped = std::clamp(value, program.low[c], program.high[c]);
      to[c] = saturated<T>((clipped - program.center[c]) / program.scale[c]);
    }
    for (size_t c = 0; c < program.indicators.size(); ++c) {
      to[k + c] = std::isfinite(X(row, program.indicators[c])) ? T{0} : T{1};
    }
  });
}

template <class T>
void restore(MatrixView<const T> X, std::span<const double> center, std::span<const double> scale,
             int threads, T* out) {
  for_row_blocks(X.rows, threads, [&](int64_t i) {
    for (int64_t j = 0; j < X.cols; ++j) {
      const auto at = static_cast<size_t>(j);
      out[i * X.cols + j] = saturated<T>(static_cast<double>(X(i, j)) * scale[at] + center[at]);
    }
  });
}

template ColumnNumbers describe<float>(MatrixView<const float>, std::span<const int64_t>,
                                       std::span<const double>, std::span<const double>, int);
template ColumnNumbers describe<double>(MatrixView<const double>, std::span<const int64_t>,
                                        std::span<const double>, std::span<const double>, int);
template Filtered filter_columns<float>(MatrixView<const float>, std::span<const int64_t>,
                                        const FilterSettings&, int);
template Filtered filter_columns<double>(MatrixView<const double>, std::span<const int64_t>,
                                         const FilterSettings&, int);
template void mark_duplicates<float>(MatrixView<const float>, std::span<const int64_t>, int, Filtered&);
template void mark_duplicates<double>(MatrixView<const double>, std::span<const int64_t>, int, Filtered&);
template std::vector<int64_t> distinct_patterns<float>(MatrixView<const float>, std::span<const int64_t>,
                                                       std::span<const int64_t>);
template std::vector<int64_t> distinct_patterns<double>(MatrixView<const double>, std::span<const int64_t>,
                                                        std::span<const int64_t>);
template void apply<float>(MatrixView<const float>, std::span<const int64_t>, const ColumnProgram&, int,
                           float*);
template void apply<double>(MatrixView<const double>, std::span<const int64_t>, const ColumnProgram&, int,
                            double*);
template void restore<float>(MatrixView<const float>, std::span<const double>, std::span<const double>, int,
                             float*);
template void restore<double>(MatrixView<const double>, std::span<const double>, std::span<const double>, int,
                              double*);

}  // namespace smctrain::prepare
