// Permutation importance of every family with a native model. Faces: smctrain.models.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/boosting/permutation.h"
#include "smctrain/models/forest/permutation.h"
#include "smctrain/models/linear/permutation.h"
#include "smctrain/models/moves.h"

namespace smctrain::bindings {

namespace {

using models::Link;
using models::MovedScores;
using models::Moves;
using models::Score;

py::array_t<int32_t> permuted_rows(int64_t rows, int64_t horizon, int64_t repeats, uint64_t seed,
                                   const std::string& method) {
  if (method != "blocks" && method != "shift") {
    raise("InputError", "method must be 'blocks' or 'shift', but is '", method, "'.");
  }
  const auto chosen = method == "shift" ? models::MoveMethod::kShift : models::MoveMethod::kBlocks;
  return to_matrix(models::permuted_rows(rows, horizon, repeats, seed, chosen), repeats, rows);
}

// y: class codes (int32) of n_classes, or, with n_classes 0, numbers (float64).
Score score_of(const std::string& metric, const py::array& y, int64_t n_classes,
               const std::vector<double>& quantiles, int64_t rows) {
  if (n_classes == 0) return Score::of_numbers(metric, vector_view<double>(y, "y", rows), quantiles);
  return Score::of_classes(metric, vector_view<int32_t>(y, "y", rows), n_classes);
}

Moves moves_of(const py::array& sources, const py::array& groups, int64_t n_groups) {
  const auto view = matrix_view<int32_t>(sources, "sources");
  if (view.rows > 1 && view.row_stride != view.cols) raise("InputError", "sources must be contiguous.");
  Moves moves;
  moves.sources = {view.data, static_cast<size_t>(view.rows * view.cols)};
  moves.repeats = view.rows;
  moves.group_of = vector_view<int32_t>(groups, "groups");
  moves.groups = n_groups;
  if (n_groups < 0) raise("InputError", "n_groups must be at least 0, but is ", n_groups, ".");
  return moves;
}

template <class Work>
py::tuple run(const py::object& stop, const Moves& moves, Work&& work) {
  MovedScores scores = run_native(stop, 0.0, [&](const StopToken& token) { return work(token); });
  if (!scores.complete) raise("InputError", "the permutation importance was stopped before its end.");
  return py::make_tuple(scores.baseline, to_matrix(std::move(scores.moved), moves.groups, moves.repeats));
}

py::tuple forest_moved_scores(const models::Forest& forest, const py::array& X, const py::array& y,
                              const std::string& metric, const py::array& sources, const py::array& groups,
                              int64_t n_groups, int threads, const py::object& stop) {
  const auto view = matrix_view<float>(X, "X");
  const int64_t k = forest.state().n_classes;
  const Score score = score_of(metric, y, k == 1 ? 0 : k, {}, view.rows);
  const Moves moves = moves_of(sources, groups, n_groups);
  return run(stop, moves, [&](const StopToken& token) {
    return models::moved_scores(forest, view, score, moves, threads, token);
  });
}

py::tuple boosted_moved_scores(const models::boosting::TreeEnsemble& trees, const py::array& X,
                               const py::array& y, const std::string& metric,
                               const std::vector<double>& quantiles, const py::array& sources,
                               const py::array& groups, int64_t n_groups, int threads,
                               const py::object& stop) {
  const auto view = matrix_view<float>(X, "X");
  const Score score = score_of(metric, y, trees.arrays().n_classes, quantiles, view.rows);
  if (trees.arrays().n_classes == 0 && score.width() != trees.arrays().width()) {
    raise("InputError", "quantiles must have ", trees.arrays().width(), " entries, but has ",
          quantiles.size(), ".");
  }
  const Moves moves = moves_of(sources, groups, n_groups);
  return run(stop, moves, [&](const StopToken& token) {
    return models::boosting::moved_scores(trees, view, score, moves, threads, token);
  });
}

py::tuple linear_moved_scores(const py::array& coefs, const py::array& intercepts, int64_t n_classes,
                              bool one_vs_rest, const py::array& X, const py::array& y,
                              const std::string& metric, const py::array& sources, const py::array& groups,
                              int64_t n_groups, int threads, const py::object& stop) {
  const auto view = matrix_view<float>(X, "X");
  const auto vectors = matrix_view<double>(coefs, "coefs");
  const auto offsets = vector_view<double>(intercepts, "intercepts", vectors.rows);
  if (vectors.cols != view.cols || (vectors.rows > 1 && vectors.row_stride != vectors.cols)) {
    raise("InputError", "coefs must have ", view.cols, " packed columns, but has ", vectors.cols, ".");
  }
  if (vectors.rows != (n_classes > 2 ? n_classes : 1)) {
    raise("InputError", "coefs must have a row for each score, but has ", vectors.rows, ".");
  }
  const Score score = score_of(metric, y, n_classes, {}, view.rows);
  const Moves moves = moves_of(sources, groups, n_groups);
  const Link link = n_classes == 0   ? Link::kIdentity
                    : n_classes == 2 ? Link::kLogistic
                    : one_vs_rest    ? Link::kOneVsRest
                                     : Link::kSoftmax;
  const std::span<const double> all(vectors.data, static_cast<size_t>(vectors.rows * vectors.cols));
  return run(stop, moves, [&](const StopToken& token) {
    return models::linear::moved_scores(all, offsets, link, view, score, moves, threads, token);
  });
}

double prediction_score(const py::array& predicted, const py::array& y, const std::string& metric,
                        int64_t n_classes, const std::vector<double>& quantiles) {
  const auto view = matrix_view<double>(predicted, "predicted");
  const Score score = score_of(metric, y, n_classes, quantiles, view.rows);
  if (view.cols != score.width() || (view.rows > 1 && view.row_stride != view.cols)) {
    raise("InputError", "predicted must have ", score.width(), " packed columns, but has ", view.cols, ".");
  }
  const py::gil_scoped_release release;
  return score.of(view.data);
}

}  // namespace

void bind_explain(py::module_& m) {
  m.def("permuted_rows", &permuted_rows, py::arg("rows"), py::arg("horizon"), py::arg("repeats"),
        py::arg("seed"), py::arg("method") = "blocks", "Source rows (repeats, rows) of moved rows.");
  m.def("prediction_score", &prediction_score, py::arg("predicted"), py::arg("y"), py::arg("metric"),
        py::arg("n_classes"), py::arg("quantiles") = std::vector<double>{},
        "Score of predictions (n, classes), larger is better; n_classes 0: numbers.");
  m.def("forest_moved_scores", &forest_moved_scores, py::arg("forest"), py::arg("X"), py::arg("y"),
        py::arg("metric"), py::arg("sources"), py::arg("groups"), py::arg("n_groups"), py::arg("threads"),
        py::arg("stop") = py::none(), "(score, scores (n_groups, repeats) with one group of columns moved).");
  m.def("boosted_moved_scores", &boosted_moved_scores, py::arg("trees"), py::arg("X"), py::arg("y"),
        py::arg("metric"), py::arg("quantiles"), py::arg("sources"), py::arg("groups"), py::arg("n_groups"),
        py::arg("threads"), py::arg("stop") = py::none(), "As forest_moved_scores.");
  m.def("linear_moved_scores", &linear_moved_scores, py::arg("coefs"), py::arg("intercepts"),
        py::arg("n_classes"), py::arg("one_vs_rest"), py::arg("X"), py::arg("y"), py::arg("metric"),
        py::arg("sources"), py::arg("groups"), py::arg("n_groups"), py::arg("threads"),
        py::arg("stop") = py::none(), "As forest_moved_scores.");
}

}  // namespace smctrain::bindings
