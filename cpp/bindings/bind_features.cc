// Feature engine: catalogue, batch build, stream.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "bindings/bars_view.h"
#include "bindings/numpy.h"
#include "smctrain/base/error.h"
#include "smctrain/features/derived/fractional.h"
#include "smctrain/features/engine.h"

namespace smctrain::bindings {
namespace {

using features::Engine;
using features::EngineOptions;
using features::HigherSpec;

// [(timeframe, length in nanoseconds, reads bars), ...]
std::vector<HigherSpec> higher_specs(const py::list& higher) {
  std::vector<HigherSpec> specs;
  for (const auto& item : higher) {
    const auto [timeframe, length_ns, from_bars] = py::cast<std::tuple<std::string, int64_t, bool>>(item);
    specs.push_back({timeframe, length_ns, from_bars});
  }
  return specs;
}

py::dict column_dict(const features::ColumnInfo& column) {
  py::dict entry;
  entry["name"] = column.name;
  entry["family"] = column.family;
  entry["unit"] = column.unit;
  entry["lookback"] = column.lookback;
  entry["warmup"] = column.warmup;
  entry["settle"] = column.settle;
  entry["role"] = column.role;
  entry["known_at"] = column.known_at;
  entry["definition"] = column.definition;
  entry["sources"] = py::tuple(py::cast(column.sources));
  return entry;
}

// `asked`: {parameter: names}; the derived columns among them are described behind all others.
py::list catalogue(int64_t base_length_ns, const py::list& higher, const py::dict& asked) {
  std::vector<features::AskedColumns> names;
  for (const auto& [parameter, columns] : asked)
    names.push_back({py::cast<std::string>(parameter), py::cast<std::vector<std::string>>(columns)});
  py::list entries;
  for (const auto& entry : features::catalogue(base_length_ns, higher_specs(higher), names)) {
    py::dict row = column_dict(entry.column);
    row["in_default"] = entry.in_default;
    row["in_full"] = entry.in_full;
    entries.append(row);
  }
  return entries;
}

template <class T>
py::array build_matrix(Engine& engine, const BarsView& base, const std::vector<BarsView>& higher,
                       uint8_t* settled) {
  const auto cols = static_cast<py::ssize_t>(engine.columns().size());
  py::array_t<T> values({static_cast<py::ssize_t>(base.size()), cols});
  const MatrixView<T> out{values.mutable_data(), base.size(), cols, cols};
  const py::gil_scoped_release release;
  features::build_features<T>(engine, base, higher, out, settled);
  return values;
}

// Returns (values, settled). higher_bars[i] is None where timeframe i is resampled.
py::tuple build(const py::dict& bars, int64_t base_length_ns, const py::list& higher,
                const py::list& higher_bars, const std::vector<std::string>& columns, bool double_precision) {
  Engine engine(EngineOptions{base_length_ns, higher_specs(higher), columns});
  const BarsView base = bars_view(bars);
  std::vector<BarsView> views;
  for (size_t i = 0; i < engine.higher_count(); ++i) {
    const bool reads_bars = engine.higher(i).from_bars;
    views.push_back(reads_bars ? bars_view(py::cast<py::dict>(higher_bars[i])) : BarsView{});
  }
  py::array_t<uint8_t> settled(static_cast<py::ssize_t>(base.size()));
  py::array values = double_precision ? build_matrix<double>(engine, base, views, settled.mutable_data())
                                      : build_matrix<float>(engine, base, views, settled.mutable_data());
  return py::make_tuple(values, settled);
}

// One engine fed bar by bar. Prices are snapped to `digits` decimals as on load.
//
// The stream keeps the bars since the start of the segment: fed to a fresh stream in the same order they
// bring it into the same state bit for bit, because all machines restart with a segment. That is how a stream
// is stored. What a new segment keeps are the higher bars that close after its first bar opens.
class Stream {
 public:
  Stream(int64_t base_length_ns, const py::list& higher, const std::vector<std::string>& columns,
         std::optional<int> digits, int64_t segment_gap_ns)
      : engine_(EngineOptions{base_length_ns, higher_specs(higher), columns}),
        scale_(digits ? std::pow(10.0, *digits) : 0.0),
        base_length_ns_(base_length_ns),
        segment_gap_ns_(segment_gap_ns) {}

  py::array_t<double> push(int64_t ts_open, double open, double high, double low, double close, double volume,
                           double spread) {
    py::array_t<double> row(static_cast<py::ssize_t>(engine_.columns().size()));
    push_base({ts_open, kBase, {open, high, low, close, volume, spread}}, row.mutable_data());
    return row;
  }
  void push_higher(size_t which, int64_t ts_open, double open, double high, double low, double close,
                   double volume, double spread) {
    if (which >= engine_.higher_count()) raise("InputError", "there is no such higher timeframe.");
    push_higher(
        {ts_open, static_cast<uint8_t>(which + kFirstHigher), {open, high, low, close, volume, spread}});
  }
  bool settled() const { return settled_; }

  // (times (n,) int64, kinds (n,) uint8: 0 base, 1 + i higher timeframe i, values (n, 6)) in the order of
  // pushing.
  py::tuple kept_bars() const {
    const auto n = static_cast<py::ssize_t>(kept_.size());
    py::array_t<int64_t> times(n);
    py::array_t<uint8_t> kinds(n);
    py::array_t<double> values({n, static_cast<py::ssize_t>(kValues)});
    double* out = values.mutable_data();
    for (size_t i = 0; i < kept_.size(); ++i) {
      times.mutable_data()[i] = kept_[i].ts_open;
      kinds.mutable_data()[i] = kept_[i].kind;
      out = std::copy(kept_[i].values.begin(), kept_[i].values.end(), out);
    }
    return py::make_tuple(times, kinds, values);
  }
  // Feeds bars as kept_bars() gives them; returns the row of the last base bar (NaN without one).
  py::array_t<double> replay(const py::array& times, const py::array& kinds, const py::array& values) {
    const auto time = vector_view<int64_t>(times, "times");
    const auto n = static_cast<int64_t>(time.size());
    const auto kind = vector_view<uint8_t>(kinds, "kinds", n);
    const auto value = matrix_view<double>(values, "values");
    if (value.rows != n || value.cols != static_cast<int64_t>(kValues))
      raise("InputError", "times, kinds and values must have one row per bar.");
    py::array_t<double> row(static_cast<py::ssize_t>(engine_.columns().size()));
    double* out = row.mutable_data();
    std::fill_n(out, engine_.columns().size(), features::kNaN);
    const py::gil_scoped_release release;
    for (size_t i = 0; i < time.size(); ++i) {
      Kept bar{time[i], kind[i], {}};
      for (size_t k = 0; k < kValues; ++k)
        bar.values[k] = value(static_cast<int64_t>(i), static_cast<int64_t>(k));
      if (bar.kind == kBase) {
        push_base(bar, out);
      } else if (static_cast<size_t>(bar.kind) <= engine_.higher_count()) {
        push_higher(bar);
      } else {
        raise("InputError", "kinds names a higher timeframe that the stream does not have.");
      }
    }
    return row;
  }

 private:
  static constexpr uint8_t kBase = 0;
  static constexpr uint8_t kFirstHigher = 1;
  static constexpr size_t kValues = 6;
  struct Kept {
    int64_t ts_open = 0;
    uint8_t kind = kBase;
    std::array<double, kValues> values{};  // open, high, low, close, volume, spread, as pushed
  };

  void push_base(const Kept& bar, double* out) {
    const bool restart = has_previous_ && bar.ts_open - previous_close_ > segment_gap_ns_;
    if (restart) ++segment_;
    settled_ = engine_.push(make_bar(bar, base_length_ns_), segment_, out);
    if (restart) {
      std::erase_if(kept_, [&](const Kept& old) {
        return old.kind == kBase || old.ts_open + length_of(old) <= bar.ts_open;
      });
    }
    kept_.push_back(bar);
    previous_close_ = bar.ts_open + base_length_ns_;
    has_previous_ = true;
  }
  void push_higher(const Kept& bar) {
    const auto which = static_cast<size_t>(bar.kind - kFirstHigher);
    auto& state = higher_[which];
    const bool restart = state.has_previous && bar.ts_open - state.previous_close > segment_gap_ns_;
    engine_.push_higher(which, make_bar(bar, length_of(bar)), state.segment + (restart ? 1 : 0));
    if (restart) ++state.segment;
    kept_.push_back(bar);
    state.previous_close = bar.ts_open + length_of(bar);
    state.has_previous = true;
  }
  int64_t length_of(const Kept& bar) const {
    return bar.kind == kBase ? base_length_ns_
                             : engine_.higher(static_cast<size_t>(bar.kind - kFirstHigher)).length_ns;
  }

  struct HigherState {
    bool has_previous = false;
    int64_t previous_close = 0;
    int32_t segment = 0;
  };

  double snap(double price) const { return scale_ > 0.0 ? std::nearbyint(price * scale_) / scale_ : price; }
  Bar make_bar(const Kept& bar, int64_t length_ns) const {
    const auto& [open, high, low, close, volume, spread] = bar.values;
    return {bar.ts_open, bar.ts_open + length_ns, snap(open), snap(high), snap(low), snap(close), volume,
            spread};
  }

  Engine engine_;
  double scale_;
  int64_t base_length_ns_;
  int64_t segment_gap_ns_;
  std::vector<HigherState> higher_ = std::vector<HigherState>(engine_.higher_count());
  bool has_previous_ = false;
  bool settled_ = false;
  int64_t previous_close_ = 0;
  int32_t segment_ = 0;
  std::vector<Kept> kept_;
};

}  // namespace

void bind_features(py::module_& m) {
  m.def("features_catalogue", &catalogue, py::arg("base_length_ns"), py::arg("higher"),
        py::arg("asked") = py::dict());
  m.def(
      "fractional_weights",
      [](double order) {
        if (!(order > 0.0 && order <= 1.0))
          raise("InputError", "order must be from 0 to 1, but is ", order, ".");
        const auto weights = features::fractional_weights(order);
        return py::array_t<double>(static_cast<py::ssize_t>(weights.size()), weights.data());
      },
      py::arg("order"));
  m.def("features_build", &build, py::arg("bars"), py::arg("base_length_ns"), py::arg("higher"),
        py::arg("higher_bars"), py::arg("columns"), py::arg("double_precision"));
  py::class_<Stream>(m, "FeatureStream")
      .def(py::init<int64_t, const py::list&, const std::vector<std::string>&, std::optional<int>, int64_t>(),
           py::arg("base_length_ns"), py::arg("higher"), py::arg("columns"), py::arg("digits"),
           py::arg("segment_gap_ns"))
      .def("push", &Stream::push)
      .def("push_higher", py::overload_cast<size_t, int64_t, double, double, double, double, double, double>(
                              &Stream::push_higher))
      .def("kept_bars", &Stream::kept_bars)
      .def("replay", &Stream::replay, py::arg("times"), py::arg("kinds"), py::arg("values"))
      .def_property_readonly("settled", &Stream::settled);
}

}  // namespace smctrain::bindings
