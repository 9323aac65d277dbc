// Feature engine: catalogue, batch build, stream.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "bindings/bars_view.h"
#include "bindings/break_kinds.h"
#include "bindings/feature_settings.h"
#include "bindings/numpy.h"
#include "bindings/trading_days.h"
#include "smctrain/base/error.h"
#include "smctrain/features/derived/fractional.h"
#include "smctrain/features/engine.h"
#include "smctrain/features/technical/kernels.h"

namespace smctrain::bindings {
namespace {

using features::Engine;
using features::EngineOptions;
using features::HigherSpec;

// [(timeframe, length in nanoseconds, reads bars), ...]; days as in trading_days.h
std::vector<HigherSpec> higher_specs(const py::list& higher, const py::object& days = py::none()) {
  const TradingDays trading = trading_days(days);
  std::vector<HigherSpec> specs;
  for (const auto& item : higher) {
    const auto [timeframe, length_ns, from_bars] = py::cast<std::tuple<std::string, int64_t, bool>>(item);
    specs.push_back({timeframe, length_ns, from_bars, trading});
  }
  return specs;
}

features::Settings market_settings(const py::dict& given, const py::object& days) {
  features::Settings settings = settings_from(given);
  settings.follow_market(trading_days(days));
  return settings;
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
py::list catalogue(int64_t base_length_ns, const py::list& higher, const py::dict& settings,
                   const py::dict& asked) {
  std::vector<features::AskedColumns> names;
  for (const auto& [parameter, columns] : asked)
    names.push_back({py::cast<std::string>(parameter), py::cast<std::vector<std::string>>(columns)});
  py::list entries;
  for (const auto& entry :
       features::catalogue(base_length_ns, higher_specs(higher), settings_from(settings), names)) {
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
                const py::list& higher_bars, const std::vector<std::string>& columns, bool double_precision,
                const py::object& days, const py::dict& settings) {
  const BarsView base = bars_view(bars);
  const auto most_bars = static_cast<int>(std::clamp<int64_t>(base.size(), 1, features::kBlockBars));
  Engine engine(EngineOptions{base_length_ns, higher_specs(higher, days), columns,
                              market_settings(settings, days), most_bars});
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

// One engine fed bar by bar. Prices are snapped to `digits` decimals as on load, segments start where they do
// on load (breaks.h).
//
// The stream keeps the bars since the start of the segment: fed to a fresh stream in the same order they
// bring it into the same state bit for bit, because all machines restart with a segment. That is how a stream
// is stored, with the state of its break finders beside. What a new segment keeps are the higher bars that
// close after its first bar opens.
class Stream {
 public:
  Stream(int64_t base_length_ns, const py::list& higher, const std::vector<std::string>& columns,
         std::optional<int> digits, int64_t segment_gap_ns, const py::object& days,
         const std::optional<std::vector<std::string>>& quarantine, const py::dict& settings,
         bool double_precision)
      : engine_(EngineOptions{base_length_ns, higher_specs(higher, days), columns,
                              market_settings(settings, days), 1}),
        scale_(digits ? std::pow(10.0, *digits) : 0.0),
        double_precision_(double_precision),
        row_(engine_.columns().size(), features::kNaN) {
    const auto active = break_kinds(quarantine.value_or(std::vector<std::string>{}));
    const bool own_gap = segment_gap_ns != smctrain::segment_gap_ns(base_length_ns);
    finders_.emplace_back(base_length_ns, segment_gap_ns, active);
    for (size_t i = 0; i < engine_.higher_count(); ++i) {
      const int64_t length = engine_.higher(i).length_ns;
      finders_.emplace_back(length, own_gap ? segment_gap_ns : smctrain::segment_gap_ns(length), active);
    }
    segments_.resize(finders_.size());
  }

  // The row of this bar, of the type asked for; what that type cannot hold is NaN, as in a batch.
  py::array push(int64_t ts_open, int64_t ts_close, double open, double high, double low, double close,
                 double volume, double spread) {
    push_new({ts_open, ts_close, kBase, {open, high, low, close, volume, spread}});
    if (double_precision_) return last_row();
    py::array_t<float> row(static_cast<py::ssize_t>(row_.size()));
    const auto& columns = engine_.block_columns();
    features::kernels().write_rows_float(columns.data(), static_cast<int>(columns.size()), 1,
                                         row.mutable_data(), 0);
    return row;
  }
  // Of the last base bar, NaN before there is one.
  py::array_t<double> last_row() const {
    return py::array_t<double>(static_cast<py::ssize_t>(row_.size()), row_.data());
  }
  void push_higher(size_t which, int64_t ts_open, int64_t ts_close, double open, double high, double low,
                   double close, double volume, double spread) {
    if (which >= engine_.higher_count()) raise("InputError", "there is no such higher timeframe.");
    push_new({ts_open,
              ts_close,
              static_cast<uint8_t>(which + kFirstHigher),
              {open, high, low, close, volume, spread}});
  }
  bool settled() const { return settled_; }

  // (times (n, 2) int64: opening and closing, kinds (n,) uint8: 0 base, 1 + i higher timeframe i, plus
  // kStarts where its segment starts, values (n, 6), finders (m,) int64) in the order of pushing.
  py::tuple kept_bars() const {
    const auto n = static_cast<py::ssize_t>(kept_.size());
    py::array_t<int64_t> times({n, py::ssize_t{2}});
    py::array_t<uint8_t> kinds(n);
    py::array_t<double> values({n, static_cast<py::ssize_t>(kValues)});
    double* out = values.mutable_data();
    for (size_t i = 0; i < kept_.size(); ++i) {
      times.mutable_data()[2 * i] = kept_[i].ts_open;
      times.mutable_data()[2 * i + 1] = kept_[i].ts_close;
      kinds.mutable_data()[i] = kept_[i].kind;
      out = std::copy(kept_[i].values.begin(), kept_[i].values.end(), out);
    }
    std::vector<int64_t> finders;
    for (const BreakFinder& finder : finders_) {
      const std::vector<int64_t> state = finder.state();
      finders.insert(finders.end(), state.begin(), state.end());
    }
    return py::make_tuple(times, kinds, values, to_array(std::move(finders)));
  }
  // Feeds bars as kept_bars() gives them.
  void replay(const py::array& times, const py::array& kinds, const py::array& values,
              const py::array& finders) {
    const auto time = matrix_view<int64_t>(times, "times");
    const int64_t n = time.rows;
    const auto kind = vector_view<uint8_t>(kinds, "kinds", n);
    const auto value = matrix_view<double>(values, "values");
    const auto state = vector_view<int64_t>(finders, "finders");
    if (value.rows != n || value.cols != static_cast<int64_t>(kValues) || time.cols != 2)
      raise("InputError", "times, kinds and values must have one row per bar.");
    const py::gil_scoped_release release;
    for (int64_t i = 0; i < n; ++i) {
      Kept bar{time(i, 0), time(i, 1), kind[static_cast<size_t>(i)], {}};
      for (size_t k = 0; k < kValues; ++k) bar.values[k] = value(i, static_cast<int64_t>(k));
      if (which(bar) > engine_.higher_count())
        raise("InputError", "kinds names a higher timeframe that the stream does not have.");
      feed(bar);
    }
    const size_t part = finders_.front().state().size();
    if (state.size() != part * finders_.size()) raise("InputError", "finders does not fit the stream.");
    for (size_t i = 0; i < finders_.size(); ++i) finders_[i].restore(state.subspan(i * part, part));
  }

 private:
  static constexpr uint8_t kBase = 0;
  static constexpr uint8_t kFirstHigher = 1;
  static constexpr uint8_t kStarts = 0x80;
  static constexpr size_t kValues = 6;
  struct Kept {
    int64_t ts_open = 0;
    int64_t ts_close = 0;
    uint8_t kind = kBase;
    std::array<double, kValues> values{};  // open, high, low, close, volume, spread, as pushed
  };

  void push_new(Kept kept) {
    BreakFinder next = finders_[which(kept)];  // a bar that the engine refuses leaves no trace
    if (next.push(make_bar(kept))) kept.kind |= kStarts;
    feed(kept);
    finders_[which(kept)] = std::move(next);
  }
  // Into the engine, with the segment border that `kept` tells of.
  void feed(const Kept& kept) {
    const size_t i = which(kept);
    const bool starts = (kept.kind & kStarts) != 0;
    const Bar bar = make_bar(kept);
    if (i > 0) {
      engine_.push_higher(i - 1, bar, segments_[i] + (starts ? 1 : 0));
    } else {
      settled_ = engine_.push(bar, segments_[i] + (starts ? 1 : 0), row_.data());
      if (starts) {
        std::erase_if(
            kept_, [&](const Kept& old) { return which(old) == 0 || make_bar(old).ts_close <= bar.ts_open; });
      }
    }
    if (starts) ++segments_[i];
    kept_.push_back(kept);
  }
  // 0: the base bars, 1 + i: higher timeframe i.
  static size_t which(const Kept& kept) { return static_cast<size_t>(kept.kind & ~kStarts); }

  double snap(double price) const { return scale_ > 0.0 ? std::nearbyint(price * scale_) / scale_ : price; }
  Bar make_bar(const Kept& bar) const {
    const auto& [open, high, low, close, volume, spread] = bar.values;
    return {bar.ts_open, bar.ts_close, snap(open), snap(high), snap(low), snap(close), volume, spread};
  }

  Engine engine_;
  double scale_;
  bool double_precision_;
  std::vector<double> row_;
  std::vector<BreakFinder> finders_;  // of the base bars, then of the higher timeframes
  std::vector<int32_t> segments_;
  bool settled_ = false;
  std::vector<Kept> kept_;
};

}  // namespace

void bind_features(py::module_& m) {
  m.def("features_catalogue", &catalogue, py::arg("base_length_ns"), py::arg("higher"),
        py::arg("settings") = py::dict(), py::arg("asked") = py::dict());
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
        py::arg("higher_bars"), py::arg("columns"), py::arg("double_precision"), py::arg("days") = py::none(),
        py::arg("settings") = py::dict());
  py::class_<Stream>(m, "FeatureStream")
      .def(py::init<int64_t, const py::list&, const std::vector<std::string>&, std::optional<int>, int64_t,
                    const py::object&, const std::optional<std::vector<std::string>>&, const py::dict&,
                    bool>(),
           py::arg("base_length_ns"), py::arg("higher"), py::arg("columns"), py::arg("digits"),
           py::arg("segment_gap_ns"), py::arg("days") = py::none(), py::arg("quarantine") = py::none(),
           py::arg("settings") = py::dict(), py::arg("double_precision") = true)
      .def("push", &Stream::push)
      .def("push_higher",
           py::overload_cast<size_t, int64_t, int64_t, double, double, double, double, double, double>(
               &Stream::push_higher))
      .def("kept_bars", &Stream::kept_bars)
      .def("replay", &Stream::replay, py::arg("times"), py::arg("kinds"), py::arg("values"),
           py::arg("finders"))
      .def_property_readonly("last_row", &Stream::last_row)
      .def_property_readonly("settled", &Stream::settled);
}

}  // namespace smctrain::bindings
