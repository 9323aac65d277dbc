// Augmentation room: copies of training rows, SMOTE.
#include <string>
#include <utility>
#include <vector>

#include "bindings/numpy.h"
#include "smctrain/augment/columns.h"
#include "smctrain/augment/policy.h"
#include "smctrain/augment/smote.h"
#include "smctrain/augment/transforms.h"

namespace smctrain::bindings {

namespace {

using RowWork = void (*)(std::span<const double>, std::span<const augment::Column>, double, Philox&,
                         std::span<double>);

// Applies one row transform to every row.
py::array_t<double> transform(const py::array& x, const py::object& discrete, double strength, uint64_t seed,
                              const char* purpose, RowWork work) {
  const auto view = matrix_view<double>(x, "X");
  const auto forced = optional_vector_view<uint8_t>(discrete, "discrete", view.cols);
  std::vector<double> out(static_cast<size_t>(view.rows * view.cols));
  {
    const py::gil_scoped_release release;
    const auto columns = augment::describe_columns(view, forced);
    Philox random(seed, purpose);
    for (int64_t i = 0; i < view.rows; ++i) {
      work(view.row(i), columns, strength, random,
           {out.data() + i * view.cols, static_cast<size_t>(view.cols)});
    }
  }
  return to_matrix(std::move(out), view.rows, view.cols);
}

py::array_t<double> jitter(const py::array& x, const py::object& discrete, double std, uint64_t seed) {
  return transform(x, discrete, std, seed, "augment/jitter", &augment::jitter_row);
}

py::array_t<double> dropout(const py::array& x, const py::object& discrete, double rate, uint64_t seed) {
  return transform(x, discrete, rate, seed, "augment/dropout", &augment::dropout_row);
}

// For every row, the row whose features it takes.
py::array_t<int64_t> shifted_rows(int64_t rows, const py::object& segment, int64_t max_shift, uint64_t seed) {
  if (max_shift < 1) raise("InputError", "max_shift must be at least 1, but is ", max_shift, ".");
  const auto stretches = optional_vector_view<int32_t>(segment, "segment", rows);
  std::vector<int64_t> out(static_cast<size_t>(rows));
  {
    const py::gil_scoped_release release;
    Philox random(seed, "augment/shift");
    for (int64_t i = 0; i < rows; ++i) {
      out[static_cast<size_t>(i)] = augment::shifted_row(i, stretches, max_shift, random);
    }
  }
  return to_array(std::move(out));
}

py::tuple copy_rows(const py::array& x, const py::array& classes, const py::object& segment,
                    const py::object& discrete, int64_t copies, bool order_is_time, double std,
                    int64_t max_shift, double dropout_rate, uint64_t seed) {
  const auto view = matrix_view<double>(x, "X");
  const auto codes = vector_view<int64_t>(classes, "classes", view.rows);
  const auto stretches = optional_vector_view<int32_t>(segment, "segment", view.rows);
  const auto forced = optional_vector_view<uint8_t>(discrete, "discrete", view.cols);
  augment::CopiedRows out;
  {
    const py::gil_scoped_release release;
    Philox random(seed, "augment/copies");
    out = augment::copy_rows(view, augment::describe_columns(view, forced), codes, stretches, copies,
                             {order_is_time, std, max_shift, dropout_rate}, random);
  }
  return py::make_tuple(to_matrix(std::move(out.x), copies, view.cols),
                        to_matrix(std::move(out.parents), copies, 2), to_array(std::move(out.method)));
}

py::tuple smote(const py::array& x, const py::array& class_rows, const py::object& discrete, int64_t count,
                int64_t k, uint64_t seed, const std::string& purpose) {
  const auto view = matrix_view<double>(x, "X");
  const auto rows = vector_view<int64_t>(class_rows, "class_rows");
  const auto forced = optional_vector_view<uint8_t>(discrete, "discrete", view.cols);
  for (const int64_t row : rows) {
    if (row < 0 || row >= view.rows) raise("InputError", "class_rows holds ", row, ", which is no row of X.");
  }
  augment::SmoteRows out;
  {
    const py::gil_scoped_release release;
    Philox random(seed, purpose);
    out = augment::smote(view, augment::describe_columns(view, forced), rows, count, k, random);
  }
  const auto made = static_cast<int64_t>(out.parents.size() / 2);
  return py::make_tuple(to_matrix(std::move(out.x), made, view.cols),
                        to_matrix(std::move(out.parents), made, 2), out.skipped);
}

}  // namespace

void bind_augment(py::module_& m) {
  m.def("jitter", &jitter, py::arg("X"), py::arg("discrete"), py::arg("std"), py::arg("seed"));
  m.def("feature_dropout", &dropout, py::arg("X"), py::arg("discrete"), py::arg("rate"), py::arg("seed"));
  m.def("shifted_rows", &shifted_rows, py::arg("rows"), py::arg("segment"), py::arg("max_shift"),
        py::arg("seed"));
  m.def("copy_rows", &copy_rows, py::arg("X"), py::arg("classes"), py::arg("segment"), py::arg("discrete"),
        py::arg("copies"), py::arg("order_is_time"), py::arg("std"), py::arg("max_shift"),
        py::arg("dropout_rate"), py::arg("seed"));
  m.def("smote", &smote, py::arg("X"), py::arg("class_rows"), py::arg("discrete"), py::arg("count"),
        py::arg("k"), py::arg("seed"), py::arg("purpose"));
}

}  // namespace smctrain::bindings
