#include "smctrain/augment/smote.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "smctrain/base/error.h"

namespace smctrain::augment {

namespace {

double distance(const MatrixView<const double>& x, std::span<const Column> columns, int64_t a, int64_t b) {
  double sum = 0.0;
  for (int64_t j = 0; j < x.cols; ++j) {
    const Column& column = columns[static_cast<size_t>(j)];
    if (column.discrete || !(column.sd > 0.0)) continue;
    const double difference = (x(a, j) - x(b, j)) / column.sd;
    if (std::isfinite(difference)) sum += difference * difference;
  }
  return sum;
}

std::vector<int64_t> nearest(const MatrixView<const double>& x, std::span<const Column> columns,
                             std::span<const int64_t> class_rows, size_t chosen, int64_t k) {
  std::vector<std::pair<double, int64_t>> others;
  others.reserve(class_rows.size());
  for (size_t i = 0; i < class_rows.size(); ++i) {
    if (i != chosen)
      others.emplace_back(distance(x, columns, class_rows[chosen], class_rows[i]), class_rows[i]);
  }
  std::partial_sort(others.begin(), others.begin() + k, others.end());
  std::vector<int64_t> rows(static_cast<size_t>(k));
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = others[i].second;
  return rows;
}

double most_frequent(const MatrixView<const double>& x, const std::vector<int64_t>& rows, int64_t base,
                     int64_t j) {
  double best = x(base, j);
  int64_t best_count = 0;
  for (const int64_t row : rows) best_count += x(row, j) == best ? 1 : 0;
  for (const int64_t row : rows) {
    int64_t count = 0;
    for (const int64_t other : rows) count += x(other, j) == x(row, j) ? 1 : 0;
    if (count > best_count) {
      best = x(row, j);
      best_count = count;
    }
  }
  return best;
}

}  // namespace

SmoteRows smote(const MatrixView<const double>& x, std::span<const Column> columns,
                std::span<const int64_t> class_rows, int64_t count, int64_t k, Philox& random) {
  SmoteRows out;
  if (count <= 0) return out;
  if (k < 1) raise("InputError", "k must be at least 1, but is ", k, ".");
  const auto members = static_cast<int64_t>(class_rows.size());
  if (members < 2) {
    out.skipped = format("it has ", members, " row", members == 1 ? "" : "s", ", but 2 are needed");
    return out;
  }
  if (std::all_of(columns.begin(), columns.end(), [](const Column& column) { return column.discrete; })) {
    out.skipped = "no column is continuous";
    return out;
  }
  const int64_t neighbours = std::min(k, members - 1);
  std::vector<std::vector<int64_t>> cache(class_rows.size());
  out.x.resize(static_cast<size_t>(count * x.cols));
  out.parents.resize(static_cast<size_t>(count) * 2);
  for (int64_t m = 0; m < count; ++m) {
    const auto chosen = static_cast<size_t>(random.below(members));
    const auto pick = static_cast<size_t>(random.below(neighbours));
    const double u = random.uniform();
    const int64_t base = class_rows[chosen];
    if (cache[chosen].empty()) cache[chosen] = nearest(x, columns, class_rows, chosen, neighbours);
    const int64_t other = cache[chosen][pick];
    for (int64_t j = 0; j < x.cols; ++j) {
      const Column& column = columns[static_cast<size_t>(j)];
      double value = x(base, j);
      if (column.discrete) {
        value = most_frequent(x, cache[chosen], base, j);
      } else if (std::isfinite(value) && std::isfinite(x(other, j))) {
        value = std::clamp(value + u * (x(other, j) - value), column.low, column.high);
      }
      out.x[static_cast<size_t>(m * x.cols + j)] = value;
    }
    out.parents[static_cast<size_t>(m) * 2] = base;
    out.parents[static_cast<size_t>(m) * 2 + 1] = other;
  }
  return out;
}

}  // namespace smctrain::augment
