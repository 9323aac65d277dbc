// The Smart-Money-Concepts engine: events of a bar array, and the machine's columns for study and tests.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings/bars_view.h"
#include "bindings/feature_settings.h"
#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/features/smc/event_batch.h"
#include "smctrain/features/smc/machine.h"
#include "smctrain/features/smc/machine_batch.h"

namespace smctrain::bindings {

void bind_spans(py::module_& m);  // bind_spans.cc

namespace {

namespace smc = features::smc;

template <class T, class Read>
py::array_t<T> column(const std::vector<smc::Event>& events, Read read) {
  std::vector<T> values;
  values.reserve(events.size());
  for (const smc::Event& event : events) values.push_back(static_cast<T>(read(event)));
  return to_array(std::move(values));
}

py::dict to_columns(const std::vector<smc::Event>& events) {
  using smc::Event;
  py::dict table;
  const auto put_int8 = [&](const char* name, auto read) { table[name] = column<int8_t>(events, read); };
  const auto put_row = [&](const char* name, int64_t Event::* field) {
    table[name] = column<int64_t>(events, [field](const Event& event) { return event.*field; });
  };
  const auto put_double = [&](const char* name, double Event::* field) {
    table[name] = column<double>(events, [field](const Event& event) { return event.*field; });
  };
  const auto put_flag = [&](const char* name, bool Event::* field) {
    // One byte each, seen as bool.
    table[name] =
        column<uint8_t>(events, [field](const Event& event) { return event.*field; }).attr("view")("bool");
  };
  put_int8("kind", [](const Event& event) { return event.kind; });
  put_int8("side", [](const Event& event) { return event.side; });
  put_row("origin", &Event::origin);
  put_row("known_at", &Event::known_at);
  put_row("invalidated_at", &Event::invalidated_at);
  put_double("top", &Event::top);
  put_double("bottom", &Event::bottom);
  put_double("level", &Event::level);
  put_int8("state", [](const Event& event) { return event.state; });
  put_row("touched_at", &Event::touched_at);
  put_row("filled_at", &Event::filled_at);
  put_row("resolved_at", &Event::resolved_at);
  put_double("bounce_q", &Event::bounce_q);
  put_double("size_atr", &Event::size_atr);
  put_double("disp_atr", &Event::disp_atr);
  put_double("body_ratio", &Event::body_ratio);
  put_double("clean", &Event::clean);
  put_double("quality", &Event::quality);
  table["members"] = column<int32_t>(events, [](const Event& event) { return event.members; });
  put_flag("has_fvg", &Event::has_fvg);
  put_flag("struct_aligned", &Event::struct_aligned);
  put_flag("bos_ctx", &Event::bos_ctx);
  put_flag("choch_ctx", &Event::choch_ctx);
  put_flag("ema_aligned", &Event::ema_aligned);
  put_flag("rsi_ok", &Event::rsi_ok);
  return table;
}

}  // namespace

void bind_smc(py::module_& m) {
  m.attr("SMC_EVENT_KINDS") =
      std::vector<std::string>{"swing_high", "swing_low", "bos", "choch",   "fvg",         "order_block",
                               "pool",       "sweep",     "run", "breaker", "zigzag_high", "zigzag_low"};
  m.attr("SMC_ZONE_STATES") =
      std::vector<std::string>{"fresh", "touched", "filled", "invalidated", "expired", "merged"};

  m.def(
      "smc_events",
      [](const py::dict& native, int64_t bar_length_ns, const py::dict& given) {
        const BarsView bars = bars_view(native);
        const features::Settings settings = settings_from(given, features::Naming::kArguments);
        const smc::Options options = settings.smc_options(bar_length_ns);
        smc::EventLog log;
        {
          // About half a microsecond per bar: short enough to wait for.
          const py::gil_scoped_release release;
          log = smc::collect_events(bars, options, settings.atr_is_sma);
        }
        return to_columns(log.events());
      },
      py::arg("bars"), py::arg("bar_length_ns"), py::arg("settings"),
      "Events of a bar array as columns, in the order in which they became known.");

  m.def(
      "smc_columns",
      [](const py::dict& native, const py::dict& given) {
        const BarsView bars = bars_view(native);
        const features::Settings settings = settings_from(given);
        const int64_t length = bars.size() > 0 ? bars.ts_close[0] - bars.ts_open[0] : 0;
        const auto machine = features::make_smc_machine(settings.smc_options(length), settings.trend);
        const auto width = static_cast<int64_t>(machine->columns().size());
        std::vector<double> values;
        {
          const py::gil_scoped_release release;
          values = smc::run_machine(*machine, bars);
        }
        std::vector<std::string> names;
        for (const auto& info : machine->columns()) names.push_back(info.name);
        return py::make_tuple(to_matrix(std::move(values), bars.size(), width), names);
      },
      py::arg("bars"), py::arg("settings") = py::dict(),
      "All columns of the machine: float64 (n, d) and their names.");

  m.def(
      "smc_default_columns", [] { return features::smc_default_columns(); },
      "Names of the structure and zone columns of the default preset.");

  m.def(
      "smc_catalogue",
      [] {
        py::dict catalogue;
        const auto machine = features::make_smc_machine();
        for (const features::ColumnInfo& info : machine->columns()) {
          catalogue[info.name.c_str()] = py::make_tuple(info.role, info.warmup, info.settle);
        }
        return catalogue;
      },
      "Role, warmup and settle of each column of the machine.");
  bind_spans(m);
}

}  // namespace smctrain::bindings
