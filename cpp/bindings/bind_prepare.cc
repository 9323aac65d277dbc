// Fold hygiene: fit on training rows, replay anywhere.
#include <numeric>

#include "bindings/numpy.h"
#include "smctrain/prepare/preprocess.h"

namespace smctrain::bindings {

namespace {

std::span<const int64_t> rows_or_all(const py::object& rows, int64_t n, std::vector<int64_t>& all) {
  if (!rows.is_none()) return vector_view<int64_t>(py::cast<py::array>(rows), "rows");
  all.resize(static_cast<size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<double> doubles(const py::array& array, const char* name, int64_t length) {
  const auto view = vector_view<double>(array, name, length);
  return {view.begin(), view.end()};
}

}  // namespace

void bind_prepare(py::module_& m) {
  m.def(
      "fit_preprocessing",
      [](const py::array& X, const py::array& rows, double max_missing, double clip_low, double clip_high,
         int threads) {
        const auto view = matrix_view<float>(X, "X");
        const auto fit_rows = vector_view<int64_t>(rows, "rows");
        prepare::Preprocessing fit;
        {
          const py::gil_scoped_release release;
          fit = prepare::fit_preprocessing(view, fit_rows, {max_missing, clip_low, clip_high}, threads);
        }
        std::vector<int8_t> drop;
        for (const auto reason : fit.drop) drop.push_back(static_cast<int8_t>(reason));
        py::dict result;
        result["kept"] = to_array(std::move(fit.columns.kept));
        result["median"] = to_array(std::move(fit.columns.median));
        result["low"] = to_array(std::move(fit.columns.low));
        result["high"] = to_array(std::move(fit.columns.high));
        result["mean"] = to_array(std::move(fit.columns.mean));
        result["scale"] = to_array(std::move(fit.columns.scale));
        result["drop"] = to_array(std::move(drop));
        result["duplicate_of"] = to_array(std::move(fit.duplicate_of));
        return result;
      },
      py::arg("X"), py::arg("rows"), py::arg("max_missing"), py::arg("clip_low"), py::arg("clip_high"),
      py::arg("threads"));
  m.def(
      "preprocess_transform",
      [](const py::array& X, const py::object& rows, const py::array& kept, const py::array& median,
         const py::array& low, const py::array& high, const py::array& mean, const py::array& scale,
         int threads) {
        const auto view = matrix_view<float>(X, "X");
        std::vector<int64_t> all;
        const auto which = rows_or_all(rows, view.rows, all);
        const auto kept_view = vector_view<int64_t>(kept, "kept");
        const auto k = static_cast<int64_t>(kept_view.size());
        const prepare::ColumnStatistics columns{{kept_view.begin(), kept_view.end()},
                                                doubles(median, "median", k),
                                                doubles(low, "low", k),
                                                doubles(high, "high", k),
                                                doubles(mean, "mean", k),
                                                doubles(scale, "scale", k)};
        std::vector<float> out(which.size() * static_cast<size_t>(k));
        {
          const py::gil_scoped_release release;
          prepare::transform(view, which, columns, threads, out.data());
        }
        return to_matrix(std::move(out), static_cast<int64_t>(which.size()), k);
      },
      py::arg("X"), py::arg("rows"), py::arg("kept"), py::arg("median"), py::arg("low"), py::arg("high"),
      py::arg("mean"), py::arg("scale"), py::arg("threads"));
  m.def(
      "preprocess_select",
      [](const py::array& X, const py::object& rows, const py::array& kept, int threads) {
        const auto view = matrix_view<float>(X, "X");
        std::vector<int64_t> all;
        const auto which = rows_or_all(rows, view.rows, all);
        const auto kept_view = vector_view<int64_t>(kept, "kept");
        std::vector<float> out(which.size() * kept_view.size());
        {
          const py::gil_scoped_release release;
          prepare::select(view, which, kept_view, threads, out.data());
        }
        return to_matrix(std::move(out), static_cast<int64_t>(which.size()),
                         static_cast<int64_t>(kept_view.size()));
      },
      py::arg("X"), py::arg("rows"), py::arg("kept"), py::arg("threads"));
}

}  // namespace smctrain::bindings
