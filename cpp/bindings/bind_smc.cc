// The Smart-Money-Concepts engine: events of a bar array, and the machine's columns for study and tests.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/bars_view.h"
#include "bindings/feature_settings.h"
#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/base/error.h"
#include "smctrain/features/smc/event_batch.h"
#include "smctrain/features/smc/machine.h"
#include "smctrain/features/smc/machine_batch.h"

namespace smctrain::bindings {

void bind_spans(py::module_& m);  // bind_spans.cc

namespace {

namespace smc = features::smc;

// Columns of a log, filled a stretch of events at a time: the log is much larger than the cache.
class LogColumns {
 public:
  explicit LogColumns(const smc::EventLog& log) : log_(log) {}
  template <class T, class Read>
  py::array_t<T> add(Read read) {
    std::vector<T> values(static_cast<size_t>(log_.size()));
    T* to = values.data();
    fills_.push_back([this, to, read](int64_t first, int64_t end) {
      for (int64_t i = first; i < end; ++i) to[i] = static_cast<T>(read(log_[i]));
    });
    return to_array(std::move(values));
  }
  void fill() const {
    constexpr int64_t kStretch = 512;
    for (int64_t first = 0; first < log_.size(); first += kStretch) {
      for (const auto& fill : fills_) fill(first, std::min(log_.size(), first + kStretch));
    }
  }

 private:
  const smc::EventLog& log_;
  std::vector<std::function<void(int64_t, int64_t)>> fills_;
};

template <class T>
struct Field {
  const char* name;
  T smc::Event::* of;
};

constexpr Field<int64_t> kRows[] = {
    {"origin", &smc::Event::origin},
    {"known_at", &smc::Event::known_at},
    {"invalidated_at", &smc::Event::invalidated_at},
    {"touched_at", &smc::Event::touched_at},
    {"filled_at", &smc::Event::filled_at},
    {"resolved_at", &smc::Event::resolved_at},
};
constexpr Field<double> kNumbers[] = {
    {"top", &smc::Event::top},
    {"bottom", &smc::Event::bottom},
    {"level", &smc::Event::level},
    {"bounce_q", &smc::Event::bounce_q},
    {"size_atr", &smc::Event::size_atr},
    {"disp_atr", &smc::Event::disp_atr},
    {"body_ratio", &smc::Event::body_ratio},
    {"clean", &smc::Event::clean},
    {"quality", &smc::Event::quality},
};
constexpr Field<bool> kFlags[] = {
    {"has_fvg", &smc::Event::has_fvg},         {"struct_aligned", &smc::Event::struct_aligned},
    {"bos_ctx", &smc::Event::bos_ctx},         {"choch_ctx", &smc::Event::choch_ctx},
    {"ema_aligned", &smc::Event::ema_aligned}, {"rsi_ok", &smc::Event::rsi_ok},
};

// The columns asked for, or all.
py::dict to_columns(const smc::EventLog& log, const std::vector<std::string>& wanted) {
  using smc::Event;
  py::dict table;
  LogColumns columns(log);
  const auto put = [&](const char* name, auto make) {
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end()) table[name] = make();
  };
  put("kind", [&] { return columns.add<int8_t>([](const Event& event) { return event.kind; }); });
  put("side", [&] { return columns.add<int8_t>([](const Event& event) { return event.side; }); });
  put("state", [&] { return columns.add<int8_t>([](const Event& event) { return event.state; }); });
  put("members", [&] { return columns.add<int32_t>([](const Event& event) { return event.members; }); });
  for (const auto& field : kRows) {
    put(field.name,
        [&] { return columns.add<int64_t>([of = field.of](const Event& event) { return event.*of; }); });
  }
  for (const auto& field : kNumbers) {
    put(field.name,
        [&] { return columns.add<double>([of = field.of](const Event& event) { return event.*of; }); });
  }
  for (const auto& field : kFlags) {
    // One byte each, seen as bool.
    put(field.name, [&] {
      return columns.add<uint8_t>([of = field.of](const Event& event) { return event.*of; })
          .attr("view")("bool");
    });
  }
  columns.fill();
  return table;
}

// In the order of EventKind.
const std::vector<std::string>& event_kinds() {
  static const std::vector<std::string> names = {"swing_high", "swing_low",   "bos",         "choch",
                                                 "fvg",        "order_block", "pool",        "sweep",
                                                 "run",        "breaker",     "zigzag_high", "zigzag_low"};
  return names;
}

smc::LoggedKinds logged_kinds(const std::vector<std::string>& wanted) {
  if (wanted.empty()) return smc::LoggedKinds::all();
  smc::LoggedKinds kinds;
  for (const auto& name : wanted) {
    const auto found = std::find(event_kinds().begin(), event_kinds().end(), name);
    if (found == event_kinds().end()) raise("InputError", "there is no kind of events ", name, ".");
    kinds.add(static_cast<smc::EventKind>(found - event_kinds().begin()));
  }
  return kinds;
}

}  // namespace

void bind_smc(py::module_& m) {
  m.attr("SMC_EVENT_KINDS") = event_kinds();
  m.attr("SMC_ZONE_STATES") =
      std::vector<std::string>{"fresh", "touched", "filled", "invalidated", "expired", "merged"};

  m.def(
      "smc_events",
      [](const py::dict& native, int64_t bar_length_ns, const py::dict& given,
         const std::vector<std::string>& kinds, const std::vector<std::string>& columns) {
        const BarsView bars = bars_view(native);
        const features::Settings settings = settings_from(given, features::Naming::kArguments);
        const smc::Options options = settings.smc_options(bar_length_ns);
        const smc::LoggedKinds logged = logged_kinds(kinds);
        smc::EventLog log;
        {
          // A fifth of a microsecond per bar at most: short enough to wait for.
          const py::gil_scoped_release release;
          log = smc::collect_events(bars, options, settings.atr_is_sma, logged);
        }
        return to_columns(log, columns);
      },
      py::arg("bars"), py::arg("bar_length_ns"), py::arg("settings"),
      py::arg("kinds") = std::vector<std::string>(), py::arg("columns") = std::vector<std::string>(),
      "Events of a bar array as columns, in the order in which they became known. `kinds`: those wanted, all "
      "of bos and choch, of pool, sweep and run, or of the swings of one sort at once; `columns`: those "
      "wanted. Everything if empty.");

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
