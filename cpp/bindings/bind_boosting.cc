// XGBoost fits and our own predictor over their trees. Faces: smctrain.models.xgboost.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <numeric>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/boosting/tree_ensemble.h"
#include "smctrain/models/boosting/xgboost_library.h"
#include "smctrain/models/boosting/xgboost_trainer.h"

namespace smctrain::bindings {

namespace {

using models::boosting::BoostingFit;
using models::boosting::BoostingTask;
using models::boosting::TreeArrays;
using models::boosting::TreeEnsemble;
using models::boosting::XGBoostSettings;

XGBoostSettings settings_from(const py::dict& values) {
  XGBoostSettings s;
  for (const auto& [key, value] : values) {
    const auto name = py::cast<std::string>(key);
    const auto integer = [&] { return py::cast<int64_t>(value); };
    const auto real = [&] { return py::cast<double>(value); };
    if (name == "n_estimators")
      s.n_estimators = integer();
    else if (name == "max_depth")
      s.max_depth = integer();
    else if (name == "learning_rate")
      s.learning_rate = real();
    else if (name == "subsample")
      s.subsample = real();
    else if (name == "colsample_bytree")
      s.colsample_bytree = real();
    else if (name == "min_child_weight")
      s.min_child_weight = real();
    else if (name == "reg_alpha")
      s.reg_alpha = real();
    else if (name == "reg_lambda")
      s.reg_lambda = real();
    else if (name == "early_stopping_rounds")
      s.early_stopping_rounds = value.is_none() ? 0 : integer();
    else if (name == "class_weight")
      s.balanced = !value.is_none();
    else if (name == "max_bin")
      s.max_bin = integer();
    else
      raise("InputError", "XGBoost has no setting '", name, "'.");
  }
  return s;
}

template <class T>
std::vector<T> copy(const py::dict& arrays, const char* name) {
  if (!arrays.contains(name))
    raise("ArtifactError", "the array '", name, "' of the boosted trees is missing.");
  try {
    const auto view = vector_view<T>(py::cast<py::array>(arrays[name]), name);
    return {view.begin(), view.end()};
  } catch (const Error& error) {
    raise("ArtifactError", "the boosted trees are not valid: ", error.what());
  }
}

TreeEnsemble ensemble_from(int64_t n_features, int64_t n_classes, const py::dict& arrays) {
  TreeArrays trees;
  trees.n_features = n_features;
  trees.n_classes = n_classes;
  trees.tree_offset = copy<int64_t>(arrays, "tree_offset");
  trees.tree_class = copy<int32_t>(arrays, "tree_class");
  trees.feature = copy<int32_t>(arrays, "feature");
  trees.threshold = copy<float>(arrays, "threshold");
  trees.left = copy<int32_t>(arrays, "left");
  trees.right = copy<int32_t>(arrays, "right");
  trees.default_left = copy<uint8_t>(arrays, "default_left");
  trees.value = copy<float>(arrays, "value");
  trees.base_margin = copy<float>(arrays, "base_margin");
  return {std::move(trees), "ArtifactError"};
}

template <class T>
py::array_t<T> array_of(const std::vector<T>& values) {
  return to_array(std::vector<T>(values));
}

py::dict arrays_of(const TreeEnsemble& ensemble) {
  const TreeArrays& trees = ensemble.arrays();
  py::dict result;
  result["tree_offset"] = array_of(trees.tree_offset);
  result["tree_class"] = array_of(trees.tree_class);
  result["feature"] = array_of(trees.feature);
  result["threshold"] = array_of(trees.threshold);
  result["left"] = array_of(trees.left);
  result["right"] = array_of(trees.right);
  result["default_left"] = array_of(trees.default_left);
  result["value"] = array_of(trees.value);
  result["base_margin"] = array_of(trees.base_margin);
  return result;
}

// Rows of X as asked for, or all of them.
struct Rows {
  std::vector<int64_t> all;
  std::span<const int64_t> view;
};

Rows rows_of(const py::object& rows, int64_t n) {
  Rows result;
  if (rows.is_none()) {
    result.all.resize(static_cast<size_t>(n));
    std::iota(result.all.begin(), result.all.end(), int64_t{0});
    result.view = result.all;
  } else {
    result.view = vector_view<int64_t>(py::cast<py::array>(rows), "rows");
  }
  return result;
}

py::dict xgboost_fit(const std::string& library_path, const py::dict& settings, const py::array& X,
                     const py::array& y, const py::array& rows, const py::array& stop_rows,
                     const py::object& weight, int64_t n_classes, uint64_t seed, int threads,
                     const py::object& stop, double time_limit_s, const py::object& progress) {
  const auto& library = models::boosting::open_xgboost(library_path);
  const XGBoostSettings chosen = settings_from(settings);
  BoostingTask task;
  task.X = matrix_view<float>(X, "X");
  task.y = vector_view<int32_t>(y, "y", task.X.rows);
  task.rows = vector_view<int64_t>(rows, "rows");
  task.stop_rows = vector_view<int64_t>(stop_rows, "stop_rows");
  task.weight = optional_vector_view<double>(weight, "weight", task.X.rows);
  task.n_classes = n_classes;
  task.seed = seed;
  task.threads = threads;
  std::function<void(int64_t, int64_t)> report;
  if (!progress.is_none()) {
    // The object is borrowed: the caller holds it for the whole call.
    report = [&progress](int64_t done, int64_t total) {
      const py::gil_scoped_acquire acquire;
      progress(done, total);
    };
  }
  BoostingFit fit = run_native(stop, time_limit_s, [&](const StopToken& token) {
    return models::boosting::fit_xgboost(library, chosen, task, token, report);
  });

  const size_t n = fit.history.size();
  std::vector<double> step(n), train_loss(n), val_loss(n), train_accuracy(n), val_accuracy(n), grad_norm(n),
      rate(n);
  for (size_t i = 0; i < n; ++i) {
    const auto& record = fit.history[i];
    step[i] = static_cast<double>(record.step);
    train_loss[i] = record.train_loss;
    val_loss[i] = record.val_loss;
    train_accuracy[i] = record.train_accuracy;
    val_accuracy[i] = record.val_accuracy;
    grad_norm[i] = record.grad_norm;
    rate[i] = record.learning_rate;
  }
  py::dict history;
  history["step"] = to_array(std::move(step));
  history["train_loss"] = to_array(std::move(train_loss));
  history["val_loss"] = to_array(std::move(val_loss));
  history["train_accuracy"] = to_array(std::move(train_accuracy));
  history["val_accuracy"] = to_array(std::move(val_accuracy));
  history["grad_norm"] = to_array(std::move(grad_norm));
  history["learning_rate"] = to_array(std::move(rate));
  py::list warnings;
  for (const auto& alarm : fit.alarms) warnings.append(alarm.message);

  py::dict result;
  result["history"] = history;
  result["warnings"] = warnings;
  result["stop_reason"] = fit.stop_reason;
  result["complete"] = fit.complete;
  result["best_round"] = fit.best_round;
  result["importances"] = to_array(std::move(fit.importances));
  result["library_version"] = library.version;
  result["trees"] = py::cast(std::move(fit.trees));
  return result;
}

}  // namespace

void bind_boosting(py::module_& m) {
  py::class_<TreeEnsemble>(m, "BoostedTrees",
                           "Boosted trees as validated flat arrays; immutable, any thread may predict.")
      .def(py::init(&ensemble_from), py::arg("n_features"), py::arg("n_classes"), py::arg("arrays"))
      .def_property_readonly("n_features", [](const TreeEnsemble& self) { return self.arrays().n_features; })
      .def_property_readonly("n_classes", [](const TreeEnsemble& self) { return self.arrays().n_classes; })
      .def_property_readonly("n_rounds", &TreeEnsemble::n_rounds)
      .def("arrays", &arrays_of)
      .def(
          "predict_proba",
          [](const TreeEnsemble& self, const py::array& X, const py::object& rows) {
            const auto view = matrix_view<float>(X, "X");
            const Rows wanted = rows_of(rows, view.rows);
            std::vector<double> result;
            {
              const py::gil_scoped_release release;
              result = self.probabilities(view, wanted.view);
            }
            return to_matrix(std::move(result), static_cast<int64_t>(wanted.view.size()),
                             self.arrays().n_classes);
          },
          py::arg("X"), py::arg("rows") = py::none())
      .def(
          "margins",
          [](const TreeEnsemble& self, const py::array& X, const py::object& rows) {
            const auto view = matrix_view<float>(X, "X");
            const Rows wanted = rows_of(rows, view.rows);
            std::vector<float> result;
            {
              const py::gil_scoped_release release;
              result = self.margins(view, wanted.view);
            }
            return to_matrix(std::move(result), static_cast<int64_t>(wanted.view.size()),
                             self.arrays().width());
          },
          py::arg("X"), py::arg("rows") = py::none());
  m.def("xgboost_fit", &xgboost_fit, py::arg("library"), py::arg("settings"), py::arg("X"), py::arg("y"),
        py::arg("rows"), py::arg("stop_rows"), py::arg("weight"), py::arg("n_classes"), py::arg("seed"),
        py::arg("threads"), py::arg("stop"), py::arg("time_limit_s"), py::arg("progress"));
  m.def("xgboost_setting_problems",
        [](const py::dict& settings) { return settings_from(settings).problems(); });
  m.def("xgboost_version",
        [](const std::string& path) { return models::boosting::open_xgboost(path).version; });
}

}  // namespace smctrain::bindings
