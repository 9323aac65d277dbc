// Fold hygiene: fit on training rows, replay anywhere. Column transforms take float32 or float64.
#include <numeric>

#include "bindings/numpy.h"
#include "smctrain/prepare/columns.h"
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

py::array_t<int8_t> reasons(const std::vector<prepare::Drop>& drop) {
  std::vector<int8_t> codes;
  codes.reserve(drop.size());
  for (const auto reason : drop) codes.push_back(static_cast<int8_t>(reason));
  return to_array(std::move(codes));
}

// body(T{}) with the T of the array's dtype.
template <class Body>
auto with_float_type(const py::array& X, const Body& body) {
  if (X.dtype().equal(py::dtype::of<double>())) return body(double{});
  if (!X.dtype().equal(py::dtype::of<float>())) {
    raise("InputError", "X must be float32 or float64, but is ",
          py::cast<std::string>(py::str(static_cast<py::object>(X.dtype()))), ".");
  }
  return body(float{});
}

void bind_columns(py::module_& m) {
  m.def(
      "describe_columns",
      [](const py::array& X, const py::object& rows, const py::object& weight, const py::array& shares,
         int threads) {
        return with_float_type(X, [&](auto zero) {
          using T = decltype(zero);
          const auto view = matrix_view<T>(X, "X");
          std::vector<int64_t> all;
          const auto which = rows_or_all(rows, view.rows, all);
          const auto weights =
              optional_vector_view<double>(weight, "weight", static_cast<int64_t>(which.size()));
          const auto share_view = vector_view<double>(shares, "shares");
          prepare::ColumnNumbers numbers;
          {
            const py::gil_scoped_release release;
            numbers = prepare::describe<T>(view, which, weights, share_view, threads);
          }
          py::list quantiles;
          for (auto& values : numbers.quantiles) quantiles.append(to_array(std::move(values)));
          py::dict result;
          result["count"] = to_array(std::move(numbers.count));
          result["mean"] = to_array(std::move(numbers.mean));
          result["deviation"] = to_array(std::move(numbers.deviation));
          result["minimum"] = to_array(std::move(numbers.minimum));
          result["maximum"] = to_array(std::move(numbers.maximum));
          result["quantiles"] = quantiles;
          return result;
        });
      },
      py::arg("X"), py::arg("rows"), py::arg("weight"), py::arg("shares"), py::arg("threads"),
      "Of the values present in `rows` (None: all): count, mean, unbiased deviation, extremes, quantiles. "
      "`weight` has one entry for each of `rows`, and acts on all but the quantiles.");
  m.def(
      "filter_columns",
      [](const py::array& X, const py::object& rows, double max_missing, bool constant, bool duplicates,
         int threads) {
        return with_float_type(X, [&](auto zero) {
          using T = decltype(zero);
          const auto view = matrix_view<T>(X, "X");
          std::vector<int64_t> all;
          const auto which = rows_or_all(rows, view.rows, all);
          prepare::Filtered filtered;
          {
            const py::gil_scoped_release release;
            filtered = prepare::filter_columns<T>(view, which, {max_missing, constant, duplicates}, threads);
          }
          return py::make_tuple(reasons(filtered.drop), to_array(std::move(filtered.duplicate_of)));
        });
      },
      py::arg("X"), py::arg("rows"), py::arg("max_missing"), py::arg("constant"), py::arg("duplicates"),
      py::arg("threads"), "(reason of each column, 0 for kept; the kept column it duplicates, or -1).");
  m.def(
      "apply_columns",
      [](const py::array& X, const py::object& rows, const py::array& kept, const py::array& fill,
         const py::array& low, const py::array& high, const py::array& center, const py::array& scale,
         const py::array& indicators, int threads) -> py::object {
        return with_float_type(X, [&](auto zero) -> py::object {
          using T = decltype(zero);
          const auto view = matrix_view<T>(X, "X");
          std::vector<int64_t> all;
          const auto which = rows_or_all(rows, view.rows, all);
          const auto kept_view = vector_view<int64_t>(kept, "kept");
          const auto marks = vector_view<int64_t>(indicators, "indicators");
          const auto k = static_cast<int64_t>(kept_view.size());
          const prepare::ColumnProgram program{{kept_view.begin(), kept_view.end()},
                                               doubles(fill, "fill", k),
                                               doubles(low, "low", k),
                                               doubles(high, "high", k),
                                               doubles(center, "center", k),
                                               doubles(scale, "scale", k),
                                               {marks.begin(), marks.end()}};
          // Left unwritten until the rows are: a large matrix is touched once.
          py::array_t<T> out(
              {static_cast<py::ssize_t>(which.size()), static_cast<py::ssize_t>(program.width())});
          T* data = out.mutable_data();
          {
            const py::gil_scoped_release release;
            prepare::apply<T>(view, which, program, threads, data);
          }
          return out;
        });
      },
      py::arg("X"), py::arg("rows"), py::arg("kept"), py::arg("fill"), py::arg("low"), py::arg("high"),
      py::arg("center"), py::arg("scale"), py::arg("indicators"), py::arg("threads"),
      "Columns `kept`: missing values filled, clipped, then (x - center) / scale; then the indicators of "
      "missing "
      "values.");
  m.def(
      "restore_columns",
      [](const py::array& X, const py::array& center, const py::array& scale, int threads) -> py::object {
        return with_float_type(X, [&](auto zero) -> py::object {
          using T = decltype(zero);
          const auto view = matrix_view<T>(X, "X");
          const auto centers = vector_view<double>(center, "center", view.cols);
          const auto scales = vector_view<double>(scale, "scale", view.cols);
          std::vector<T> out(static_cast<size_t>(view.rows * view.cols));
          {
            const py::gil_scoped_release release;
            prepare::restore<T>(view, centers, scales, threads, out.data());
          }
          return to_matrix(std::move(out), view.rows, view.cols);
        });
      },
      py::arg("X"), py::arg("center"), py::arg("scale"), py::arg("threads"), "x * scale + center.");
}

}  // namespace

void bind_prepare(py::module_& m) {
  bind_columns(m);
  m.def(
      "fit_preprocessing",
      [](const py::array& X, const py::array& rows, double max_missing, const py::object& clip, int impute,
         double fill, int scale, double indicator, int threads) {
        const auto view = matrix_view<float>(X, "X");
        const auto fit_rows = vector_view<int64_t>(rows, "rows");
        if (impute < 0 || impute > 3 || scale < 0 || scale > 3) {
          raise("InputError", "impute and scale must be codes in 0..3, but are ", impute, " and ", scale,
                ".");
        }
        prepare::PreprocessSettings settings;
        settings.max_missing = max_missing;
        settings.clips = !clip.is_none();
        if (settings.clips) {
          std::tie(settings.clip_low, settings.clip_high) = py::cast<std::pair<double, double>>(clip);
        }
        settings.impute = static_cast<prepare::Impute>(impute);
        settings.fill = fill;
        settings.scale = static_cast<prepare::Scale>(scale);
        settings.indicator = indicator;
        prepare::Preprocessing fit;
        {
          const py::gil_scoped_release release;
          fit = prepare::fit_preprocessing(view, fit_rows, settings, threads);
        }
        py::dict result;
        result["kept"] = to_array(std::move(fit.columns.kept));
        result["fill"] = to_array(std::move(fit.columns.fill));
        result["low"] = to_array(std::move(fit.columns.low));
        result["high"] = to_array(std::move(fit.columns.high));
        result["center"] = to_array(std::move(fit.columns.center));
        result["scale"] = to_array(std::move(fit.columns.scale));
        result["indicators"] = to_array(std::move(fit.columns.indicators));
        result["drop"] = reasons(fit.drop);
        result["duplicate_of"] = to_array(std::move(fit.duplicate_of));
        return result;
      },
      py::arg("X"), py::arg("rows"), py::arg("max_missing"), py::arg("clip"), py::arg("impute"),
      py::arg("fill"), py::arg("scale"), py::arg("indicator"), py::arg("threads"),
      "impute: 0 median, 1 mean, 2 constant, 3 none. scale: 0 standard, 1 robust, 2 min-max, 3 none. clip: "
      "quantiles or None. indicator: least share of missing values, infinite for none.");
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
