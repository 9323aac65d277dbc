#include "smctrain/bars/check.h"

#include <algorithm>
#include <numeric>

#include "smctrain/bars/local_time.h"
#include "smctrain/bars/timestamp.h"

namespace smctrain {
namespace {

// Collects one kind while the rows go by.
class Counter {
 public:
  explicit Counter(const char* kind) { finding_.kind = kind; }
  void add(int64_t row, double measure = 0.0) {
    if (finding_.count++ == 0) finding_.first = row;
    finding_.measure += measure;
  }
  void put(std::vector<Finding>* findings) const {
    if (finding_.count > 0) findings->push_back(finding_);
  }

 private:
  Finding finding_;
};

Finding flat_runs(const BarsView& bars) {
  Finding finding{"flat_run"};
  const size_t n = bars.close.size();
  for (size_t t = 0; t < n;) {
    size_t end = t;
    while (end < n && bars.open[end] == bars.close[end] && bars.high[end] == bars.low[end] &&
           bars.high[end] == bars.close[end]) {
      ++end;
    }
    const auto length = static_cast<int64_t>(end - t);
    if (length >= kFlatRun) {
      if (finding.count++ == 0) finding.first = static_cast<int64_t>(t);
      finding.measure = std::max(finding.measure, static_cast<double>(length));
    }
    t = std::max(end, t + 1);
  }
  return finding;
}

}  // namespace

bool holds_saturday(int64_t from_ns, int64_t to_ns) {
  // 1970-01-03 was a Saturday: the first Saturday 00:00 at or after `from`.
  const int64_t weeks = -floor_div(-(from_ns - 2 * kDayNs), 7 * kDayNs);
  const int64_t saturday = 2 * kDayNs + weeks * 7 * kDayNs;
  return saturday + kDayNs <= to_ns;
}

CheckResult check_bars(const BarsView& bars, int64_t timeframe_ns) {
  CheckResult result;
  Counter gap("gap");
  Counter ohlc("ohlc");
  Counter non_positive("non_positive");
  Counter negative("negative_volume");
  const auto n = bars.close.size();
  for (size_t t = 0; t < n; ++t) {
    const auto row = static_cast<int64_t>(t);
    const double open = bars.open[t];
    const double high = bars.high[t];
    const double low = bars.low[t];
    const double close = bars.close[t];
    const bool inside = high >= low && open >= low && open <= high && close >= low && close <= high;
    const bool positive = open > 0.0 && high > 0.0 && low > 0.0 && close > 0.0;
    const bool below_zero =
        (!bars.volume.empty() && bars.volume[t] < 0.0) || (!bars.spread.empty() && bars.spread[t] < 0.0);
    if (!inside) ohlc.add(row);
    if (!positive) non_positive.add(row);
    if (below_zero) negative.add(row);
    if (!inside || !positive || below_zero) ++result.n_faulty;
    if (t == 0) continue;
    const int64_t from = bars.ts_open[t - 1] + timeframe_ns;
    const int64_t pause = bars.ts_open[t] - from;
    if (pause <= 0) continue;
    if (pause <= kWeekendDays * kDayNs && holds_saturday(from, bars.ts_open[t])) continue;
    gap.add(row, static_cast<double>((pause + timeframe_ns - 1) / timeframe_ns));
  }
  gap.put(&result.findings);
  ohlc.put(&result.findings);
  non_positive.put(&result.findings);
  negative.put(&result.findings);

  const Finding flat = flat_runs(bars);
  if (flat.count > 0) result.findings.push_back(flat);

  if (n > 1 && !bars.volume.empty() &&
      std::all_of(bars.volume.begin(), bars.volume.end(), [&](double v) { return v == bars.volume[0]; })) {
    result.findings.push_back({"constant_volume", 0, static_cast<int64_t>(n), bars.volume[0]});
  } else {
    Counter zero("zero_volume");
    for (size_t t = 0; t < bars.volume.size(); ++t) {
      if (bars.volume[t] == 0.0) zero.add(static_cast<int64_t>(t));
    }
    zero.put(&result.findings);
  }
  return result;
}

OrderFaults check_order(std::span<const int64_t> time) {
  OrderFaults faults;
  for (size_t i = 1; i < time.size(); ++i) {
    if (time[i] < time[i - 1] && faults.n_backward++ == 0) faults.first_backward = static_cast<int64_t>(i);
  }
  // In sorted order equal stamps are neighbours; the later row of the file is the duplicate.
  std::vector<int64_t> order;
  if (faults.n_backward > 0) {
    order.resize(time.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return time[static_cast<size_t>(a)] < time[static_cast<size_t>(b)];
    });
  }
  const auto at = [&](size_t i) { return order.empty() ? static_cast<int64_t>(i) : order[i]; };
  for (size_t i = 1; i < time.size(); ++i) {
    const int64_t row = at(i);
    if (time[static_cast<size_t>(row)] != time[static_cast<size_t>(at(i - 1))]) continue;
    ++faults.n_duplicate;
    faults.first_duplicate = faults.first_duplicate < 0 ? row : std::min(faults.first_duplicate, row);
  }
  return faults;
}

}  // namespace smctrain
