// Random forest: bins, fit, prediction, stored state.
#include <memory>
#include <numeric>
#include <optional>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/forest/forest.h"
#include "smctrain/models/forest/permutation.h"
#include "smctrain/models/forest/shap.h"

namespace smctrain::bindings {

using models::BinnedMatrix;
using models::Forest;
using models::ForestFit;
using models::ForestSettings;
using models::ForestState;

namespace {

constexpr int64_t kLongPrediction = 20'000'000;  // row-tree pairs, about half a second

template <class T>
T value_or(const py::dict& values, const char* name, T otherwise) {
  return values.contains(name) ? py::cast<T>(values[name]) : otherwise;
}

ForestSettings settings_of(const py::dict& values, int threads, uint64_t seed) {
  ForestSettings settings;
  settings.n_trees = py::cast<int64_t>(values["n_trees"]);
  settings.grow.max_depth = py::cast<int>(values["max_depth"]);
  settings.grow.min_samples_split = py::cast<int64_t>(values["min_samples_split"]);
  settings.grow.min_samples_leaf = py::cast<int64_t>(values["min_samples_leaf"]);
  settings.grow.max_features = py::cast<int64_t>(values["max_features"]);
  settings.grow.allow_packed = py::cast<bool>(values["allow_packed"]);
  settings.grow.max_leaf_nodes = value_or<int64_t>(values, "max_leaf_nodes", 0);
  settings.grow.min_weight_fraction_leaf = value_or(values, "min_weight_fraction_leaf", 0.0);
  settings.grow.min_impurity_decrease = value_or(values, "min_impurity_decrease", 0.0);
  settings.grow.ccp_alpha = value_or(values, "ccp_alpha", 0.0);
  settings.grow.random_splits = value_or(values, "random_splits", false);
  settings.keep_members = value_or(values, "keep_members", false);
  settings.n_draw = py::cast<int64_t>(values["n_draw"]);
  settings.bootstrap = py::cast<bool>(values["bootstrap"]);
  settings.oob_score = py::cast<bool>(values["oob_score"]);
  const auto word = py::cast<std::string>(values["class_weight"]);
  settings.class_weight = word == "balanced"             ? models::ClassWeight::kBalanced
                          : word == "balanced_subsample" ? models::ClassWeight::kBalancedSubsample
                                                         : models::ClassWeight::kNone;
  settings.seed = seed;
  settings.threads = threads;
  return settings;
}

template <class T>
py::array_t<T> copy_of(const std::vector<T>& values) {
  return to_array(std::vector<T>(values));
}

py::dict arrays_of(const ForestState& state) {
  py::dict arrays;
  arrays["node_start"] = copy_of(state.node_start);
  arrays["leaf_start"] = copy_of(state.leaf_start);
  arrays["feature"] = copy_of(state.feature);
  arrays["threshold"] = copy_of(state.threshold);
  arrays["left"] = copy_of(state.left);
  arrays["right"] = copy_of(state.right);
  arrays["missing_left"] = copy_of(state.missing_left);
  arrays["leaf_share"] =
      to_matrix(std::vector<double>(state.leaf_share),
                static_cast<int64_t>(state.leaf_share.size()) / state.n_classes, state.n_classes);
  arrays["importances"] = copy_of(state.importances);
  if (!state.cover.empty()) arrays["cover"] = copy_of(state.cover);
  if (!state.members.empty()) {
    arrays["member_target"] = copy_of(state.members.target);
    arrays["member_start"] = copy_of(state.members.start);
    arrays["member_rank"] = copy_of(state.members.rank);
    arrays["member_weight"] = copy_of(state.members.weight);
  }
  return arrays;
}

template <class T>
std::vector<T> vector_of(const py::dict& arrays, const char* name) {
  if (!arrays.contains(name)) raise("ArtifactError", "forest: the array ", name, " is missing.");
  try {
    const auto view = vector_view<T>(py::cast<py::array>(arrays[name]), name);
    return {view.begin(), view.end()};
  } catch (const Error& error) {
    raise("ArtifactError", "forest: ", error.what());
  }
}

std::unique_ptr<Forest> forest_from_state(int64_t n_features, int64_t n_classes, const py::dict& arrays) {
  ForestState state;
  state.n_features = n_features;
  state.n_classes = n_classes;
  state.node_start = vector_of<int64_t>(arrays, "node_start");
  state.leaf_start = vector_of<int64_t>(arrays, "leaf_start");
  state.feature = vector_of<int32_t>(arrays, "feature");
  state.threshold = vector_of<float>(arrays, "threshold");
  state.left = vector_of<int32_t>(arrays, "left");
  state.right = vector_of<int32_t>(arrays, "right");
  state.missing_left = vector_of<uint8_t>(arrays, "missing_left");
  state.importances = vector_of<double>(arrays, "importances");
  if (arrays.contains("cover")) state.cover = vector_of<double>(arrays, "cover");
  if (arrays.contains("member_target")) {
    state.members.target = vector_of<double>(arrays, "member_target");
    state.members.start = vector_of<int64_t>(arrays, "member_start");
    state.members.rank = vector_of<int32_t>(arrays, "member_rank");
    state.members.weight = vector_of<double>(arrays, "member_weight");
  }
  if (!arrays.contains("leaf_share")) raise("ArtifactError", "forest: the array leaf_share is missing.");
  try {
    const auto view = matrix_view<double>(py::cast<py::array>(arrays["leaf_share"]), "leaf_share");
    if (view.cols != n_classes) raise("InputError", "leaf_share must have ", n_classes, " columns.");
    for (int64_t i = 0; i < view.rows; ++i) {
      const auto row = view.row(i);
      state.leaf_share.insert(state.leaf_share.end(), row.begin(), row.end());
    }
  } catch (const Error& error) {
    raise("ArtifactError", "forest: ", error.what());
  }
  const py::gil_scoped_release release;
  return std::make_unique<Forest>(std::move(state));
}

py::array_t<double> predict_forest(const Forest& forest, const py::array& X, const py::object& rows,
                                   int threads) {
  const auto view = matrix_view<float>(X, "X");
  std::vector<int64_t> all;
  std::span<const int64_t> which;
  if (rows.is_none()) {
    all.resize(static_cast<size_t>(view.rows));
    std::iota(all.begin(), all.end(), 0);
    which = all;
  } else {
    which = vector_view<int64_t>(py::cast<py::array>(rows), "rows");
  }
  const auto n = static_cast<int64_t>(which.size());
  const int64_t k = forest.state().n_classes;
  std::vector<double> out(static_cast<size_t>(n * k));
  if (n * forest.n_trees() > kLongPrediction) {
    run_native(py::none(), 0.0,
               [&](const StopToken& stop) { return forest.predict(view, which, threads, stop, out.data()); });
  } else {
    const py::gil_scoped_release release;
    forest.predict(view, which, threads, StopToken(), out.data());
  }
  return to_matrix(std::move(out), n, k);
}

// One row, n_features values of float32 or float64; NaN is missing.
py::array_t<double> predict_forest_row(const Forest& forest, const py::array& x) {
  const int64_t d = forest.state().n_features;
  if (x.ndim() != 1 || x.shape(0) != d)
    raise("InputError", "x must hold ", d, " values, one for each column.");
  py::array_t<double> out(forest.state().n_classes);
  if (x.dtype().is(py::dtype::of<float>()) &&
      (d == 1 || x.strides(0) == static_cast<py::ssize_t>(sizeof(float)))) {
    forest.predict_row(static_cast<const float*>(x.data()), out.mutable_data());
    return out;
  }
  if (!x.dtype().equal(py::dtype::of<float>()) && !x.dtype().equal(py::dtype::of<double>())) {
    raise("InputError", "x must be float32 or float64, but is ",
          py::cast<std::string>(py::str(static_cast<py::object>(x.dtype()))), ".");
  }
  const bool narrow = x.dtype().equal(py::dtype::of<float>());
  std::vector<float> row(static_cast<size_t>(d));
  for (int64_t j = 0; j < d; ++j) {
    const void* value = x.data(j);
    row[static_cast<size_t>(j)] =
        narrow ? *static_cast<const float*>(value) : static_cast<float>(*static_cast<const double*>(value));
  }
  forest.predict_row(row.data(), out.mutable_data());
  return out;
}

py::array_t<double> forest_quantiles(const Forest& forest, const py::array& X, const py::array& levels,
                                     int threads) {
  const auto view = matrix_view<float>(X, "X");
  const auto level_view = vector_view<double>(levels, "quantiles");
  std::vector<double> out(static_cast<size_t>(view.rows) * level_view.size());
  run_native(py::none(), 0.0, [&](const StopToken& stop) {
    return forest.quantiles(view, level_view, threads, stop, out.data());
  });
  return to_matrix(std::move(out), view.rows, static_cast<int64_t>(level_view.size()));
}

py::array_t<double> forest_shap_values(const Forest& forest, const py::array& X, int threads) {
  const auto view = matrix_view<float>(X, "X");
  const auto d = static_cast<py::ssize_t>(forest.state().n_features);
  const auto k = static_cast<py::ssize_t>(forest.state().n_classes);
  std::vector<double> out(static_cast<size_t>(view.rows * (d + 1) * k));
  run_native(py::none(), 0.0, [&](const StopToken& stop) {
    return models::shap_values(forest, view, threads, stop, out.data());
  });
  return to_array(std::move(out)).reshape({static_cast<py::ssize_t>(view.rows), d + 1, k});
}

py::array_t<int32_t> permuted_rows(int64_t rows, int64_t horizon, int64_t repeats, uint64_t seed) {
  return to_matrix(models::permuted_rows(rows, horizon, repeats, seed), repeats, rows);
}

// y: class codes (int32), or numbers (float64) in regression. Returns (baseline, permuted).
py::tuple permutation_scores(const Forest& forest, const py::array& X, const py::array& y,
                             const py::array& sources, int threads) {
  const auto view = matrix_view<float>(X, "X");
  const auto source_view = matrix_view<int32_t>(sources, "sources");
  if (source_view.cols != view.rows || (source_view.rows > 1 && source_view.row_stride != source_view.cols)) {
    raise("InputError", "sources must be contiguous, with one column for each of the ", view.rows, " rows.");
  }
  const std::span<const int32_t> all(source_view.data,
                                     static_cast<size_t>(source_view.rows * source_view.cols));
  std::span<const int32_t> labels;
  std::span<const double> targets;
  if (forest.state().n_classes == 1) {
    targets = vector_view<double>(y, "y", view.rows);
  } else {
    labels = vector_view<int32_t>(y, "y", view.rows);
  }
  auto scores = run_native(py::none(), 0.0, [&](const StopToken& stop) {
    return models::permutation_scores(forest, view, labels, targets, all, source_view.rows, threads, stop);
  });
  return py::make_tuple(scores.baseline, to_matrix(std::move(scores.permuted), view.cols, source_view.rows));
}

// labels: class codes, or, with n_classes 1, numbers.
py::dict fit_forest(const BinnedMatrix& binned, const py::array& rows, const py::array& labels,
                    const py::object& weights, int64_t n_classes, const py::dict& settings, uint64_t seed,
                    int threads, const py::object& stop, double time_limit_s, const py::object& progress) {
  const auto row_view = vector_view<int64_t>(rows, "rows");
  const auto weight_view = optional_vector_view<double>(weights, "weight", binned.rows);
  ForestSettings values = settings_of(settings, threads, seed);
  if (!progress.is_none()) {
    // The object is borrowed: the caller holds it for the whole call.
    values.report = [&progress](int64_t done, int64_t total) {
      const py::gil_scoped_acquire acquire;
      progress(done, total);
    };
  }
  std::span<const int32_t> label_view;
  std::span<const double> target_view;
  if (n_classes == 1) {
    target_view = vector_view<double>(labels, "y", binned.rows);
  } else {
    label_view = vector_view<int32_t>(labels, "y", binned.rows);
  }
  struct Outcome {
    std::unique_ptr<Forest> forest;
    double oob_score;
    int64_t oob_rows;
    std::vector<double> oob_values;
    StopReason reason;
  };
  Outcome outcome = run_native(stop, time_limit_s, [&](const StopToken& token) {
    ForestFit fit =
        n_classes == 1
            ? models::fit_regression_forest(binned, row_view, target_view, weight_view, values, token)
            : models::fit_forest(binned, row_view, label_view, weight_view, n_classes, values, token);
    return Outcome{std::make_unique<Forest>(std::move(fit.state)), fit.oob_score, fit.oob_rows,
                   std::move(fit.oob_values), fit.stop_reason};
  });
  py::dict result;
  result["oob_score"] = outcome.oob_score;
  result["oob_rows"] = outcome.oob_rows;
  if (!outcome.oob_values.empty()) {
    result["oob_values"] =
        to_matrix(std::move(outcome.oob_values), static_cast<int64_t>(row_view.size()), n_classes);
  }
  result["stop_reason"] = to_string(outcome.reason);
  result["forest"] = std::move(outcome.forest);
  return result;
}

}  // namespace

void bind_forest(py::module_& m) {
  py::class_<BinnedMatrix>(m, "BinnedMatrix")
      .def_readonly("n_rows", &BinnedMatrix::rows)
      .def_readonly("n_features", &BinnedMatrix::cols)
      .def(
          "codes",
          [](const BinnedMatrix& binned) -> py::array {
            if (binned.wide)
              return to_matrix(std::vector<uint16_t>(binned.wide_codes), binned.cols, binned.rows);
            return to_matrix(std::vector<uint8_t>(binned.codes), binned.cols, binned.rows);
          },
          "Bin codes (n_features, n_rows): uint8, 255 is missing; uint16 where n_bins is above 255, 65535 is "
          "missing.")
      .def(
          "edges",
          [](const BinnedMatrix& binned, int64_t column) {
            if (column < 0 || column >= binned.cols) raise("InputError", "there is no column ", column, ".");
            return copy_of(binned.edges[static_cast<size_t>(column)]);
          },
          py::arg("column"), "Edges between the bins of a column, ascending float32.");
  m.def(
      "bin_matrix",
      [](const py::array& X, const py::array& rows, int n_bins, int threads, const py::object& stop,
         double time_limit_s) {
        const auto view = matrix_view<float>(X, "X");
        const auto fit_rows = vector_view<int64_t>(rows, "rows");
        return run_native(stop, time_limit_s, [&](const StopToken& token) {
          auto binned =
              std::make_unique<BinnedMatrix>(models::bin_matrix(view, fit_rows, n_bins, threads, token));
          if (token.stop_requested()) {
            raise("TrainingFailed", "the fit was ended (", to_string(token.reason()),
                  ") while its columns were binned: allow more time.");
          }
          return binned;
        });
      },
      py::arg("X"), py::arg("rows"), py::arg("n_bins"), py::arg("threads"), py::arg("stop") = py::none(),
      py::arg("time_limit_s") = 0.0,
      "Bins of the columns of X, fitted on `rows`. TrainingFailed where `stop` or the time limit ended it.");

  py::class_<Forest>(m, "Forest")
      .def_property_readonly("n_trees", &Forest::n_trees)
      .def_property_readonly("n_features", [](const Forest& forest) { return forest.state().n_features; })
      .def_property_readonly("n_classes", [](const Forest& forest) { return forest.state().n_classes; })
      .def("arrays", [](const Forest& forest) { return arrays_of(forest.state()); })
      .def("importances", [](const Forest& forest) { return copy_of(forest.state().importances); })
      .def("predict_proba", &predict_forest, py::arg("X"), py::arg("rows"), py::arg("threads"))
      .def("predict_row", &predict_forest_row, py::arg("x"), "Values of one row (n_classes,).")
      .def("quantiles", &forest_quantiles, py::arg("X"), py::arg("levels"), py::arg("threads"),
           "Quantiles (n_rows, n_levels) of a regression forest that keeps its members.")
      .def("shap_values", &forest_shap_values, py::arg("X"), py::arg("threads"),
           "Contributions (n_rows, n_features + 1, n_classes), the base value last.")
      .def("permutation_scores", &permutation_scores, py::arg("X"), py::arg("y"), py::arg("sources"),
           py::arg("threads"), "(score, scores (n_features, n_repeats) with one column moved).")
      .def_static("from_state", &forest_from_state, py::arg("n_features"), py::arg("n_classes"),
                  py::arg("arrays"));
  m.def("permuted_rows", &permuted_rows, py::arg("rows"), py::arg("horizon"), py::arg("repeats"),
        py::arg("seed"), "Source rows (repeats, rows) of block permutations.");
  m.def("fit_forest", &fit_forest, py::arg("binned"), py::arg("rows"), py::arg("labels"), py::arg("weights"),
        py::arg("n_classes"), py::arg("settings"), py::arg("seed"), py::arg("threads"), py::arg("stop"),
        py::arg("time_limit_s"), py::arg("progress") = py::none());
}

}  // namespace smctrain::bindings
