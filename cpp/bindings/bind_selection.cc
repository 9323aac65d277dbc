// Feature selection: scores, correlation, circular-shift Boruta, stability over time blocks.
#include <pybind11/stl.h>

#include <numeric>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/selection/boruta.h"
#include "smctrain/selection/correlation.h"
#include "smctrain/selection/neighbours.h"
#include "smctrain/selection/stability.h"

namespace smctrain::bindings {

using selection::Target;

namespace {

// y: class codes (int32), or, with n_classes 1, numbers (float64).
Target target_of(const py::array& y, int64_t n_classes, const py::object& weight, int64_t rows) {
  Target target;
  target.n_classes = n_classes;
  target.weights = optional_vector_view<double>(weight, "weight", rows);
  if (n_classes == 1) {
    target.numbers = vector_view<double>(y, "y", rows);
  } else {
    target.codes = vector_view<int32_t>(y, "y", rows);
  }
  return target;
}

selection::Methods methods_of(const std::vector<std::string>& names) {
  selection::Methods methods{false, false, false};
  for (const auto& name : names) {
    if (name == "forest") {
      methods.forest = true;
    } else if (name == "mutual_info") {
      methods.information = true;
    } else if (name == "f") {
      methods.f = true;
    } else {
      raise("InputError", "scores must be of forest, mutual_info and f, but hold ", name, ".");
    }
  }
  if (names.empty()) raise("InputError", "scores must name at least one score.");
  return methods;
}

py::dict f_scores(const py::array& X, const py::array& y, int64_t n_classes, const py::object& weight,
                  int threads) {
  const auto view = matrix_view<float>(X, "X");
  const Target target = target_of(y, n_classes, weight, view.rows);
  auto scores = run_native(py::none(), 0.0, [&](const StopToken& stop) {
    return selection::f_scores(view, target, threads, stop);
  });
  py::dict result;
  result["f"] = to_array(std::move(scores.f));
  result["p"] = to_array(std::move(scores.p));
  return result;
}

py::array_t<double> binned_information(const py::array& X, const py::array& y, int64_t n_classes,
                                       const py::object& weight, int n_bins, int threads) {
  const auto view = matrix_view<float>(X, "X");
  const Target target = target_of(y, n_classes, weight, view.rows);
  if (n_bins < 2 || n_bins > models::kMaxByteBins) {
    raise("InputError", "n_bins must be an integer from 2 to 255, but is ", n_bins, ".");
  }
  return to_array(run_native(py::none(), 0.0, [&](const StopToken& stop) {
    selection::check_target(target, view.rows);
    std::vector<int64_t> all(static_cast<size_t>(view.rows));
    std::iota(all.begin(), all.end(), 0);
    const auto binned = models::bin_matrix(view, all, n_bins, threads, stop);
    std::vector<int32_t> codes(target.codes.begin(), target.codes.end());
    if (!target.classes()) codes = selection::quantile_codes(target.numbers, n_bins);
    return selection::binned_information(binned, all, codes, target.classes() ? n_classes : n_bins,
                                         target.weights, threads);
  }));
}

double neighbour_information(const py::array& x, const py::array& y, int64_t n_classes, int k) {
  const auto values = vector_view<double>(x, "x");
  const auto rows = static_cast<int64_t>(values.size());
  if (k < 1 || k >= rows) {
    raise("InputError", "n_neighbors must be at least 1 and below the ", rows, " rows, but is ", k, ".");
  }
  const Target target = target_of(y, n_classes, py::none(), rows);
  return run_native(py::none(), 0.0, [&](const StopToken& stop) {
    selection::check_target(target, rows);
    return target.classes() ? selection::information_of_classes(values, target.codes, n_classes, k, stop)
                            : selection::information_of_numbers(values, target.numbers, k, stop);
  });
}

py::array_t<double> correlation_matrix(const py::array& X, bool ranks, int threads) {
  const auto view = matrix_view<float>(X, "X");
  return to_matrix(run_native(py::none(), 0.0,
                              [&](const StopToken& stop) {
                                return selection::correlation_matrix(view, ranks, threads, stop);
                              }),
                   view.cols, view.cols);
}

py::array_t<int64_t> prune_correlated(const py::array& correlation, const py::array& scores, double limit,
                                      int64_t min_keep) {
  const auto matrix = matrix_view<double>(correlation, "correlation");
  const auto values = vector_view<double>(scores, "scores");
  return to_array(selection::prune_correlated(matrix, values, limit, min_keep));
}

py::array_t<double> column_scores(const py::array& X, const py::array& y, int64_t n_classes,
                                  const py::object& weight, const std::vector<std::string>& names,
                                  int64_t n_trees, int max_depth, int n_bins, uint64_t seed, int threads,
                                  const py::object& stop, double time_limit_s) {
  const auto view = matrix_view<float>(X, "X");
  const Target target = target_of(y, n_classes, weight, view.rows);
  const auto methods = methods_of(names);
  auto scores = run_native(stop, time_limit_s, [&](const StopToken& token) {
    selection::check_target(target, view.rows);
    const auto prepared = selection::prepare(view, target, n_bins, threads, token);
    std::vector<int64_t> all(static_cast<size_t>(view.rows));
    std::iota(all.begin(), all.end(), 0);
    return selection::column_scores(view, prepared, all, target, methods, {n_trees, max_depth, seed}, threads,
                                    token);
  });
  std::vector<double> flat;
  for (const auto& list : scores) flat.insert(flat.end(), list.begin(), list.end());
  return to_matrix(std::move(flat), static_cast<int64_t>(scores.size()), view.cols);
}

py::array_t<double> rank_consensus(const py::array& scores) {
  const auto view = matrix_view<double>(scores, "scores");
  std::vector<std::vector<double>> lists;
  for (int64_t i = 0; i < view.rows; ++i) lists.emplace_back(view.row(i).begin(), view.row(i).end());
  return to_array(selection::rank_consensus(lists));
}

py::dict circular_boruta(const py::array& X, const py::array& y, int64_t n_classes, const py::object& weight,
                         int64_t horizon, int64_t repeats, int64_t n_trees, int max_depth, double level,
                         bool circular, bool thin, uint64_t seed, int threads, const py::object& stop,
                         double time_limit_s) {
  const auto view = matrix_view<float>(X, "X");
  const Target target = target_of(y, n_classes, weight, view.rows);
  const selection::BorutaSettings settings{horizon,  repeats, n_trees, max_depth, level,
                                           circular, thin,    seed,    threads};
  auto found = run_native(stop, time_limit_s, [&](const StopToken& token) {
    std::vector<int64_t> all(static_cast<size_t>(view.rows));
    std::iota(all.begin(), all.end(), 0);
    const auto binned = models::bin_matrix(view, all, models::kMaxByteBins, threads, token);
    return selection::circular_boruta(binned, target, settings, token);
  });
  py::dict result;
  result["repeats"] = found.repeats;
  result["hits"] = to_array(std::move(found.hits));
  result["p"] = to_array(std::move(found.p));
  result["decision"] = to_array(std::move(found.decision));
  result["importance"] = to_array(std::move(found.importance));
  result["best_shadow"] = to_array(std::move(found.best_shadow));
  result["stop_reason"] = to_string(found.stop_reason);
  return result;
}

py::dict stability_selection(const py::array& X, const py::array& y, int64_t n_classes,
                             const py::object& weight, int64_t block, int64_t pairs, int64_t n_select,
                             const std::vector<std::string>& names, int64_t n_trees, int max_depth,
                             int n_bins, uint64_t seed, int threads, const py::object& stop,
                             double time_limit_s) {
  const auto view = matrix_view<float>(X, "X");
  const Target target = target_of(y, n_classes, weight, view.rows);
  const selection::StabilitySettings settings{
      block, pairs, n_select, methods_of(names), {n_trees, max_depth, 0}, n_bins, seed, threads};
  auto found = run_native(stop, time_limit_s, [&](const StopToken& token) {
    return selection::stability_selection(view, target, settings, token);
  });
  py::dict result;
  result["samples"] = found.samples;
  result["chosen"] = to_array(std::move(found.chosen));
  result["consensus"] = to_array(std::move(found.consensus));
  result["stop_reason"] = to_string(found.stop_reason);
  return result;
}

py::tuple half_samples(int64_t rows, int64_t block, int64_t pair, uint64_t seed) {
  if (rows < 1 || block < 1) raise("InputError", "rows and block must be at least 1.");
  auto halves = selection::half_samples(rows, block, pair, seed);
  return py::make_tuple(to_array(std::move(halves[0])), to_array(std::move(halves[1])));
}

}  // namespace

void bind_selection(py::module_& m) {
  m.def("f_scores", &f_scores, py::arg("X"), py::arg("y"), py::arg("n_classes"), py::arg("weight"),
        py::arg("threads"), "F and p of each column: one-way ANOVA, or regression with n_classes 1.");
  m.def("binned_information", &binned_information, py::arg("X"), py::arg("y"), py::arg("n_classes"),
        py::arg("weight"), py::arg("n_bins"), py::arg("threads"),
        "Mutual information in nats of each column, by bins, less the Miller-Madow bias.");
  m.def("neighbour_information", &neighbour_information, py::arg("x"), py::arg("y"), py::arg("n_classes"),
        py::arg("k"), "Mutual information in nats of one column, by nearest neighbours.");
  m.def("correlation_matrix", &correlation_matrix, py::arg("X"), py::arg("ranks"), py::arg("threads"),
        "Pearson or, of ranks, Spearman correlation of all pairs of columns.");
  m.def("prune_correlated", &prune_correlated, py::arg("correlation"), py::arg("scores"), py::arg("limit"),
        py::arg("min_keep"), "Of each column: the kept one that took it out, or -1.");
  m.def("column_scores", &column_scores, py::arg("X"), py::arg("y"), py::arg("n_classes"), py::arg("weight"),
        py::arg("methods"), py::arg("n_trees"), py::arg("max_depth"), py::arg("n_bins"), py::arg("seed"),
        py::arg("threads"), py::arg("stop"), py::arg("time_limit_s"),
        "Scores (methods, columns) in the order forest, mutual_info, f; empty where it was ended.");
  m.def("rank_consensus", &rank_consensus, py::arg("scores"),
        "Mean over lists (rows) of (p - rank) / (p - 1): 1 is best everywhere.");
  m.def("circular_boruta", &circular_boruta, py::arg("X"), py::arg("y"), py::arg("n_classes"),
        py::arg("weight"), py::arg("horizon"), py::arg("repeats"), py::arg("n_trees"), py::arg("max_depth"),
        py::arg("level"), py::arg("circular"), py::arg("thin"), py::arg("seed"), py::arg("threads"),
        py::arg("stop"), py::arg("time_limit_s"));
  m.def("stability_selection", &stability_selection, py::arg("X"), py::arg("y"), py::arg("n_classes"),
        py::arg("weight"), py::arg("block"), py::arg("pairs"), py::arg("n_select"), py::arg("methods"),
        py::arg("n_trees"), py::arg("max_depth"), py::arg("n_bins"), py::arg("seed"), py::arg("threads"),
        py::arg("stop"), py::arg("time_limit_s"));
  m.def("half_samples", &half_samples, py::arg("rows"), py::arg("block"), py::arg("pair"), py::arg("seed"),
        "Row numbers of the two halves of a pair.");
}

}  // namespace smctrain::bindings
