// Splits room: one Timeline per set of intervals, and the splits, borders and checks it answers.
#include <pybind11/stl.h>

#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/numpy.h"
#include "smctrain/splits/audit.h"
#include "smctrain/splits/events.h"
#include "smctrain/splits/intervals.h"
#include "smctrain/splits/purge.h"
#include "smctrain/splits/purged_kfold.h"
#include "smctrain/splits/strata.h"
#include "smctrain/splits/temporal.h"

namespace smctrain::bindings {

namespace {

using Pair = std::pair<int64_t, int64_t>;            // stamps, span
using Share = std::tuple<int64_t, int64_t, double>;  // stamps, span, share

splits::Distance distance(const Pair& pair) { return {pair.first, pair.second}; }
splits::Embargo embargo(const Share& values) {
  return {{std::get<0>(values), std::get<1>(values)}, std::get<2>(values)};
}

splits::Intervals intervals_view(const py::array& t0, const py::array& t1) {
  return {vector_view<int64_t>(t0, "t0"), vector_view<int64_t>(t1, "t1")};
}

// One byte a value already: the array owns the vector as it is.
template <class Enum>
py::array_t<uint8_t> codes(std::vector<Enum>&& values) {
  static_assert(sizeof(Enum) == 1);
  auto owner = std::make_unique<std::vector<Enum>>(std::move(values));
  const auto* data = reinterpret_cast<const uint8_t*>(owner->data());
  const auto size = static_cast<py::ssize_t>(owner->size());
  const py::capsule capsule(owner.get(),
                            [](void* pointer) { delete static_cast<std::vector<Enum>*>(pointer); });
  owner.release();
  return py::array_t<uint8_t>({size}, {py::ssize_t{1}}, data, capsule);
}

template <class Work>
auto without_gil(Work&& work) {
  const py::gil_scoped_release release;
  return work();
}

std::span<splits::Fate> fates_in(std::vector<splits::Fate>& fates) { return fates; }

std::vector<splits::Fate> fates_of(std::span<const uint8_t> values) {
  std::vector<splits::Fate> fates(values.size());
  for (size_t i = 0; i < values.size(); ++i) fates[i] = static_cast<splits::Fate>(values[i]);
  return fates;
}

// Keeps the arrays that the timeline looks at.
class PyTimeline {
 public:
  PyTimeline(py::array t0, py::array t1)
      : t0_(std::move(t0)), t1_(std::move(t1)), time_(make(intervals_view(t0_, t1_))) {}

  void check() const {
    without_gil([&] { splits::check(time_.intervals()); });
  }
  int64_t n_stamps() const { return time_.stamps().size(); }
  int64_t stamp(int64_t index) const {
    if (index < 0 || index >= n_stamps())
      raise("InputError", "stamp ", index, " is not in 0..", n_stamps() - 1, ".");
    return time_.stamps().value(index);
  }

  py::array_t<uint8_t> purge_and_embargo(const py::array& is_test, const Share& after, const Pair& lookback,
                                         bool block) const {
    const auto tests = vector_view<uint8_t>(is_test, "is_test", time_.size());
    return codes(without_gil([&] {
      return splits::purge_and_embargo(time_, tests, {embargo(after), distance(lookback), block});
    }));
  }

  py::array_t<uint8_t> window_split(const std::vector<Pair>& windows, const Share& after,
                                    const Pair& lookback, bool block) const {
    return codes(without_gil([&] {
      std::vector<splits::Window> tests;
      for (const auto& [first, last] : windows) tests.push_back({first, last});
      return splits::window_split(time_, tests, {embargo(after), distance(lookback), block});
    }));
  }

  py::array_t<uint8_t> forward_split(int64_t first, int64_t last, int64_t width, const Pair& gap) const {
    return codes(
        without_gil([&] { return splits::forward_split(time_, {first, last}, width, distance(gap)); }));
  }

  py::array_t<uint8_t> temporal_split(int64_t validation_first, int64_t test_first, const Pair& gap) const {
    return codes(without_gil(
        [&] { return splits::temporal_split(time_, validation_first, test_first, distance(gap)); }));
  }

  py::array_t<uint8_t> symbol_split(const py::array& symbol, int64_t held_out, int64_t first, int64_t last,
                                    bool strict, const Pair& gap, const Share& after, const Pair& lookback,
                                    bool block) const {
    const auto symbols = vector_view<int64_t>(symbol, "symbol", time_.size());
    return codes(without_gil([&] {
      return splits::symbol_split(time_, symbols, held_out, {first, last}, strict, distance(gap),
                                  {embargo(after), distance(lookback), block});
    }));
  }

  py::tuple audit(const py::array& train, const py::array& test, bool forward, const Pair& gap,
                  const Share& after, const Pair& lookback) const {
    const auto train_rows = vector_view<int64_t>(train, "train");
    const auto test_rows = vector_view<int64_t>(test, "test");
    splits::Leak leak = without_gil([&] {
      return splits::audit_split(time_, train_rows, test_rows,
                                 {forward, distance(gap), embargo(after), distance(lookback)});
    });
    return py::make_tuple(leak.code, to_array(std::move(leak.rows)), to_array(std::move(leak.partners)),
                          leak.count);
  }

  py::tuple event_graph(const py::array& ids) const {
    const auto view = matrix_view<int64_t>(ids, "ids");
    if (view.rows != time_.size() || (view.rows > 1 && view.row_stride != view.cols)) {
      raise("InputError", "ids must be contiguous and have ", time_.size(), " rows, but have ", view.rows,
            ".");
    }
    auto graph = without_gil([&] {
      return splits::event_graph(time_, {view.data, static_cast<size_t>(view.rows * view.cols)}, view.cols);
    });
    return py::make_tuple(to_array(std::move(graph.component)), to_array(std::move(graph.rows)),
                          to_array(std::move(graph.admissible)));
  }

  py::array_t<int64_t> starts_outside(const py::array& start, const py::array& end, const Pair& gap) const {
    const auto starts = vector_view<int64_t>(start, "start");
    const auto ends = vector_view<int64_t>(end, "end");
    return to_array(
        without_gil([&] { return splits::starts_outside(time_.stamps(), starts, ends, distance(gap)); }));
  }

  py::array_t<uint8_t> meets_window(const py::array& start, const py::array& end) const {
    const auto starts = vector_view<int64_t>(start, "start");
    const auto ends = vector_view<int64_t>(end, "end");
    return to_array(without_gil([&] { return splits::meets_window(time_.intervals(), starts, ends); }));
  }

  py::tuple balance_borders(const py::array& stratum, int64_t n_strata, const py::array& borders,
                            const py::object& admissible, double share, double tolerance) const {
    const auto strata = vector_view<uint8_t>(stratum, "stratum", time_.size());
    const auto places = vector_view<int64_t>(borders, "borders");
    const auto allowed = optional_vector_view<uint8_t>(admissible, "admissible", n_stamps());
    auto balanced = without_gil([&] {
      return splits::balance_borders(time_.stamps(), strata, n_strata, places, allowed, share, tolerance);
    });
    return py::make_tuple(to_array(std::move(balanced.borders)), to_array(std::move(balanced.difference)));
  }

 private:
  static splits::Timeline make(const splits::Intervals& intervals) {
    return without_gil([&] { return splits::Timeline(intervals); });
  }

  py::array t0_, t1_;
  splits::Timeline time_;
};

py::array_t<int64_t> group_borders(int64_t n_stamps, int64_t n_groups) {
  return to_array(splits::group_borders(n_stamps, n_groups));
}

py::array_t<int64_t> move_borders(const py::array& borders, const py::array& admissible,
                                  const py::array& starts) {
  const auto places = vector_view<int64_t>(borders, "borders");
  const auto allowed = vector_view<int64_t>(admissible, "admissible");
  const auto free = vector_view<int64_t>(starts, "starts");
  return to_array(without_gil([&] { return splits::move_borders(places, allowed, free); }));
}

py::array_t<uint8_t> purge_events(const py::array& ids, const py::array& fates) {
  const auto view = matrix_view<int64_t>(ids, "ids");
  const auto before = vector_view<uint8_t>(fates, "fates", view.rows);
  if (view.rows > 1 && view.row_stride != view.cols) raise("InputError", "ids must be contiguous.");
  return codes(without_gil([&] {
    auto after = fates_of(before);
    splits::purge_events({view.data, static_cast<size_t>(view.rows * view.cols)}, view.cols, fates_in(after));
    return after;
  }));
}

// Row ids of train and of test, ascending.
py::tuple sides(const py::array& fates) {
  const auto view = vector_view<uint8_t>(fates, "fates");
  const std::span<const splits::Fate> values{reinterpret_cast<const splits::Fate*>(view.data()), view.size()};
  const auto rows = [&](splits::Fate fate) {
    const int64_t count = without_gil([&] { return splits::count_of(values, fate); });
    py::array_t<int64_t> array(count);
    int64_t* data = array.mutable_data();
    without_gil([&] {
      splits::write_rows_with(values, fate, count, data);
      return true;
    });
    return array;
  };
  return py::make_tuple(rows(splits::Fate::kTrain), rows(splits::Fate::kTest));
}

}  // namespace

void bind_splits(py::module_& m) {
  py::class_<PyTimeline>(m, "Timeline")
      .def(py::init<py::array, py::array>(), py::arg("t0"), py::arg("t1"))
      .def("check", &PyTimeline::check)
      .def_property_readonly("n_stamps", &PyTimeline::n_stamps)
      .def("stamp", &PyTimeline::stamp, py::arg("index"))
      .def("purge_and_embargo", &PyTimeline::purge_and_embargo, py::arg("is_test"), py::arg("embargo"),
           py::arg("lookback"), py::arg("block"))
      .def("window_split", &PyTimeline::window_split, py::arg("windows"), py::arg("embargo"),
           py::arg("lookback"), py::arg("block"))
      .def("forward_split", &PyTimeline::forward_split, py::arg("first"), py::arg("last"), py::arg("width"),
           py::arg("gap"))
      .def("temporal_split", &PyTimeline::temporal_split, py::arg("validation_first"), py::arg("test_first"),
           py::arg("gap"))
      .def("symbol_split", &PyTimeline::symbol_split, py::arg("symbol"), py::arg("held_out"),
           py::arg("first"), py::arg("last"), py::arg("strict"), py::arg("gap"), py::arg("embargo"),
           py::arg("lookback"), py::arg("block"))
      .def("audit", &PyTimeline::audit, py::arg("train"), py::arg("test"), py::arg("forward"), py::arg("gap"),
           py::arg("embargo"), py::arg("lookback"))
      .def("event_graph", &PyTimeline::event_graph, py::arg("ids"))
      .def("starts_outside", &PyTimeline::starts_outside, py::arg("start"), py::arg("end"), py::arg("gap"))
      .def("meets_window", &PyTimeline::meets_window, py::arg("start"), py::arg("end"))
      .def("balance_borders", &PyTimeline::balance_borders, py::arg("stratum"), py::arg("n_strata"),
           py::arg("borders"), py::arg("admissible"), py::arg("share"), py::arg("tolerance"));
  m.def(
      "longest_overlap",
      [](const py::array& t0, const py::array& t1) {
        const auto intervals = intervals_view(t0, t1);
        return without_gil([&] { return splits::longest_overlap(intervals); });
      },
      py::arg("t0"), py::arg("t1"), "h: 1 + the most later decisions that fall inside one label.");
  m.def("group_borders", &group_borders, py::arg("n_stamps"), py::arg("n_groups"));
  m.def("move_borders", &move_borders, py::arg("borders"), py::arg("admissible"), py::arg("starts"));
  m.def("purge_events", &purge_events, py::arg("ids"), py::arg("fates"));
  m.def("sides", &sides, py::arg("fates"));
}

}  // namespace smctrain::bindings
