// Feature engine: catalogue, batch build, stream.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <optional>

#include "bindings/bars_view.h"
#include "bindings/numpy.h"
#include "smctrain/base/error.h"
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
  return entry;
}

py::list catalogue(int64_t base_length_ns, const py::list& higher) {
  py::list entries;
  for (const auto& entry : features::catalogue(base_length_ns, higher_specs(higher))) {
    py::dict row = column_dict(entry.column);
    row["in_default"] = entry.in_default;
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
    if (has_previous_ && ts_open - previous_close_ > segment_gap_ns_) ++segment_;
    settled_ = engine_.push(make_bar(ts_open, base_length_ns_, open, high, low, close, volume, spread),
                            segment_, row.mutable_data());
    previous_close_ = ts_open + base_length_ns_;
    has_previous_ = true;
    return row;
  }
  void push_higher(size_t which, int64_t ts_open, double open, double high, double low, double close,
                   double volume, double spread) {
    if (which >= engine_.higher_count()) raise("InputError", "there is no such higher timeframe.");
    const int64_t length_ns = engine_.higher(which).length_ns;
    auto& state = higher_[which];
    if (state.has_previous && ts_open - state.previous_close > segment_gap_ns_) ++state.segment;
    engine_.push_higher(which, make_bar(ts_open, length_ns, open, high, low, close, volume, spread),
                        state.segment);
    state.previous_close = ts_open + length_ns;
    state.has_previous = true;
  }
  bool settled() const { return settled_; }

 private:
  struct HigherState {
    bool has_previous = false;
    int64_t previous_close = 0;
    int32_t segment = 0;
  };

  double snap(double price) const { return scale_ > 0.0 ? std::nearbyint(price * scale_) / scale_ : price; }
  Bar make_bar(int64_t ts_open, int64_t length_ns, double open, double high, double low, double close,
               double volume, double spread) const {
    return {ts_open, ts_open + length_ns, snap(open), snap(high), snap(low), snap(close), volume, spread};
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
};

}  // namespace

void bind_features(py::module_& m) {
  m.def("features_catalogue", &catalogue, py::arg("base_length_ns"), py::arg("higher"));
  m.def("features_build", &build, py::arg("bars"), py::arg("base_length_ns"), py::arg("higher"),
        py::arg("higher_bars"), py::arg("columns"), py::arg("double_precision"));
  py::class_<Stream>(m, "FeatureStream")
      .def(py::init<int64_t, const py::list&, const std::vector<std::string>&, std::optional<int>, int64_t>(),
           py::arg("base_length_ns"), py::arg("higher"), py::arg("columns"), py::arg("digits"),
           py::arg("segment_gap_ns"))
      .def("push", &Stream::push)
      .def("push_higher", &Stream::push_higher)
      .def_property_readonly("settled", &Stream::settled);
}

}  // namespace smctrain::bindings
