// Sessions, previous periods and retracements as events; the compiled zones, for tests.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings/bars_view.h"
#include "bindings/feature_settings.h"
#include "bindings/numpy.h"
#include "bindings/trading_days.h"
#include "smctrain/base/error.h"
#include "smctrain/features/smc/retracements.h"
#include "smctrain/features/span_events.h"

namespace smctrain::bindings {
namespace {

using features::SpanEvent;

template <class T, class Events, class Read>
py::array_t<T> column(const Events& events, Read read) {
  std::vector<T> values;
  values.reserve(events.size());
  for (const auto& event : events) values.push_back(static_cast<T>(read(event)));
  return to_array(std::move(values));
}

py::dict span_columns(const std::vector<SpanEvent>& events) {
  py::dict table;
  const auto put_row = [&](const char* name, auto read) { table[name] = column<int64_t>(events, read); };
  const auto put_price = [&](const char* name, double features::PriceSpan::* field) {
    table[name] = column<double>(events, [field](const SpanEvent& event) { return event.span.*field; });
  };
  put_row("which", [](const SpanEvent& event) { return event.which; });
  put_row("origin", [](const SpanEvent& event) { return event.span.first; });
  put_row("last", [](const SpanEvent& event) { return event.span.last; });
  put_row("known_at", [](const SpanEvent& event) { return event.known_at; });
  put_row("invalidated_at", [](const SpanEvent& event) { return event.invalidated_at; });
  put_row("broke_high_at", [](const SpanEvent& event) { return event.broke_high_at; });
  put_row("broke_low_at", [](const SpanEvent& event) { return event.broke_low_at; });
  put_price("open", &features::PriceSpan::open);
  put_price("top", &features::PriceSpan::high);
  put_price("bottom", &features::PriceSpan::low);
  put_price("close", &features::PriceSpan::close);
  return table;
}

// Standard sessions by name, then the custom ones of the settings.
py::dict session_events(const py::dict& native, const std::vector<std::string>& standard,
                        const py::dict& given) {
  const BarsView bars = bars_view(native);
  const features::Settings settings = settings_from(given, features::Naming::kArguments);
  std::vector<features::SessionSpec> specs;
  for (const auto& name : standard) {
    const features::SessionSpec* known = settings.session(name);
    if (known == nullptr) raise("InputError", "there is no session ", name, ".");
    specs.push_back(*known);
  }
  for (const auto& custom : settings.custom_sessions) specs.push_back(*settings.session(custom[0]));
  std::vector<SpanEvent> events;
  {
    const py::gil_scoped_release release;
    events = features::collect_sessions(bars, specs);
  }
  return span_columns(events);
}

py::dict period_events(const py::dict& native, const std::string& name, const py::dict& given,
                       const py::object& days) {
  const BarsView bars = bars_view(native);
  features::Settings settings = settings_from(given, features::Naming::kArguments);
  settings.follow_market(trading_days(days));
  for (const auto period : features::kPeriods) {
    if (name != features::period_name(period)) continue;
    std::vector<SpanEvent> events;
    {
      const py::gil_scoped_release release;
      events = features::collect_periods(bars, period, settings.roll);
    }
    return span_columns(events);
  }
  raise("InputError", "there is no period ", name, ".");
}

py::dict retracement_events(const py::dict& native, int left, int right, const std::vector<double>& levels) {
  using features::smc::Retracement;
  const BarsView bars = bars_view(native);
  features::smc::Retracements found;
  {
    const py::gil_scoped_release release;
    found = features::smc::collect_retracements(bars, left, right, levels);
  }
  const std::vector<Retracement>& legs = found.legs;
  py::dict table;
  const auto put_row = [&](const char* name, int64_t Retracement::* field) {
    table[name] = column<int64_t>(legs, [field](const Retracement& leg) { return leg.*field; });
  };
  table["side"] = column<int8_t>(legs, [](const Retracement& leg) { return leg.side; });
  put_row("origin", &Retracement::origin);
  put_row("known_at", &Retracement::known_at);
  put_row("invalidated_at", &Retracement::invalidated_at);
  put_row("start_row", &Retracement::start_row);
  table["start_price"] = column<double>(legs, [](const Retracement& leg) { return leg.start_price; });
  table["end_price"] = column<double>(legs, [](const Retracement& leg) { return leg.end_price; });
  py::list reached;
  for (size_t k = 0; k < levels.size(); ++k) {
    std::vector<int64_t> rows(legs.size());
    for (size_t i = 0; i < legs.size(); ++i) rows[i] = found.reached_at[i * levels.size() + k];
    reached.append(to_array(std::move(rows)));
  }
  table["reached_at"] = reached;
  return table;
}

py::array_t<int64_t> compiled_offsets(const std::string& zone, const py::array& utc) {
  const auto moments = vector_view<int64_t>(utc, "utc");
  features::LocalClock clock(features::compiled_zone(zone));
  std::vector<int64_t> offsets;
  offsets.reserve(moments.size());
  for (const int64_t moment : moments) offsets.push_back(clock.local(moment) - moment);
  return to_array(std::move(offsets));
}

}  // namespace

void bind_spans(py::module_& m) {
  m.def("session_events", &session_events, py::arg("bars"), py::arg("standard"), py::arg("settings"));
  m.def("period_events", &period_events, py::arg("bars"), py::arg("period"), py::arg("settings"),
        py::arg("days"));
  m.def("retracement_events", &retracement_events, py::arg("bars"), py::arg("left"), py::arg("right"),
        py::arg("levels"));
  m.def("compiled_offsets", &compiled_offsets, py::arg("zone"), py::arg("utc"),
        "Offsets from UTC in nanoseconds by the rules compiled into the core.");
  std::vector<std::string> names;
  for (const auto& spec : features::standard_sessions()) names.push_back(spec.name);
  m.attr("STANDARD_SESSIONS") = names;
}

}  // namespace smctrain::bindings
