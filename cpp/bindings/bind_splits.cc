// Splits room: fates of rows under purge and embargo, forward splits, the audit.
#include <vector>

#include "bindings/numpy.h"
#include "smctrain/splits/audit.h"
#include "smctrain/splits/intervals.h"
#include "smctrain/splits/purged_kfold.h"
#include "smctrain/splits/temporal.h"

namespace smctrain::bindings {

namespace {

splits::Intervals intervals_view(const py::array& t0, const py::array& t1) {
  return {vector_view<int64_t>(t0, "t0"), vector_view<int64_t>(t1, "t1")};
}

template <class Enum>
py::array_t<uint8_t> codes(const std::vector<Enum>& values) {
  std::vector<uint8_t> out(values.size());
  for (size_t i = 0; i < values.size(); ++i) out[i] = static_cast<uint8_t>(values[i]);
  return to_array(std::move(out));
}

template <class Work>
auto without_gil(Work&& work) {
  const py::gil_scoped_release release;
  return work();
}

py::array_t<uint8_t> purge_and_embargo(const py::array& t0, const py::array& t1, const py::array& is_test,
                                       int64_t embargo_stamps, int64_t embargo_span) {
  const auto intervals = intervals_view(t0, t1);
  const auto tests = vector_view<uint8_t>(is_test, "is_test", intervals.size());
  return codes(without_gil([&] {
    splits::check(intervals);
    return splits::purge_and_embargo(intervals, splits::Stamps(intervals.t0), tests,
                                     {embargo_stamps, embargo_span});
  }));
}

py::array_t<uint8_t> group_split(const py::array& t0, const py::array& t1, int64_t n_groups,
                                 const py::array& test_groups, int64_t embargo_stamps, int64_t embargo_span) {
  const auto intervals = intervals_view(t0, t1);
  const auto groups = vector_view<int64_t>(test_groups, "test_groups");
  return codes(without_gil([&] {
    splits::check(intervals);
    return splits::group_split(intervals, splits::Stamps(intervals.t0), n_groups, groups,
                               {embargo_stamps, embargo_span});
  }));
}

py::array_t<uint8_t> forward_split(const py::array& t0, const py::array& t1, int64_t first, int64_t last,
                                   int64_t window, int64_t gap_stamps, int64_t gap_span) {
  const auto intervals = intervals_view(t0, t1);
  return codes(without_gil([&] {
    splits::check(intervals);
    return splits::forward_split(intervals, splits::Stamps(intervals.t0), first, last, window,
                                 {gap_stamps, gap_span});
  }));
}

py::array_t<uint8_t> temporal_split(const py::array& t0, const py::array& t1, int64_t validation_first,
                                    int64_t test_first, int64_t gap_stamps, int64_t gap_span) {
  const auto intervals = intervals_view(t0, t1);
  return codes(without_gil([&] {
    splits::check(intervals);
    return splits::temporal_split(intervals, splits::Stamps(intervals.t0), validation_first, test_first,
                                  {gap_stamps, gap_span});
  }));
}

py::array_t<int64_t> group_borders(int64_t n_stamps, int64_t n_groups) {
  return to_array(splits::group_borders(n_stamps, n_groups));
}

int64_t count_stamps(const py::array& t0) {
  const auto view = vector_view<int64_t>(t0, "t0");
  return without_gil([&] { return splits::Stamps(view).size(); });
}

py::tuple audit_split(const py::array& t0, const py::array& t1, const py::array& train, const py::array& test,
                      bool forward, int64_t embargo_stamps, int64_t embargo_span) {
  const auto intervals = intervals_view(t0, t1);
  const auto train_rows = vector_view<int64_t>(train, "train");
  const auto test_rows = vector_view<int64_t>(test, "test");
  splits::Leak leak = without_gil([&] {
    splits::check(intervals);
    return splits::audit_split(intervals, splits::Stamps(intervals.t0), train_rows, test_rows, forward,
                               {embargo_stamps, embargo_span});
  });
  return py::make_tuple(leak.code, to_array(std::move(leak.rows)), leak.count);
}

}  // namespace

void bind_splits(py::module_& m) {
  m.def("purge_and_embargo", &purge_and_embargo, py::arg("t0"), py::arg("t1"), py::arg("is_test"),
        py::arg("embargo_stamps"), py::arg("embargo_span"));
  m.def("group_split", &group_split, py::arg("t0"), py::arg("t1"), py::arg("n_groups"),
        py::arg("test_groups"), py::arg("embargo_stamps"), py::arg("embargo_span"));
  m.def("forward_split", &forward_split, py::arg("t0"), py::arg("t1"), py::arg("first"), py::arg("last"),
        py::arg("window"), py::arg("gap_stamps"), py::arg("gap_span"));
  m.def("temporal_split", &temporal_split, py::arg("t0"), py::arg("t1"), py::arg("validation_first"),
        py::arg("test_first"), py::arg("gap_stamps"), py::arg("gap_span"));
  m.def("group_borders", &group_borders, py::arg("n_stamps"), py::arg("n_groups"));
  m.def("count_stamps", &count_stamps, py::arg("t0"));
  m.def("audit_split", &audit_split, py::arg("t0"), py::arg("t1"), py::arg("train"), py::arg("test"),
        py::arg("forward"), py::arg("embargo_stamps"), py::arg("embargo_span"));
}

}  // namespace smctrain::bindings
