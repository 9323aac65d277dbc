// Bars: parsing, price grid, checks, breaks, resampling.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bindings/bars_view.h"
#include "bindings/break_kinds.h"
#include "bindings/numpy.h"
#include "bindings/trading_days.h"
#include "smctrain/bars/breaks.h"
#include "smctrain/bars/check.h"
#include "smctrain/bars/csv.h"
#include "smctrain/bars/digits.h"
#include "smctrain/bars/resample.h"

namespace smctrain::bindings {
namespace {

// The memory of a bytes object, as it is.
std::string_view text_of(const py::bytes& data) {
  char* first = nullptr;
  py::ssize_t size = 0;
  if (PyBytes_AsStringAndSize(data.ptr(), &first, &size) != 0) throw py::error_already_set();
  return {first, static_cast<size_t>(size)};
}

// Text from a file: bytes that are not UTF-8 are replaced, never an error.
py::str readable(const std::string& text) {
  PyObject* decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

py::list readable_list(const std::vector<std::string>& texts) {
  py::list list;
  for (const std::string& text : texts) list.append(readable(text));
  return list;
}

py::list fault_list(const std::vector<CellFault>& faults) {
  py::list list;
  for (const CellFault& fault : faults) {
    list.append(
        py::make_tuple(fault.row, readable(fault.column), readable(fault.expected), readable(fault.text)));
  }
  return list;
}

template <class T>
py::object array_or_none(std::vector<T>&& values, bool present) {
  return present ? py::object(to_array(std::move(values))) : py::object(py::none());
}

py::dict parse_csv(const py::bytes& data, const std::string& name) {
  const std::string_view text = text_of(data);
  CsvBars bars;
  {
    const py::gil_scoped_release release;
    bars = parse_bar_csv(text, name);
  }
  const bool filled = !bars.time.empty();
  py::dict out;
  out["volume"] = array_or_none(std::move(bars.volume), filled && !bars.volume.empty());
  out["spread"] = array_or_none(std::move(bars.spread), filled && !bars.spread.empty());
  out["symbol"] = array_or_none(std::move(bars.symbol), !bars.symbol.empty());
  out["timeframe"] = array_or_none(std::move(bars.timeframe), !bars.timeframe.empty());
  out["symbols"] = readable_list(bars.symbols);
  out["timeframes"] = readable_list(bars.timeframes);
  out["time"] = to_array(std::move(bars.time));
  out["open"] = to_array(std::move(bars.open));
  out["high"] = to_array(std::move(bars.high));
  out["low"] = to_array(std::move(bars.low));
  out["close"] = to_array(std::move(bars.close));
  out["row"] = to_array(std::move(bars.row));
  out["n_naive"] = bars.n_naive;
  out["n_faults"] = bars.n_faults;
  out["faults"] = fault_list(bars.faults);
  return out;
}

py::dict parse_times(const py::bytes& data) {
  const std::string_view text = text_of(data);
  CsvBars bars;
  {
    const py::gil_scoped_release release;
    bars = parse_time_lines(text);
  }
  py::dict out;
  out["time"] = to_array(std::move(bars.time));
  out["n_naive"] = bars.n_naive;
  out["n_faults"] = bars.n_faults;
  out["faults"] = fault_list(bars.faults);
  return out;
}

int price_digits(const py::list& columns) {
  std::vector<std::span<const double>> views;
  for (const py::handle& column : columns) {
    views.push_back(vector_view<double>(py::cast<py::array>(column), "prices"));
  }
  const py::gil_scoped_release release;
  return find_digits(views);
}

py::tuple snap(const py::array& prices, int digits) {
  if (digits < 0 || digits > kMaxDigits) {
    raise("InputError", "digits must be an integer from 0 to ", kMaxDigits, ", but is ", digits, ".");
  }
  const auto view = vector_view<double>(prices, "prices");
  Snapped snapped;
  {
    const py::gil_scoped_release release;
    snapped = snap_prices(view, digits);
  }
  return py::make_tuple(to_array(std::move(snapped.prices)), snapped.n_off, snapped.first_off);
}

int64_t seconds_to_ns(int64_t seconds) {
  if (seconds < 1 || seconds > 366 * 86'400) {
    raise("InputError", "a timeframe must last from 1 second to 366 days, but lasts ", seconds, " seconds.");
  }
  return seconds * 1'000'000'000;
}

py::tuple check(const py::dict& arrays, int64_t timeframe_s) {
  const BarsView bars = bars_view(arrays);
  const int64_t timeframe_ns = seconds_to_ns(timeframe_s);
  CheckResult result;
  {
    const py::gil_scoped_release release;
    result = check_bars(bars, timeframe_ns);
  }
  py::list findings;
  for (const Finding& finding : result.findings) {
    findings.append(py::make_tuple(finding.kind, finding.first, finding.count, finding.measure));
  }
  return py::make_tuple(findings, result.n_faulty);
}

py::dict order(const py::array& time) {
  const auto view = vector_view<int64_t>(time, "time");
  OrderFaults faults;
  {
    const py::gil_scoped_release release;
    faults = check_order(view);
  }
  py::dict out;
  out["n_backward"] = faults.n_backward;
  out["first_backward"] = faults.first_backward;
  out["n_duplicate"] = faults.n_duplicate;
  out["first_duplicate"] = faults.first_duplicate;
  return out;
}

// Breaks as columns; `quarantine` is None where no bar is set aside. `active` names the kinds that count.
py::dict breaks(const py::dict& arrays, int64_t timeframe_s, const std::vector<std::string>& active) {
  const BarsView bars = bars_view(arrays);
  const int64_t timeframe_ns = seconds_to_ns(timeframe_s);
  const auto is_active = break_kinds(active);
  Breaks found;
  {
    const py::gil_scoped_release release;
    found = find_breaks(bars, timeframe_ns, is_active);
  }
  py::list records;
  for (const Break& one : found.breaks) {
    records.append(py::make_tuple(break_name(one.kind), one.origin, one.known_at, one.first, one.last,
                                  one.ratio, one.factor));
  }
  const bool any =
      std::any_of(found.quarantine.begin(), found.quarantine.end(), [](uint8_t v) { return v != 0; });
  py::dict out;
  out["breaks"] = records;
  out["segment"] = to_array(std::move(found.segment));
  out["quarantine"] = array_or_none(std::move(found.quarantine), any);
  return out;
}

py::dict resample_bars(const py::dict& arrays, int64_t timeframe_s, const py::object& days) {
  const BarsView bars = bars_view(arrays);
  const int64_t timeframe_ns = seconds_to_ns(timeframe_s);
  const TradingDays trading = trading_days(days);
  ResampledBars result;
  {
    const py::gil_scoped_release release;
    result = resample(bars, timeframe_ns, trading);
  }
  py::dict out;
  out["volume"] = array_or_none(std::move(result.volume), !bars.volume.empty());
  out["spread"] = array_or_none(std::move(result.spread), !bars.spread.empty());
  out["time"] = to_array(std::move(result.ts_open));
  out["ts_close"] = to_array(std::move(result.ts_close));
  out["open"] = to_array(std::move(result.open));
  out["high"] = to_array(std::move(result.high));
  out["low"] = to_array(std::move(result.low));
  out["close"] = to_array(std::move(result.close));
  out["segment"] = to_array(std::move(result.segment));
  out["first"] = to_array(std::move(result.first));
  return out;
}

// Number, start and end of the trading day of every instant.
py::tuple day_spans(const py::array& utc, const py::object& days) {
  const auto time = vector_view<int64_t>(utc, "utc");
  const TradingDays trading = trading_days(days);
  Buckets buckets(trading, kDayNs);
  std::vector<int32_t> number(time.size());
  std::vector<int64_t> start(time.size());
  std::vector<int64_t> end(time.size());
  {
    const py::gil_scoped_release release;
    for (size_t t = 0; t < time.size(); ++t) {
      const TimeSpan span = buckets.span_of(time[t]);
      const bool same = t > 0 && span.start == start[t - 1];
      number[t] = same ? number[t - 1] : static_cast<int32_t>(trading.number_of(span.start));
      start[t] = span.start;
      end[t] = span.end;
    }
  }
  return py::make_tuple(to_array(std::move(number)), to_array(std::move(start)), to_array(std::move(end)));
}

// First instants of trading days.
py::array_t<int64_t> day_starts(const py::array& numbers, const py::object& days) {
  const auto number = vector_view<int64_t>(numbers, "numbers");
  const TradingDays trading = trading_days(days);
  std::vector<int64_t> start;
  start.reserve(number.size());
  {
    const py::gil_scoped_release release;
    for (const int64_t one : number) start.push_back(trading.start_of(one));
  }
  return to_array(std::move(start));
}

}  // namespace

void bind_bars(py::module_& m) {
  using namespace py::literals;
  m.def("parse_bar_csv", &parse_csv, "data"_a, "name"_a);
  m.def("parse_times", &parse_times, "data"_a);
  m.def("price_digits", &price_digits, "columns"_a);
  m.def("snap_prices", &snap, "prices"_a, "digits"_a);
  m.def("check_bars", &check, "arrays"_a, "timeframe_s"_a);
  m.def("check_order", &order, "time"_a);
  m.def("find_breaks", &breaks, "arrays"_a, "timeframe_s"_a, "active"_a);
  m.def("resample_bars", &resample_bars, "arrays"_a, "timeframe_s"_a, "days"_a);
  m.def("day_spans", &day_spans, "utc"_a, "days"_a);
  m.def("day_starts", &day_starts, "numbers"_a, "days"_a);
}

}  // namespace smctrain::bindings
