#include "smctrain/selection/correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"

namespace smctrain::selection {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// One column: values by row, and the rows that have one in ascending order of value.
struct Column {
  std::vector<float> values;
  std::vector<int32_t> order;  // for ranks
  std::vector<uint8_t> present;
  std::vector<double> standard;  // standardised (of ranks: their ranks) over the rows present, 0 elsewhere
  int64_t count = 0;
  bool varies = false;
};

// Average ranks of the rows that `in` keeps, in the order given; written to out by row.
void rank_rows(const Column& column, const std::vector<uint8_t>* in, std::vector<double>& out,
               std::vector<int32_t>& kept) {
  kept.clear();
  for (const int32_t row : column.order) {
    if (in == nullptr || (*in)[static_cast<size_t>(row)] != 0) kept.push_back(row);
  }
  for (size_t begin = 0; begin < kept.size();) {
    size_t end = begin + 1;
    const float value = column.values[static_cast<size_t>(kept[begin])];
    while (end < kept.size() && column.values[static_cast<size_t>(kept[end])] == value) ++end;
    const double rank = static_cast<double>(begin + 1 + end) / 2.0;
    for (size_t k = begin; k < end; ++k) out[static_cast<size_t>(kept[k])] = rank;
    begin = end;
  }
}

// Mean 0 and length 1 over the rows of `in`; false without spread.
bool standardise(std::vector<double>& values, const std::vector<uint8_t>& in) {
  double sum = 0.0;
  double largest = 0.0;
  int64_t n = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (in[i] == 0) continue;
    sum += values[i];
    largest = std::max(largest, std::abs(values[i]));
    ++n;
  }
  if (n < 3) return false;
  const double mean = sum / static_cast<double>(n);
  double squares = 0.0;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = in[i] != 0 ? values[i] - mean : 0.0;
    squares += values[i] * values[i];
  }
  if (squares <= largest * largest * static_cast<double>(n) * 1e-28) return false;
  const double scale = 1.0 / std::sqrt(squares);
  for (double& value : values) value *= scale;
  return true;
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
  // Four sums in a fixed order: the same on every machine, and four additions in flight.
  double s0 = 0.0;
  double s1 = 0.0;
  double s2 = 0.0;
  double s3 = 0.0;
  size_t i = 0;
  for (; i + 4 <= a.size(); i += 4) {
    s0 += a[i] * b[i];
    s1 += a[i + 1] * b[i + 1];
    s2 += a[i + 2] * b[i + 2];
    s3 += a[i + 3] * b[i + 3];
  }
  for (; i < a.size(); ++i) s0 += a[i] * b[i];
  return std::clamp((s0 + s1) + (s2 + s3), -1.0, 1.0);
}

void fill_values(const Column& column, bool ranks, const std::vector<uint8_t>* in, std::vector<double>& out,
                 std::vector<int32_t>& scratch) {
  if (ranks) {
    rank_rows(column, in, out, scratch);
  } else {
    for (size_t i = 0; i < out.size(); ++i) out[i] = column.values[i];
  }
}

}  // namespace

std::vector<double> correlation_matrix(MatrixView<const float> X, bool ranks, int threads,
                                       const StopToken& stop) {
  const auto n = static_cast<size_t>(X.rows);
  const int64_t d = X.cols;
  std::vector<Column> columns(static_cast<size_t>(d));
  parallel_for(d, threads, [&](int64_t j) {
    if (stop.stop_requested()) return;
    Column& column = columns[static_cast<size_t>(j)];
    column.values.resize(n);
    column.present.resize(n);
    for (size_t i = 0; i < n; ++i) {
      const float x = X(static_cast<int64_t>(i), j);
      column.values[i] = x;
      column.present[i] = std::isfinite(x) ? 1 : 0;
      if (column.present[i] == 0) continue;
      ++column.count;
      if (ranks) column.order.push_back(static_cast<int32_t>(i));
    }
    std::stable_sort(column.order.begin(), column.order.end(), [&](int32_t a, int32_t b) {
      return column.values[static_cast<size_t>(a)] < column.values[static_cast<size_t>(b)];
    });
    column.standard.assign(n, 0.0);
    std::vector<int32_t> scratch;
    fill_values(column, ranks, nullptr, column.standard, scratch);
    column.varies = standardise(column.standard, column.present);
  });
  std::vector<double> matrix(static_cast<size_t>(d * d), kNone);
  parallel_for(d, threads, [&](int64_t a) {
    const Column& first = columns[static_cast<size_t>(a)];
    std::vector<uint8_t> both;
    std::vector<double> left;
    std::vector<double> right;
    std::vector<int32_t> scratch;
    for (int64_t b = a; b < d; ++b) {
      if (stop.stop_requested()) return;
      const Column& second = columns[static_cast<size_t>(b)];
      double r = kNone;
      if (first.count == second.count && first.present == second.present) {
        if (first.varies && second.varies) r = a == b ? 1.0 : product(first.standard, second.standard);
      } else {
        both.resize(n);
        for (size_t i = 0; i < n; ++i) both[i] = first.present[i] & second.present[i];
        left.assign(n, 0.0);
        right.assign(n, 0.0);
        fill_values(first, ranks, &both, left, scratch);
        fill_values(second, ranks, &both, right, scratch);
        if (standardise(left, both) && standardise(right, both)) r = product(left, right);
      }
      matrix[static_cast<size_t>(a * d + b)] = r;
      matrix[static_cast<size_t>(b * d + a)] = r;
    }
  });
  return matrix;
}

std::vector<int64_t> prune_correlated(MatrixView<const double> correlation, std::span<const double> scores,
                                      double limit, int64_t min_keep) {
  const int64_t d = correlation.rows;
  if (correlation.cols != d || static_cast<int64_t>(scores.size()) != d) {
    raise("InputError", "correlation must be square with one score for each column, but is ", d, " x ",
          correlation.cols, " with ", scores.size(), " scores.");
  }
  std::vector<int64_t> order(static_cast<size_t>(d));
  std::iota(order.begin(), order.end(), 0);
  const auto strength = [&](int64_t j) {
    const double score = scores[static_cast<size_t>(j)];
    return std::isnan(score) ? -std::numeric_limits<double>::infinity() : score;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return strength(a) > strength(b); });
  std::vector<int64_t> because(static_cast<size_t>(d), -1);
  std::vector<int64_t> kept;
  for (const int64_t j : order) {
    double largest = limit;
    for (const int64_t other : kept) {
      const double r = std::abs(correlation(j, other));
      if (r > largest) {  // false for NaN
        largest = r;
        because[static_cast<size_t>(j)] = other;
      }
    }
    if (because[static_cast<size_t>(j)] < 0) kept.push_back(j);
  }
  auto left = static_cast<int64_t>(kept.size());
  for (const int64_t j : order) {
    if (left >= min_keep) break;
    if (because[static_cast<size_t>(j)] < 0) continue;
    because[static_cast<size_t>(j)] = -1;
    ++left;
  }
  return because;
}

}  // namespace smctrain::selection
