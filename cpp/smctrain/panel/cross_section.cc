#include "smctrain/panel/cross_section.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "smctrain/base/error.h"

namespace smctrain::panel {

namespace {

using Member = std::pair<double, int64_t>;  // value, row

template <class T>
void check(MatrixView<const T> values, std::span<const int64_t> start, std::span<const int64_t> columns,
           std::span<const uint8_t> where, const CrossSection& options, MatrixView<T> out) {
  const int64_t results = static_cast<int64_t>(options.rank) + static_cast<int64_t>(options.z);
  if (options.min_count < 1) {
    raise("InputError", "min_count must be at least 1, but is ", options.min_count, ".");
  }
  if (start.empty() || start.front() != 0 || start.back() != values.rows ||
      !std::is_sorted(start.begin(), start.end())) {
    raise("InputError", "start must begin with 0, ascend, and end with the number of rows, ", values.rows,
          ".");
  }
  if (!where.empty() && static_cast<int64_t>(where.size()) != values.rows) {
    raise("InputError", "where must have one value a row (", values.rows, "), but has ", where.size(), ".");
  }
  for (const int64_t column : columns) {
    if (column < 0 || column >= values.cols) {
      raise("InputError", "columns must lie in 0..", values.cols - 1, ", but hold ", column, ".");
    }
  }
  if (out.rows != values.rows || out.cols != results * static_cast<int64_t>(columns.size())) {
    raise("InputError", "out must have ", values.rows, " rows and ",
          results * static_cast<int64_t>(columns.size()), " columns, but has ", out.rows, " and ", out.cols,
          ".");
  }
}

template <class T>
void write_ranks(const std::vector<Member>& members, MatrixView<T> out, int64_t column) {
  const size_t n = members.size();
  for (size_t first = 0; first < n;) {
    size_t last = first;
    while (last + 1 < n && members[last + 1].first == members[first].first) ++last;
    const double rank = n == 1 ? 0.5 : 0.5 * static_cast<double>(first + last) / static_cast<double>(n - 1);
    for (size_t i = first; i <= last; ++i) out(members[i].second, column) = static_cast<T>(rank);
    first = last + 1;
  }
}

// Values are taken less the smallest one, so that those which differ in their last digits keep their
// z-scores.
template <class T>
void write_z(const std::vector<Member>& members, MatrixView<T> out, int64_t column) {
  const double low = members.front().first;
  if (members.size() < 2 || members.back().first == low) return;
  const auto n = static_cast<double>(members.size());
  double sum = 0.0;
  for (const auto& [value, row] : members) sum += value - low;
  const double mean = sum / n;
  double squares = 0.0;
  for (const auto& [value, row] : members) squares += (value - low - mean) * (value - low - mean);
  const double sd = std::sqrt(squares / (n - 1.0));
  if (!std::isfinite(sd) || sd == 0.0) return;  // beyond what doubles can square
  for (const auto& [value, row] : members) out(row, column) = static_cast<T>((value - low - mean) / sd);
}

}  // namespace

template <class T>
void cross_section(MatrixView<const T> values, std::span<const int64_t> start,
                   std::span<const int64_t> columns, std::span<const uint8_t> where,
                   const CrossSection& options, MatrixView<T> out, const StopToken& stop) {
  check(values, start, columns, where, options, out);
  constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();
  const int64_t results = static_cast<int64_t>(options.rank) + static_cast<int64_t>(options.z);
  std::vector<Member> members;
  int64_t since_poll = 0;
  for (size_t k = 0; k + 1 < start.size(); ++k) {
    since_poll += (start[k + 1] - start[k]) * static_cast<int64_t>(columns.size());
    if (since_poll > 65536) {
      since_poll = 0;
      if (stop.stop_requested()) return;
    }
    for (size_t c = 0; c < columns.size(); ++c) {
      const int64_t to = results * static_cast<int64_t>(c);
      members.clear();
      for (int64_t i = start[k]; i < start[k + 1]; ++i) {
        for (int64_t j = 0; j < results; ++j) out(i, to + j) = kNaN;
        if (!where.empty() && where[static_cast<size_t>(i)] == 0) continue;
        const auto value = static_cast<double>(values(i, columns[c]));
        if (std::isfinite(value)) members.emplace_back(value, i);
      }
      if (members.empty() || static_cast<int64_t>(members.size()) < options.min_count) continue;
      std::sort(members.begin(), members.end());
      if (options.rank) write_ranks(members, out, to);
      if (options.z) write_z(members, out, to + results - 1);
    }
  }
}

template void cross_section<float>(MatrixView<const float>, std::span<const int64_t>,
                                   std::span<const int64_t>, std::span<const uint8_t>, const CrossSection&,
                                   MatrixView<float>, const StopToken&);
template void cross_section<double>(MatrixView<const double>, std::span<const int64_t>,
                                    std::span<const int64_t>, std::span<const uint8_t>, const CrossSection&,
                                    MatrixView<double>, const StopToken&);

}  // namespace smctrain::panel
