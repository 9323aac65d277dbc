#include "smctrain/labels/targets.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/labels/status.h"

namespace smctrain::labels {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void check(const BarsView& bars, const TargetRows& rows) {
  const auto n = static_cast<size_t>(bars.size());
  if (rows.end.size() != n || rows.status.size() != n) {
    raise("InputError", "end and status must have one value a bar (", n, "), but have ", rows.end.size(),
          " and ", rows.status.size(), ".");
  }
  int64_t before = 0;
  for (size_t t = 0; t < n; ++t) {
    if (rows.status[t] != static_cast<uint8_t>(Status::kOk)) continue;
    if (rows.end[t] <= static_cast<int64_t>(t) || rows.end[t] >= bars.size() || rows.end[t] < before) {
      raise("InputError", "end must lie after its row, inside the bars, and never decrease, but entry ", t,
            " is ", rows.end[t], ".");
    }
    before = rows.end[t];
  }
  for (size_t k = 0; k < rows.rows.size(); ++k) {
    if (rows.rows[k] < 0 || rows.rows[k] >= bars.size()) {
      raise("InputError", "rows must lie in 0..", bars.size() - 1, ", but entry ", k, " is ", rows.rows[k],
            ".");
    }
  }
}

double base_price(const BarsView& bars, int64_t t, bool next_open) {
  const auto i = static_cast<size_t>(t);
  return next_open ? bars.open[i + 1] : bars.close[i];
}

bool is_price(double price) { return std::isfinite(price) && price > 0.0; }

// Row of the benchmark with the same opening time, -1 where there is none.
std::vector<int64_t> same_stamps(const BarsView& bars, const BarsView& benchmark) {
  std::vector<int64_t> row(bars.ts_open.size(), -1);
  size_t j = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    while (j < benchmark.ts_open.size() && benchmark.ts_open[j] < bars.ts_open[i]) ++j;
    if (j < benchmark.ts_open.size() && benchmark.ts_open[j] == bars.ts_open[i])
      row[i] = static_cast<int64_t>(j);
  }
  return row;
}

double benchmark_return(const BarsView& benchmark, const std::vector<int64_t>& row, int64_t t, int64_t end,
                        bool next_open) {
  const int64_t first = row[static_cast<size_t>(next_open ? t + 1 : t)];
  const int64_t last = row[static_cast<size_t>(end)];
  if (first < 0 || last < 0) return kNaN;
  const auto a = static_cast<size_t>(first);
  const auto b = static_cast<size_t>(last);
  if (benchmark.segment[a] != benchmark.segment[b]) return kNaN;
  const double base = next_open ? benchmark.open[a] : benchmark.close[a];
  return is_price(base) ? benchmark.close[b] / base - 1.0 : kNaN;
}

// Highest (lowest) value of every row's window, oldest-first monotonic queue; NaN without a window, or where
// the window holds a value that is not a number.
template <class Better>
std::vector<double> window_extreme(std::span<const double> values, const TargetRows& rows, Better better) {
  const size_t n = values.size();
  std::vector<double> out(n, kNaN);
  std::vector<size_t> queue(n);
  size_t head = 0;
  size_t tail = 0;
  size_t next = 0;
  size_t last_bad = 0;  // 1 + index of the latest value that is not a number
  for (size_t t = 0; t < n; ++t) {
    if (rows.status[t] != static_cast<uint8_t>(Status::kOk)) continue;
    const auto end = static_cast<size_t>(rows.end[t]);
    for (next = std::max(next, t + 1); next <= end; ++next) {
      if (!std::isfinite(values[next])) {
        last_bad = next + 1;
        continue;
      }
      while (tail > head && !better(values[queue[tail - 1]], values[next])) --tail;
      queue[tail++] = next;
    }
    while (head < tail && queue[head] <= t) ++head;
    if (last_bad <= t + 1) out[t] = values[queue[head]];
  }
  return out;
}

struct Path {
  std::vector<double> high, low, volatility;
};

// Bars of the window in order, with prices negated for the mirror image: (M_j, L_j) per bar.
template <class See>
void walk(const BarsView& bars, int64_t t, int64_t end, double base, bool mirrored, See&& see) {
  double best = mirrored ? -base : base;
  for (int64_t j = t + 1; j <= end; ++j) {
    const auto i = static_cast<size_t>(j);
    const double low = mirrored ? -bars.high[i] : bars.low[i];
    if (see(best, low)) return;
    best = std::max(best, mirrored ? -bars.low[i] : bars.high[i]);
  }
}

double drawdown(const BarsView& bars, int64_t t, int64_t end, double base) {
  double deepest = 0.0;
  bool first = true;
  walk(bars, t, end, base, false, [&](double best, double low) {
    const double fall = (best - low) / best;
    deepest = first ? fall : std::max(deepest, fall);
    first = false;
    return false;
  });
  return deepest;
}

double swing(const BarsView& bars, int64_t t, int64_t end, double base, double size, bool mirrored) {
  const double start = mirrored ? -base : base;
  double found = 0.0;
  walk(bars, t, end, base, mirrored, [&](double best, double low) {
    if (best > start && (best - low) / std::abs(best) >= size) found = 1.0;
    return found > 0.0;
  });
  return found;
}

struct Value {
  double y = kNaN;
  int64_t t1 = -1;
};

Value first_touch(const BarsView& bars, int64_t t, int64_t end, double upper, double lower) {
  for (int64_t j = t + 1; j <= end; ++j) {
    const bool up = bars.high[static_cast<size_t>(j)] >= upper;
    const bool down = bars.low[static_cast<size_t>(j)] <= lower;
    if (up || down) return {up == down ? 0.0 : (up ? 1.0 : -1.0), j};
  }
  return {0.0, end};
}

bool scaled_by_volatility(PathTarget kind) {
  return kind == PathTarget::kPeak || kind == PathTarget::kValley || kind == PathTarget::kFirstTouch;
}

Value measure(const BarsView& bars, const Path& path, PathTarget kind, double size, int64_t t, int64_t end,
              double base) {
  const auto i = static_cast<size_t>(t);
  const double high = path.high[i];
  const double low = path.low[i];
  const double reach = scaled_by_volatility(kind) ? size * path.volatility[i] : size;
  const auto one_if = [](bool answer) { return answer ? 1.0 : 0.0; };
  switch (kind) {
    case PathTarget::kPeak:
      return {one_if(high >= base * (1.0 + reach)), end};
    case PathTarget::kValley:
      return {one_if(low <= base * (1.0 - reach)), end};
    case PathTarget::kFirstTouch:
      return first_touch(bars, t, end, base * (1.0 + reach), base * (1.0 - reach));
    case PathTarget::kMfe:
      return {high / base - 1.0, end};
    case PathTarget::kMae:
      return {1.0 - low / base, end};
    case PathTarget::kMdd:
      return {drawdown(bars, t, end, base), end};
    case PathTarget::kMfeReached:
      return {one_if(high / base - 1.0 >= size), end};
    case PathTarget::kMddReached:
      return {one_if(drawdown(bars, t, end, base) >= size), end};
    case PathTarget::kSwingHigh:
      return {swing(bars, t, end, base, size, false), end};
    case PathTarget::kSwingLow:
      return {swing(bars, t, end, base, size, true), end};
  }
  return {};
}

}  // namespace

TargetColumns::TargetColumns(size_t rows)
    : y(rows, kNaN),
      base(rows, kNaN),
      exit(rows, kNaN),
      t1(rows, -1),
      status(rows, static_cast<uint8_t>(Status::kOk)) {}

std::vector<double> return_volatility(const BarsView& bars) {
  const auto n = static_cast<size_t>(bars.size());
  constexpr auto kCount = static_cast<size_t>(kVolatilityReturns);
  std::vector<double> out(n, kNaN);
  std::vector<double> step(n, kNaN);
  for (size_t t = 1; t < n; ++t) {
    const bool border = !bars.segment.empty() && bars.segment[t] != bars.segment[t - 1];
    if (!border) step[t] = bars.close[t] / bars.close[t - 1] - 1.0;
  }
  for (size_t t = kCount; t < n; ++t) {
    double mean = 0.0;
    for (size_t j = t + 1 - kCount; j <= t; ++j) mean += step[j];
    mean /= static_cast<double>(kCount);
    double square = 0.0;
    for (size_t j = t + 1 - kCount; j <= t; ++j) square += (step[j] - mean) * (step[j] - mean);
    out[t] = std::sqrt(square / static_cast<double>(kCount - 1));
  }
  return out;
}

TargetColumns forward_return(const BarsView& bars, const TargetRows& rows, const BarsView* benchmark) {
  check(bars, rows);
  TargetColumns out(rows.rows.size());
  std::vector<int64_t> same;
  if (benchmark != nullptr) same = same_stamps(bars, *benchmark);
  for (size_t k = 0; k < rows.rows.size(); ++k) {
    const int64_t t = rows.rows[k];
    out.status[k] = rows.status[static_cast<size_t>(t)];
    if (out.status[k] != static_cast<uint8_t>(Status::kOk)) continue;
    const int64_t end = rows.end[static_cast<size_t>(t)];
    const double base = base_price(bars, t, rows.next_open);
    const double exit = bars.close[static_cast<size_t>(end)];
    double y = is_price(base) ? exit / base - 1.0 : kNaN;
    if (benchmark != nullptr) y -= benchmark_return(*benchmark, same, t, end, rows.next_open);
    if (!std::isfinite(y)) {
      out.status[k] = static_cast<uint8_t>(Status::kMissing);
      continue;
    }
    out.y[k] = y;
    out.base[k] = base;
    out.exit[k] = exit;
    out.t1[k] = end;
  }
  return out;
}

TargetColumns path_target(const BarsView& bars, const TargetRows& rows, PathTarget kind, double size,
                          const StopToken& stop) {
  check(bars, rows);
  if (!std::isfinite(size) || size < 0.0) {
    raise("InputError", "size must be a number of at least 0, but is ", size, ".");
  }
  TargetColumns out(rows.rows.size());
  Path path;
  path.high = window_extreme(bars.high, rows, [](double kept, double added) { return kept > added; });
  path.low = window_extreme(bars.low, rows, [](double kept, double added) { return kept < added; });
  if (scaled_by_volatility(kind)) path.volatility = return_volatility(bars);

  for (size_t k = 0; k < rows.rows.size(); ++k) {
    if (k % 1024 == 0 && stop.stop_requested()) break;
    const int64_t t = rows.rows[k];
    const auto i = static_cast<size_t>(t);
    out.status[k] = rows.status[i];
    if (out.status[k] != static_cast<uint8_t>(Status::kOk)) continue;
    const double base = base_price(bars, t, rows.next_open);
    const bool known = is_price(base) && std::isfinite(path.high[i]) && std::isfinite(path.low[i]) &&
                       (path.volatility.empty() || std::isfinite(path.volatility[i]));
    if (!known) {
      out.status[k] = static_cast<uint8_t>(Status::kMissing);
      continue;
    }
    if (!path.volatility.empty() && path.volatility[i] <= 0.0) {
      out.status[k] = static_cast<uint8_t>(Status::kBadRisk);
      continue;
    }
    const int64_t end = rows.end[i];
    const Value value = measure(bars, path, kind, size, t, end, base);
    out.y[k] = value.y;
    out.t1[k] = value.t1;
    out.base[k] = base;
    out.exit[k] = bars.close[static_cast<size_t>(value.t1)];
  }
  return out;
}

}  // namespace smctrain::labels
