// Panel room: rows of many symbols on one clock, cross-sections, samples.
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/panel/cross_section.h"
#include "smctrain/panel/order.h"
#include "smctrain/panel/sample.h"

namespace smctrain::bindings {

namespace {

py::dict panel_order(const std::vector<py::array>& stamps, const std::vector<std::string>& names,
                     int64_t min_count, int64_t max_rows) {
  std::vector<std::span<const int64_t>> views;
  views.reserve(stamps.size());
  for (const auto& own : stamps) views.push_back(vector_view<int64_t>(own, "stamps"));
  panel::Order order = run_native(py::none(), 0.0, [&](const StopToken& token) {
    panel::Order merged = panel::merge(views, names, token);
    panel::keep(merged, min_count, max_rows);
    return merged;
  });
  py::dict result;
  result["time"] = to_array(std::move(order.time));
  result["symbol"] = to_array(std::move(order.symbol));
  result["bar"] = to_array(std::move(order.bar));
  result["start"] = to_array(std::move(order.start));
  return result;
}

template <class T>
void cross_section_of(const py::array& values, const py::array& start, const py::array& columns,
                      const py::object& where, const panel::CrossSection& options, py::array& out) {
  const auto from = matrix_view<T>(values, "values");
  const auto to = matrix_view<T>(out, "out");
  if (!out.writeable()) raise("InputError", "out must be writable.");
  const MatrixView<T> target{static_cast<T*>(out.mutable_data()), to.rows, to.cols, to.row_stride};
  const auto stamps = vector_view<int64_t>(start, "start");
  const auto which = vector_view<int64_t>(columns, "columns");
  const auto counts = optional_vector_view<uint8_t>(where, "where", from.rows);
  run_native(py::none(), 0.0, [&](const StopToken& token) {
    panel::cross_section<T>(from, stamps, which, counts, options, target, token);
    return true;
  });
}

void panel_cross_section(const py::array& values, const py::array& start, const py::array& columns,
                         const py::object& where, int64_t min_count, bool rank, bool z, py::array out) {
  const panel::CrossSection options{min_count, rank, z};
  if (values.dtype().equal(py::dtype::of<float>())) {
    cross_section_of<float>(values, start, columns, where, options, out);
  } else {
    cross_section_of<double>(values, start, columns, where, options, out);
  }
}

py::array_t<int64_t> panel_sample(const py::array& time, const py::array& symbol, const py::array& symbol_key,
                                  const py::array& rows, uint64_t seed, bool whole_stamps, bool newest,
                                  int64_t per_stamp, double share, int64_t max_rows) {
  const auto stamps = vector_view<int64_t>(time, "time");
  const auto codes = vector_view<int32_t>(symbol, "symbol", static_cast<int64_t>(stamps.size()));
  const auto keys = vector_view<uint64_t>(symbol_key, "symbol_key");
  const auto which = vector_view<int64_t>(rows, "rows");
  const panel::SampleOptions options{seed, whole_stamps, newest, per_stamp, share, max_rows};
  return to_array(run_native(
      py::none(), 0.0, [&](const StopToken&) { return panel::sample(stamps, codes, keys, which, options); }));
}

}  // namespace

void bind_panel(py::module_& m) {
  m.def("panel_order", &panel_order, py::arg("stamps"), py::arg("names"), py::arg("min_count"),
        py::arg("max_rows"));
  m.def("panel_cross_section", &panel_cross_section, py::arg("values"), py::arg("start"), py::arg("columns"),
        py::arg("where"), py::arg("min_count"), py::arg("rank"), py::arg("z"), py::arg("out"));
  m.def("panel_sample", &panel_sample, py::arg("time"), py::arg("symbol"), py::arg("symbol_key"),
        py::arg("rows"), py::arg("seed"), py::arg("whole_stamps"), py::arg("newest"), py::arg("per_stamp"),
        py::arg("share"), py::arg("max_rows"));
}

}  // namespace smctrain::bindings
