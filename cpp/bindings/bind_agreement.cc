// Agreement of rankings and clusters of columns. Faces: smctrain.stats.
#include <pybind11/pybind11.h>

#include "bindings/numpy.h"
#include "smctrain/stats/rank_agreement.h"

namespace smctrain::bindings {

void bind_agreement(py::module_& m) {
  m.def(
      "spearman_matrix",
      [](const py::array& X, const py::array& rows, int threads) {
        const auto view = matrix_view<float>(X, "X");
        const auto which = vector_view<int64_t>(rows, "rows");
        std::vector<double> out;
        {
          const py::gil_scoped_release release;
          out = stats::spearman_matrix(view, which, threads);
        }
        return to_matrix(std::move(out), view.cols, view.cols);
      },
      py::arg("X"), py::arg("rows"), py::arg("threads") = 1, "Spearman's correlation of the columns.");
  m.def(
      "spearman",
      [](const py::array& a, const py::array& b) {
        const auto left = vector_view<double>(a, "a");
        const auto right = vector_view<double>(b, "b");
        const py::gil_scoped_release release;
        return stats::spearman(left, right);
      },
      py::arg("a"), py::arg("b"));
  m.def(
      "kendall_tau_b",
      [](const py::array& a, const py::array& b) {
        const auto left = vector_view<double>(a, "a");
        const auto right = vector_view<double>(b, "b");
        const py::gil_scoped_release release;
        return stats::kendall_tau_b(left, right);
      },
      py::arg("a"), py::arg("b"));
  m.def(
      "rank_biased_overlap",
      [](const py::array& item1, const py::array& depth1, const py::array& item2, const py::array& depth2,
         double p) {
        const stats::RankedList a{vector_view<int32_t>(item1, "list1"),
                                  vector_view<int32_t>(depth1, "list1")};
        const stats::RankedList b{vector_view<int32_t>(item2, "list2"),
                                  vector_view<int32_t>(depth2, "list2")};
        const auto rbo = [&] {
          const py::gil_scoped_release release;
          return stats::rank_biased_overlap(a, b, p);
        }();
        return py::make_tuple(rbo.min, rbo.res, rbo.ext);
      },
      py::arg("item1"), py::arg("depth1"), py::arg("item2"), py::arg("depth2"), py::arg("p"),
      "(min, res, ext).");
  m.def(
      "average_linkage",
      [](const py::array& distance, double cut) {
        const auto view = matrix_view<double>(distance, "distance");
        std::vector<int32_t> labels;
        {
          const py::gil_scoped_release release;
          labels = stats::average_linkage(view, cut);
        }
        return to_array(std::move(labels));
      },
      py::arg("distance"), py::arg("cut"), "Cluster of each member.");
}

}  // namespace smctrain::bindings
