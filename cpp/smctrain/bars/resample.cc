#include "smctrain/bars/resample.h"

#include <algorithm>

#include "smctrain/bars/breaks.h"

namespace smctrain {

ResampledBars resample(const BarsView& bars, int64_t timeframe_ns, const TradingDays& days) {
  Buckets buckets(days, timeframe_ns);
  const auto n = bars.close.size();
  ResampledBars out;
  std::vector<int32_t> source;  // source segment a bucket ends in
  for (size_t t = 0; t < n; ++t) {
    const TimeSpan span = buckets.span_of(bars.ts_open[t]);
    const bool fresh = out.ts_open.empty() || span.start != out.ts_open.back();
    if (fresh) {
      out.ts_open.push_back(span.start);
      out.ts_close.push_back(span.end);
      out.first.push_back(static_cast<int64_t>(t));
      source.push_back(bars.segment[t]);
      for (auto* column : {&out.open, &out.high, &out.low, &out.close}) column->push_back(0.0);
      if (!bars.volume.empty()) out.volume.push_back(0.0);
      if (!bars.spread.empty()) out.spread.push_back(0.0);
    }
    if (fresh || source.back() != bars.segment[t]) {
      source.back() = bars.segment[t];
      out.open.back() = bars.open[t];
      out.high.back() = bars.high[t];
      out.low.back() = bars.low[t];
      if (!bars.volume.empty()) out.volume.back() = bars.volume[t];
    } else {
      out.high.back() = std::max(out.high.back(), bars.high[t]);
      out.low.back() = std::min(out.low.back(), bars.low[t]);
      if (!bars.volume.empty()) out.volume.back() += bars.volume[t];
    }
    out.close.back() = bars.close[t];
    if (!bars.spread.empty()) out.spread.back() = bars.spread[t];
  }
  if (n > 0 && bars.ts_close[n - 1] < out.ts_close.back()) {
    out.ts_open.pop_back();
    out.ts_close.pop_back();
    out.first.pop_back();
    for (auto* column : {&out.open, &out.high, &out.low, &out.close}) column->pop_back();
    if (!out.volume.empty()) out.volume.pop_back();
    if (!out.spread.empty()) out.spread.pop_back();
  }
  const int64_t gap = segment_gap_ns(timeframe_ns);
  out.segment.resize(out.ts_open.size());
  for (size_t i = 1; i < out.segment.size(); ++i) {
    const bool border = source[i] != source[i - 1] || out.ts_open[i] - out.ts_close[i - 1] > gap;
    out.segment[i] = out.segment[i - 1] + (border ? 1 : 0);
  }
  return out;
}

}  // namespace smctrain
