// Audit room: what one column knows by itself, and rows that are copies of one another.
#include <pybind11/stl.h>

#include <vector>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/audit/column_auc.h"
#include "smctrain/audit/row_twins.h"

namespace smctrain::bindings {

namespace {

audit::Space space_view(const py::array& X, const py::array& center, const py::array& weight) {
  return {matrix_view<float>(X, "X"), vector_view<double>(center, "center"),
          vector_view<double>(weight, "weight")};
}

py::array_t<double> column_auc(const py::array& X, const py::array& rows, const py::array& codes,
                               int32_t n_classes, const std::vector<std::pair<py::array, py::array>>& folds,
                               int64_t min_leaf, int threads) {
  const auto matrix = matrix_view<float>(X, "X");
  const auto which = vector_view<int64_t>(rows, "rows");
  const auto classes = vector_view<int32_t>(codes, "codes", static_cast<int64_t>(which.size()));
  std::vector<audit::Fold> parts;
  for (const auto& [train, test] : folds) {
    parts.push_back({vector_view<int64_t>(train, "train"), vector_view<int64_t>(test, "test")});
  }
  auto auc = run_native(py::none(), 0.0, [&](const StopToken&) {
    return audit::column_auc(matrix, which, classes, n_classes, parts, min_leaf, threads);
  });
  return to_matrix(std::move(auc), matrix.cols, static_cast<int64_t>(parts.size()));
}

}  // namespace

void bind_audit(py::module_& m) {
  m.def("column_auc", &column_auc, py::arg("X"), py::arg("rows"), py::arg("codes"), py::arg("n_classes"),
        py::arg("folds"), py::arg("min_leaf"), py::arg("threads") = 1,
        "(columns, folds): AUC of a depth-2 tree on each column alone, on the rows the fold holds out.");
  m.def(
      "row_fingerprints",
      [](const py::array& X, const py::array& rows, int digits, int threads) {
        const auto matrix = matrix_view<float>(X, "X");
        const auto which = vector_view<int64_t>(rows, "rows");
        std::vector<uint64_t> out;
        {
          const py::gil_scoped_release release;
          out = audit::row_fingerprints(matrix, which, digits, threads);
        }
        return to_array(std::move(out));
      },
      py::arg("X"), py::arg("rows"), py::arg("digits") = 6, py::arg("threads") = 1,
      "Hash of each row, its values rounded to significant digits.");
  m.def(
      "near_twins",
      [](const py::array& X, const py::array& center, const py::array& weight, const py::array& queries,
         const py::array& base, double radius, int threads) {
        const auto space = space_view(X, center, weight);
        const auto asked = vector_view<int64_t>(queries, "queries");
        const auto among = vector_view<int64_t>(base, "base");
        std::vector<int64_t> out;
        {
          const py::gil_scoped_release release;
          out = audit::near_twins(space, asked, among, radius, threads);
        }
        return to_array(std::move(out));
      },
      py::arg("X"), py::arg("center"), py::arg("weight"), py::arg("queries"), py::arg("base"),
      py::arg("radius"), py::arg("threads") = 1, "A base row within the radius of each queried row, or -1.");
  m.def(
      "nearest_rows",
      [](const py::array& X, const py::array& center, const py::array& weight, const py::array& queries,
         const py::array& base, int threads) {
        const auto space = space_view(X, center, weight);
        const auto asked = vector_view<int64_t>(queries, "queries");
        const auto among = vector_view<int64_t>(base, "base");
        auto out = run_native(py::none(), 0.0, [&](const StopToken&) {
          return audit::nearest_rows(space, asked, among, threads);
        });
        return py::make_tuple(to_array(std::move(out.first)), to_array(std::move(out.second)));
      },
      py::arg("X"), py::arg("center"), py::arg("weight"), py::arg("queries"), py::arg("base"),
      py::arg("threads") = 1, "(distance, row) of the nearest base row of each queried row.");
}

}  // namespace smctrain::bindings
