// Labels room: triple barrier with Wilder's ATR as its default distance, targets, events, weights of
// overlapping labels.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <span>
#include <vector>

#include "bindings/bars_view.h"
#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/features/technical/recursive.h"
#include "smctrain/labels/cusum.h"
#include "smctrain/labels/horizon.h"
#include "smctrain/labels/sequential_bootstrap.h"
#include "smctrain/labels/targets.h"
#include "smctrain/labels/trend_scanning.h"
#include "smctrain/labels/triple_barrier.h"
#include "smctrain/labels/uniqueness.h"
#include "smctrain/labels/zones.h"

namespace smctrain::bindings {

namespace {

// What labels need of `Bars.native()`; times only where asked for. Valid while its arrays live.
BarsView price_view(const py::dict& native, bool times) {
  const auto column = [&](const char* name) { return py::cast<py::array>(native[name]); };
  BarsView bars;
  bars.close = vector_view<double>(column("close"), "close");
  const int64_t n = bars.size();
  bars.open = vector_view<double>(column("open"), "open", n);
  bars.high = vector_view<double>(column("high"), "high", n);
  bars.low = vector_view<double>(column("low"), "low", n);
  bars.spread = optional_vector_view<double>(native["spread"], "spread", n);
  bars.segment = vector_view<int32_t>(column("segment"), "segment", n);
  if (times) {
    bars.ts_open = vector_view<int64_t>(column("ts_open"), "ts_open", n);
    bars.ts_close = vector_view<int64_t>(column("ts_close"), "ts_close", n);
  }
  return bars;
}

// A new column of the result, filled by the caller.
template <class T>
std::span<T> add_column(py::dict& result, const char* name, size_t size) {
  py::array_t<T> column(static_cast<py::ssize_t>(size));
  const std::span<T> view{column.mutable_data(), size};
  result[name] = std::move(column);
  return view;
}

// Short work is done at once; a thread costs more than a few thousand labels.
template <class Work>
auto run_short_or_native(double bars_to_visit, Work&& work) {
  if (bars_to_visit > 4e6) return run_native(py::none(), 0.0, work);
  const py::gil_scoped_release release;
  return work(StopToken());
}

py::dict triple_barrier(const py::dict& native, const py::array& rows, const py::array& side, int64_t horizon,
                        double target, double stop, const py::object& scale, bool relative, double rr,
                        int entry, int64_t wait, const py::object& limit, const py::object& stop_price,
                        double min_risk, double max_risk, int tie, const py::object& lower, int timeout,
                        double timeout_band, bool gap_target_at_open, bool bid_ask, double point,
                        double fixed_cost, const py::object& session, const py::object& quarantine,
                        bool all) {
  const auto row_view = vector_view<int64_t>(rows, "rows");
  const auto side_view = vector_view<int8_t>(side, "side");
  const auto m = static_cast<int64_t>(row_view.size());
  const bool replays = static_cast<labels::Tie>(tie) == labels::Tie::kLower;
  const BarsView bars = price_view(native, replays);
  BarsView finer;
  if (replays && !lower.is_none()) finer = price_view(py::cast<py::dict>(lower), true);
  const int64_t n = bars.size();
  labels::BarrierOptions options;
  options.horizon = horizon;
  options.target = target;
  options.stop = stop;
  options.scale = optional_vector_view<double>(scale, "scale", n);
  options.relative = relative;
  options.rr = rr;
  options.entry = static_cast<labels::Entry>(entry);
  options.wait = wait;
  options.limit = optional_vector_view<double>(limit, "limit", m);
  options.stop_price = optional_vector_view<double>(stop_price, "stop_price", m);
  options.min_risk = min_risk;
  options.max_risk = max_risk;
  options.tie = static_cast<labels::Tie>(tie);
  options.lower = replays && !lower.is_none() ? &finer : nullptr;
  options.timeout = static_cast<labels::Timeout>(timeout);
  options.timeout_band = timeout_band;
  options.gap_target_at_open = gap_target_at_open;
  options.bid_ask = bid_ask;
  options.point = point;
  options.fixed_cost = fixed_cost;
  options.session = optional_vector_view<int32_t>(session, "session", n);
  options.quarantine = optional_vector_view<uint8_t>(quarantine, "quarantine", n);

  const size_t size = row_view.size();
  py::dict result;
  labels::LabelColumns out;
  out.y = add_column<double>(result, "y", size);
  out.t1 = add_column<int64_t>(result, "t1", size);
  out.exit = add_column<double>(result, "exit", size);
  out.r_gross = add_column<double>(result, "r_gross", size);
  out.status = add_column<uint8_t>(result, "status_code", size);
  out.rule = add_column<uint8_t>(result, "rule_code", size);
  if (all || fixed_cost != 0.0 || point != 0.0) out.r = add_column<double>(result, "r", size);
  if (all) {
    out.fill = add_column<double>(result, "fill", size);
    out.stop = add_column<double>(result, "stop", size);
    out.target = add_column<double>(result, "target", size);
    out.risk = add_column<double>(result, "risk", size);
    out.risk_scale = add_column<double>(result, "risk_atr", size);
    out.mfe_r = add_column<double>(result, "mfe_r", size);
    out.mae_r = add_column<double>(result, "mae_r", size);
    out.entry_bar = add_column<int64_t>(result, "e", size);
    out.bars_held = add_column<int64_t>(result, "bars_held", size);
  }
  const double reach = static_cast<double>(horizon) + (limit.is_none() ? 0.0 : static_cast<double>(wait));
  const double visits = static_cast<double>(m) * std::min(reach, static_cast<double>(n));
  const labels::LabelCounts counts = run_short_or_native(visits, [&](const StopToken& token) {
    return labels::triple_barrier(bars, row_view, side_view, options, out, token);
  });
  result["unknown_spreads"] = counts.unknown_spreads;
  result["replayed"] = counts.replayed;
  result["fell_back"] = counts.fell_back;
  return result;
}

py::array_t<int64_t> nearest_zones(const py::dict& native, const py::array& rows, const py::array& side,
                                   const py::array& zone_side, const py::array& origin,
                                   const py::array& known_at, const py::array& invalidated_at,
                                   const py::array& top, const py::array& bottom) {
  const BarsView bars = price_view(native, false);
  const auto row_view = vector_view<int64_t>(rows, "rows");
  const auto side_view = vector_view<int8_t>(side, "side");
  const labels::ZoneColumns zones{vector_view<int8_t>(zone_side, "side of the zones"),
                                  vector_view<int64_t>(origin, "origin"),
                                  vector_view<int64_t>(known_at, "known_at"),
                                  vector_view<int64_t>(invalidated_at, "invalidated_at"),
                                  vector_view<double>(top, "top"),
                                  vector_view<double>(bottom, "bottom")};
  std::vector<int64_t> out;
  {
    const py::gil_scoped_release release;
    out = labels::nearest_zones(bars, row_view, side_view, zones);
  }
  return to_array(std::move(out));
}

// Wilder's ATR per bar, restarted in every segment; NaN while it warms up.
py::array_t<double> wilder_atr(const py::dict& native, int period) {
  if (period < 1) raise("InputError", "period must be at least 1, but is ", period, ".");
  const BarsView bars = price_view(native, false);
  std::vector<double> out(static_cast<size_t>(bars.size()));
  {
    const py::gil_scoped_release release;
    features::WilderAtr atr(period);
    for (size_t t = 0; t < out.size(); ++t) {
      if (t > 0 && bars.segment[t] != bars.segment[t - 1]) atr.reset();
      Bar bar;
      // A bar that misses one price has none, as for the features: the scale of a label is their ATR.
      bar.high = std::isfinite(bars.open[t]) ? bars.high[t] : std::numeric_limits<double>::quiet_NaN();
      bar.low = bars.low[t];
      bar.close = bars.close[t];
      out[t] = atr.push(bar);
    }
  }
  return to_array(std::move(out));
}

// Standard deviation of the last 20 simple returns on every bar; NaN while it warms up.
py::array_t<double> return_volatility(const py::dict& native) {
  const BarsView bars = price_view(native, false);
  std::vector<double> out;
  {
    const py::gil_scoped_release release;
    out = labels::return_volatility(bars);
  }
  return to_array(std::move(out));
}

py::array_t<double> label_uniqueness(const py::array& t0, const py::array& t1) {
  const auto first = vector_view<int64_t>(t0, "t0");
  const auto last = vector_view<int64_t>(t1, "t1");
  std::vector<double> out;
  {
    const py::gil_scoped_release release;
    out = labels::uniqueness(first, last);
  }
  return to_array(std::move(out));
}

py::dict horizon_windows(const py::dict& native, int unit, int64_t count, int64_t timeframe_ns,
                         const py::object& session, const py::object& quarantine) {
  if (unit < 0 || unit > 2) raise("InputError", "unit must be 0, 1 or 2, but is ", unit, ".");
  const BarsView bars = bars_view(native);
  const auto sessions = optional_vector_view<int64_t>(session, "session", bars.size());
  const auto marked = optional_vector_view<uint8_t>(quarantine, "quarantine", bars.size());
  labels::Windows out;
  {
    const py::gil_scoped_release release;
    out = labels::horizon_windows(bars, {static_cast<labels::HorizonUnit>(unit), count}, timeframe_ns,
                                  sessions, marked);
  }
  py::dict result;
  result["end"] = to_array(std::move(out.end));
  result["status"] = to_array(std::move(out.status));
  return result;
}

py::dict target_columns(labels::TargetColumns&& out) {
  py::dict result;
  result["y"] = to_array(std::move(out.y));
  result["base"] = to_array(std::move(out.base));
  result["exit"] = to_array(std::move(out.exit));
  result["t1"] = to_array(std::move(out.t1));
  result["status_code"] = to_array(std::move(out.status));
  return result;
}

labels::TargetRows target_rows(const BarsView& bars, const py::array& rows, const py::array& end,
                               const py::array& status, bool next_open) {
  return {vector_view<int64_t>(rows, "rows"), vector_view<int64_t>(end, "end", bars.size()),
          vector_view<uint8_t>(status, "status", bars.size()), next_open};
}

py::dict forward_return(const py::dict& native, const py::array& rows, const py::array& end,
                        const py::array& status, bool next_open, const py::object& benchmark) {
  const BarsView bars = bars_view(native);
  const labels::TargetRows which = target_rows(bars, rows, end, status, next_open);
  BarsView other;
  const bool excess = !benchmark.is_none();
  if (excess) other = bars_view(py::cast<py::dict>(benchmark));
  return target_columns(run_native(py::none(), 0.0, [&](const StopToken&) {
    return labels::forward_return(bars, which, excess ? &other : nullptr);
  }));
}

py::dict path_target(const py::dict& native, const py::array& rows, const py::array& end,
                     const py::array& status, bool next_open, int kind, double size) {
  if (kind < 0 || kind > static_cast<int>(labels::PathTarget::kSwingLow)) {
    raise("InputError", "kind must be a path target, but is ", kind, ".");
  }
  const BarsView bars = bars_view(native);
  const labels::TargetRows which = target_rows(bars, rows, end, status, next_open);
  return target_columns(run_native(py::none(), 0.0, [&](const StopToken& token) {
    return labels::path_target(bars, which, static_cast<labels::PathTarget>(kind), size, token);
  }));
}

py::dict trend_scanning(const py::dict& native, const py::array& rows, int64_t max_length) {
  const BarsView bars = bars_view(native);
  const auto which = vector_view<int64_t>(rows, "rows");
  labels::TrendColumns out = run_native(py::none(), 0.0, [&](const StopToken& token) {
    return labels::trend_scanning(bars, which, max_length, token);
  });
  py::dict result;
  result["y"] = to_array(std::move(out.y));
  result["weight"] = to_array(std::move(out.weight));
  result["t1"] = to_array(std::move(out.t1));
  result["length"] = to_array(std::move(out.length));
  result["status_code"] = to_array(std::move(out.status));
  return result;
}

py::tuple cusum_events(const py::dict& native, const py::array& threshold) {
  const BarsView bars = bars_view(native);
  const auto levels = vector_view<double>(threshold, "threshold");
  labels::CusumEvents out;
  {
    const py::gil_scoped_release release;
    out = labels::cusum_events(bars, levels);
  }
  return py::make_tuple(to_array(std::move(out.rows)), to_array(std::move(out.side)));
}

py::array_t<double> return_weights(const py::dict& native, const py::array& t0, const py::array& t1) {
  const BarsView bars = bars_view(native);
  const auto first = vector_view<int64_t>(t0, "t0");
  const auto last = vector_view<int64_t>(t1, "t1");
  std::vector<double> out;
  {
    const py::gil_scoped_release release;
    out = labels::return_weights(bars, first, last);
  }
  return to_array(std::move(out));
}

py::array_t<int64_t> sequential_bootstrap(const py::array& t0, const py::array& t1, int64_t size,
                                          uint64_t seed) {
  const auto first = vector_view<int64_t>(t0, "t0");
  const auto last = vector_view<int64_t>(t1, "t1");
  return to_array(run_native(py::none(), 0.0, [&](const StopToken& token) {
    return labels::sequential_bootstrap(first, last, size, seed, token);
  }));
}

}  // namespace

void bind_labels(py::module_& m) {
  m.def("triple_barrier", &triple_barrier, py::arg("bars"), py::arg("rows"), py::arg("side"),
        py::arg("horizon"), py::arg("target"), py::arg("stop"), py::arg("scale"), py::arg("relative"),
        py::arg("rr"), py::arg("entry"), py::arg("wait"), py::arg("limit"), py::arg("stop_price"),
        py::arg("min_risk"), py::arg("max_risk"), py::arg("tie"), py::arg("lower"), py::arg("timeout"),
        py::arg("timeout_band"), py::arg("gap_target_at_open"), py::arg("bid_ask"), py::arg("point"),
        py::arg("fixed_cost"), py::arg("session"), py::arg("quarantine"), py::arg("all"));
  m.def("nearest_zones", &nearest_zones, py::arg("bars"), py::arg("rows"), py::arg("side"),
        py::arg("zone_side"), py::arg("origin"), py::arg("known_at"), py::arg("invalidated_at"),
        py::arg("top"), py::arg("bottom"));
  m.def("wilder_atr", &wilder_atr, py::arg("bars"), py::arg("period"));
  m.def("return_volatility", &return_volatility, py::arg("bars"));
  m.def("label_uniqueness", &label_uniqueness, py::arg("t0"), py::arg("t1"));
  m.def("horizon_windows", &horizon_windows, py::arg("bars"), py::arg("unit"), py::arg("count"),
        py::arg("timeframe_ns"), py::arg("session"), py::arg("quarantine"));
  m.def("forward_return", &forward_return, py::arg("bars"), py::arg("rows"), py::arg("end"),
        py::arg("status"), py::arg("next_open"), py::arg("benchmark"));
  m.def("path_target", &path_target, py::arg("bars"), py::arg("rows"), py::arg("end"), py::arg("status"),
        py::arg("next_open"), py::arg("kind"), py::arg("size"));
  m.def("trend_scanning", &trend_scanning, py::arg("bars"), py::arg("rows"), py::arg("max_length"));
  m.def("cusum_events", &cusum_events, py::arg("bars"), py::arg("threshold"));
  m.def("return_weights", &return_weights, py::arg("bars"), py::arg("t0"), py::arg("t1"));
  m.def("sequential_bootstrap", &sequential_bootstrap, py::arg("t0"), py::arg("t1"), py::arg("size"),
        py::arg("seed"));
}

}  // namespace smctrain::bindings
