// Bars as the core sees them.
//
//   Bar        one finished bar. ts_open and ts_close are UTC nanoseconds; spread is in points, NaN where
//   unknown. BarsView   n bars of one symbol and timeframe, oldest first, as columns somebody else owns.
//   volume and spread
//              may be empty (the source has none). A decision on row t is taken at ts_close[t] and may use
//              rows 0..t.
//   segment    id of the unbroken stretch a bar belongs to; non-decreasing. Kernels restart where it changes.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace smctrain {

struct Bar {
  int64_t ts_open = 0;
  int64_t ts_close = 0;
  double open = 0.0;
  double high = 0.0;
  double low = 0.0;
  double close = 0.0;
  double volume = std::numeric_limits<double>::quiet_NaN();
  double spread = std::numeric_limits<double>::quiet_NaN();
};

struct BarsView {
  std::span<const int64_t> ts_open;
  std::span<const int64_t> ts_close;
  std::span<const double> open;
  std::span<const double> high;
  std::span<const double> low;
  std::span<const double> close;
  std::span<const double> volume;
  std::span<const double> spread;
  std::span<const int32_t> segment;

  int64_t size() const { return static_cast<int64_t>(close.size()); }
  Bar operator[](int64_t t) const {
    const auto i = static_cast<size_t>(t);
    Bar bar{ts_open[i], ts_close[i], open[i], high[i], low[i], close[i]};
    if (!volume.empty()) bar.volume = volume[i];
    if (!spread.empty()) bar.spread = spread[i];
    return bar;
  }
};

}  // namespace smctrain
