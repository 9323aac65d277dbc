#include "smctrain/prepare/columns.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/prepare/gather.h"
#include "smctrain/prepare/kernels.h"

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

constexpr int64_t kStrip = 64;  // columns a task looks after

// Moments of columns [first, first + width), rows in the order given.
template <class T>
void strip_moments(MatrixView<const T> X, std::span<const int64_t> rows, std::span<const double> weight,
                   int64_t first, int64_t width, ColumnNumbers& result) {
  const auto w = static_cast<size_t>(width);
  std::vector<double> count(w, 0.0), total(w, 0.0), total_squared(w, 0.0), sum(w, 0.0);
  std::vector<double> low(w, std::numeric_limits<double>::max());
  std::vector<double> high(w, std::numeric_limits<double>::lowest());
  const Sums sums{count.data(), total.data(), total_squared.data(), sum.data(), low.data(), high.data()};
  const auto each_row = [&](const auto& body) {
    for (size_t i = 0; i < rows.size(); ++i) {
      const double own = weight.empty() ? 1.0 : weight[i];
      if (own > 0.0) body(X.data + rows[i] * X.row_stride + first, own);
    }
  };
  each_row([&](const T* x, double own) { add_row(x, width, own, sums); });
  std::vector<double> rough(w, 0.0), residual(w, 0.0), squares(w, 0.0);
  for (size_t c = 0; c < w; ++c) {
    if (count[c] > 0.0) rough[c] = sum[c] / total[c];
  }
  each_row([&](const T* x, double own) {
    add_spread(x, width, own, rough.data(), residual.data(), squares.data());
  });
  for (size_t c = 0; c < w; ++c) {
    const auto j = static_cast<size_t>(first) + c;
    result.count[j] = static_cast<int64_t>(count[c]);
    if (count[c] == 0.0) {
      result.mean[j] = result.deviation[j] = result.minimum[j] = result.maximum[j] = kNaN;
      continue;
    }
    result.minimum[j] = low[c];
    result.maximum[j] = high[c];
    if (low[c] == high[c]) {  // exactly, whatever the rounding of the sums
      result.mean[j] = low[c];
      result.deviation[j] = 0.0;
      continue;
    }
    result.mean[j] = rough[c] + residual[c] / total[c];
    const double spread = squares[c] - residual[c] * residual[c] / total[c];
    result.deviation[j] = std::sqrt(std::max(0.0, spread) / (total[c] - total_squared[c] / total[c]));
  }
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
  parallel_for((X.cols + kStrip - 1) / kStrip, threads, [&](int64_t strip) {
    const int64_t first = strip * kStrip;
    strip_moments(X, rows, weight, first, std::min(kStrip, X.cols - first), result);
  });
  if (!shares.empty()) {
    for_columns(X, rows, threads, [&](int64_t column, std::span<const T> values) {
      quantiles(values, shares, column, result.quantiles);
    });
  }
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
  const auto k = static_cast<int64_t>(program.kept.size());
  const int64_t width = program.width();
  const bool is_run =
      k > 0 && program.kept.back() - program.kept.front() == k - 1;  // no column between is dropped
  const RowProgram numbers{program.fill.data(), program.low.data(), program.high.data(),
                           program.center.data(), program.scale.data()};
  const auto n = static_cast<int64_t>(rows.size());
  parallel_for((n + kRowBlock - 1) / kRowBlock, threads, [&](int64_t block) {
    std::vector<T> gathered(static_cast<size_t>(is_run ? 0 : k));
    const int64_t end = std::min(n, (block + 1) * kRowBlock);
    for (int64_t i = block * kRowBlock; i < end; ++i) {
      const T* from = X.data + rows[static_cast<size_t>(i)] * X.row_stride;
      T* to = out + i * width;
      if (is_run) {
        transform_row(from + program.kept.front(), k, numbers, to);
      } else {
        for (int64_t c = 0; c < k; ++c) {
          gathered[static_cast<size_t>(c)] = from[program.kept[static_cast<size_t>(c)]];
        }
        transform_row(gathered.data(), k, numbers, to);
      }
      for (size_t c = 0; c < program.indicators.size(); ++c) {
        to[k + static_cast<int64_t>(c)] = std::isfinite(from[program.indicators[c]]) ? T{0} : T{1};
      }
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
