// XGBoost fits and our own predictor over their trees. Faces: smctrain.models.xgboost.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <numeric>

#include "bindings/boosting_settings.h"
#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/base/leavable.h"
#include "smctrain/models/boosting/contributions.h"
#include "smctrain/models/boosting/lightgbm_library.h"
#include "smctrain/models/boosting/lightgbm_trainer.h"
#include "smctrain/models/boosting/matrix_cache.h"
#include "smctrain/models/boosting/tree_ensemble.h"
#include "smctrain/models/boosting/xgboost_library.h"
#include "smctrain/models/boosting/xgboost_trainer.h"

namespace smctrain::bindings {

namespace {

using models::boosting::BoostingFit;
using models::boosting::BoostingTask;
using models::boosting::MatrixCache;
using models::boosting::TreeArrays;
using models::boosting::TreeEnsemble;
using models::boosting::XGBoostSettings;

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

template <class To, class From>
std::vector<To> copy_as(const py::dict& arrays, const char* name) {
  const std::vector<From> values = copy<From>(arrays, name);
  return {values.begin(), values.end()};
}

TreeEnsemble ensemble_from(int64_t n_features, int64_t n_classes, const py::dict& arrays, bool wide,
                           bool zero_is_missing) {
  TreeArrays trees;
  trees.n_features = n_features;
  trees.n_classes = n_classes;
  trees.wide = wide;
  trees.zero_is_missing = zero_is_missing;
  trees.tree_offset = copy<int64_t>(arrays, "tree_offset");
  trees.tree_class = copy<int32_t>(arrays, "tree_class");
  trees.feature = copy<int32_t>(arrays, "feature");
  trees.threshold = copy<float>(arrays, "threshold");
  trees.left = copy<int32_t>(arrays, "left");
  trees.right = copy<int32_t>(arrays, "right");
  trees.default_left = copy<uint8_t>(arrays, "default_left");
  trees.value = wide ? copy<double>(arrays, "value") : copy_as<double, float>(arrays, "value");
  trees.base_margin =
      wide ? copy<double>(arrays, "base_margin") : copy_as<double, float>(arrays, "base_margin");
  // Models stored by the first version lack them.
  if (arrays.contains("gain")) trees.gain = copy<float>(arrays, "gain");
  if (arrays.contains("cover")) trees.cover = copy<float>(arrays, "cover");
  return {std::move(trees), "ArtifactError"};
}

template <class T>
py::array_t<T> array_of(const std::vector<T>& values) {
  return to_array(std::vector<T>(values));
}

py::object float_array(const std::vector<double>& values, bool wide) {
  if (wide) return array_of(values);
  return to_array(std::vector<float>(values.begin(), values.end()));
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
  result["value"] = float_array(trees.value, trees.wide);
  result["base_margin"] = float_array(trees.base_margin, trees.wide);
  if (!trees.cover.empty() || trees.feature.empty()) {
    result["gain"] = array_of(trees.gain);
    result["cover"] = array_of(trees.cover);
  }
  return result;
}

// A prediction: where it takes long, on a thread that Ctrl-C can stop.
template <class Work>
auto walked(const TreeEnsemble& trees, std::span<const int64_t> rows, Work&& work) {
  constexpr int64_t kLong = 2'000'000;  // row-tree pairs, about 20 ms
  if (static_cast<int64_t>(rows.size()) * std::max<int64_t>(1, trees.arrays().n_trees()) >= kLong) {
    return run_native(py::none(), 0.0, work);
  }
  const py::gil_scoped_release release;
  return work(StopToken());
}

// At the end of the process: a library must not be torn down under a thread that is still in it. A second
// Ctrl-C ends the process at once.
void end_background() {
  const auto start = std::chrono::steady_clock::now();
  bool told = false;
  while (true) {
    {
      const py::gil_scoped_release release;
      if (wait_for_background(std::chrono::milliseconds(50))) return;
    }
    if (PyErr_CheckSignals() != 0) std::_Exit(130);
    if (!told && std::chrono::steady_clock::now() - start > std::chrono::seconds(1)) {
      told = true;
      PySys_WriteStderr(
          "smctrain: waiting for a library to finish a round that was left; Ctrl-C ends at once.\n");
    }
  }
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

// The caller's objective as a function of ours: called on the working thread, with the GIL.
models::boosting::Gradient gradient_of(const py::object& objective) {
  if (objective.is_none()) return {};
  // The object is borrowed: the caller holds it for the whole call.
  return [&objective](std::span<const float> y, std::span<const float> margins, int64_t width,
                      std::vector<float>& gradient, std::vector<float>& curvature) {
    const py::gil_scoped_acquire acquire;
    const auto rows = static_cast<int64_t>(y.size());
    const py::object labels = to_array(std::vector<double>(y.begin(), y.end()));
    py::object scores = to_array(std::vector<double>(margins.begin(), margins.end()));
    if (width > 1) scores = py::cast<py::array>(scores).reshape({rows, width});
    const py::object answer = objective(labels, scores);
    if (!py::isinstance<py::tuple>(answer) || py::len(answer) != 2) {
      raise("InputError", "the objective must return (gradient, curvature).");
    }
    size_t k = 0;
    for (std::vector<float>* out : {&gradient, &curvature}) {
      const char* name = k == 0 ? "gradient" : "curvature";
      const auto values = py::array_t<double, py::array::c_style | py::array::forcecast>::ensure(
          py::cast<py::tuple>(answer)[k++]);
      if (!values) {
        PyErr_Clear();
        raise("InputError", "the ", name, " of the objective must hold numbers.");
      }
      const bool fits = width == 1
                            ? values.size() == rows
                            : values.ndim() == 2 && values.shape(0) == rows && values.shape(1) == width;
      if (!fits) {
        raise("InputError", "the ", name, " of the objective must have the shape of its margins, (", rows,
              ", ", width, "), but has ", values.size(), " values.");
      }
      out->assign(values.data(), values.data() + values.size());
    }
  };
}

// The caller's metric, the same way: called with y (n,) and predictions (n,) or (n, k).
models::boosting::OwnMetric metric_of(const py::object& metric, bool is_binary) {
  if (metric.is_none()) return {};
  return [&metric, is_binary](std::span<const float> y, std::span<const double> value, int64_t width) {
    const py::gil_scoped_acquire acquire;
    const auto rows = static_cast<int64_t>(y.size());
    const py::object labels = to_array(std::vector<double>(y.begin(), y.end()));
    std::vector<double> copied(value.begin(), value.end());
    if (is_binary) {  // one column a class for any number of classes
      copied.resize(2 * value.size());
      for (size_t i = 0; i < value.size(); ++i) {
        copied[2 * i] = 1.0 - value[i];
        copied[2 * i + 1] = value[i];
      }
      width = 2;
    }
    py::object predictions = to_array(std::move(copied));
    if (width > 1) predictions = py::cast<py::array>(predictions).reshape({rows, width});
    const py::object answer = metric(labels, predictions);
    const double number = PyFloat_AsDouble(answer.ptr());
    if (PyErr_Occurred() != nullptr) {
      PyErr_Clear();
      raise("InputError", "the own metric must return a number, but returned ",
            py::cast<std::string>(py::repr(answer)), ".");
    }
    return number;
  };
}

struct PythonTask {
  BoostingTask task;
  Progress report;
};

PythonTask python_task(const py::array& X, const py::array& y, const py::array& rows,
                       const py::array& stop_rows, const py::object& weight, int64_t n_classes, uint64_t seed,
                       int threads, const py::object& progress, const py::object& init,
                       const py::object& objective, const py::object& matrices, double slow_round_s,
                       const py::object& metric, bool higher_is_better) {
  PythonTask result;
  BoostingTask& task = result.task;
  task.X = matrix_view<float>(X, "X");
  task.n_classes = n_classes;
  if (n_classes == 0) {
    task.target = vector_view<double>(y, "y", task.X.rows);
  } else {
    task.y = vector_view<int32_t>(y, "y", task.X.rows);
  }
  task.rows = vector_view<int64_t>(rows, "rows");
  task.stop_rows = vector_view<int64_t>(stop_rows, "stop_rows");
  task.weight = optional_vector_view<double>(weight, "weight", task.X.rows);
  task.seed = seed;
  task.threads = threads;
  if (!init.is_none()) task.init = &py::cast<const TreeEnsemble&>(init);
  task.gradient = gradient_of(objective);
  task.metric = metric_of(metric, n_classes == 2);
  task.higher_is_better = higher_is_better;
  if (!matrices.is_none()) task.matrices = py::cast<std::shared_ptr<MatrixCache>>(matrices);
  task.slow_round_s = slow_round_s;
  if (!progress.is_none()) {
    // The object is borrowed: the caller holds it for the whole call.
    result.report = [&progress](int64_t done, int64_t total) {
      const py::gil_scoped_acquire acquire;
      progress(done, total);
    };
  }
  return result;
}

py::dict fit_result(BoostingFit fit, const std::string& version) {
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
  history["val_metric"] = to_array(std::move(fit.val_metric));
  py::list warnings;
  for (const auto& alarm : fit.alarms) warnings.append(alarm.message);
  for (const auto& note : fit.notes) warnings.append(note);

  py::dict result;
  result["history"] = history;
  result["warnings"] = warnings;
  result["stop_reason"] = fit.stop_reason;
  result["complete"] = fit.complete;
  result["best_round"] = fit.best_round;
  result["importances"] = to_array(std::move(fit.importances));
  result["library_version"] = version;
  result["trees"] = py::cast(std::move(fit.trees));
  return result;
}

py::dict xgboost_fit(const std::string& library_path, const py::dict& settings, const py::array& X,
                     const py::array& y, const py::array& rows, const py::array& stop_rows,
                     const py::object& weight, int64_t n_classes, uint64_t seed, int threads,
                     const py::object& stop, double time_limit_s, const py::object& progress,
                     const py::object& init, const py::object& objective, const py::object& matrices,
                     double slow_round_s, const py::object& metric, bool higher_is_better) {
  const auto& library = models::boosting::open_xgboost(library_path);
  const XGBoostSettings chosen = xgboost_settings(settings);
  const PythonTask given = python_task(X, y, rows, stop_rows, weight, n_classes, seed, threads, progress,
                                       init, objective, matrices, slow_round_s, metric, higher_is_better);
  return fit_result(run_native(stop, time_limit_s,
                               [&](const StopToken& token) {
                                 return models::boosting::fit_xgboost(library, chosen, given.task, token,
                                                                      given.report);
                               }),
                    library.version);
}

py::dict lightgbm_fit(const std::string& library_path, const py::dict& settings, const py::array& X,
                      const py::array& y, const py::array& rows, const py::array& stop_rows,
                      const py::object& weight, int64_t n_classes, uint64_t seed, const py::object& stop,
                      double time_limit_s, const py::object& progress, const py::object& init,
                      const py::object& objective, const py::object& matrices, double slow_round_s,
                      const py::object& metric, bool higher_is_better) {
  const auto& library = models::boosting::open_lightgbm(library_path);
  const auto chosen = lightgbm_settings(settings);
  const PythonTask given = python_task(X, y, rows, stop_rows, weight, n_classes, seed, 1, progress, init,
                                       objective, matrices, slow_round_s, metric, higher_is_better);
  return fit_result(run_native(stop, time_limit_s,
                               [&](const StopToken& token) {
                                 return models::boosting::fit_lightgbm(library, chosen, given.task, token,
                                                                       given.report);
                               }),
                    "");
}

// One row without the batch path's checks of shape and rows: probabilities of the classes, or the values of a
// regression.
py::array_t<double> predict_boosted_row(const TreeEnsemble& self, const py::array& x) {
  const int64_t d = self.arrays().n_features;
  if (x.ndim() != 1 || x.shape(0) != d) {
    raise("InputError", "x must have the ", d, " entries seen in fit, in one dimension, but has ", x.size(),
          ".");
  }
  const bool narrow = x.dtype().equal(py::dtype::of<float>());
  if (!narrow && !x.dtype().equal(py::dtype::of<double>())) {
    raise("InputError", "x must be float32 or float64, but is ",
          py::cast<std::string>(py::str(static_cast<py::object>(x.dtype()))), ".");
  }
  std::vector<float> row(static_cast<size_t>(d));
  for (int64_t j = 0; j < d; ++j) {
    const void* value = x.data(j);
    row[static_cast<size_t>(j)] =
        narrow ? *static_cast<const float*>(value) : static_cast<float>(*static_cast<const double*>(value));
  }
  const MatrixView<const float> view{row.data(), 1, d, d};
  const std::array<int64_t, 1> first{0};
  return to_array(self.arrays().n_classes == 0 ? self.margins(view, first) : self.probabilities(view, first));
}

py::dict importance_totals(const TreeEnsemble& trees) {
  auto totals = models::boosting::split_totals(trees.arrays());
  py::dict result;
  result["weight"] = to_array(std::move(totals.weight));
  result["total_gain"] = to_array(std::move(totals.gain));
  result["total_cover"] = to_array(std::move(totals.cover));
  return result;
}

}  // namespace

void bind_boosting(py::module_& m) {
  py::class_<TreeEnsemble>(m, "BoostedTrees",
                           "Boosted trees as validated flat arrays; immutable, any thread may predict.")
      .def(py::init(&ensemble_from), py::arg("n_features"), py::arg("n_classes"), py::arg("arrays"),
           py::arg("wide") = false, py::arg("zero_is_missing") = false)
      .def_property_readonly("n_features", [](const TreeEnsemble& self) { return self.arrays().n_features; })
      .def_property_readonly("n_classes", [](const TreeEnsemble& self) { return self.arrays().n_classes; })
      .def_property_readonly("n_rounds", &TreeEnsemble::n_rounds)
      .def_property_readonly("width", [](const TreeEnsemble& self) { return self.arrays().width(); })
      .def_property_readonly("zero_is_missing",
                             [](const TreeEnsemble& self) { return self.arrays().zero_is_missing; })
      .def("arrays", &arrays_of)
      .def(
          "predict_proba",
          [](const TreeEnsemble& self, const py::array& X, const py::object& rows) {
            const auto view = matrix_view<float>(X, "X");
            const Rows wanted = rows_of(rows, view.rows);
            auto result = walked(self, wanted.view, [&](const StopToken& token) {
              return self.probabilities(view, wanted.view, token);
            });
            return to_matrix(std::move(result), static_cast<int64_t>(wanted.view.size()),
                             self.arrays().n_classes);
          },
          py::arg("X"), py::arg("rows") = py::none())
      .def(
          "margins",
          [](const TreeEnsemble& self, const py::array& X, const py::object& rows) -> py::object {
            const auto view = matrix_view<float>(X, "X");
            const Rows wanted = rows_of(rows, view.rows);
            const auto n = static_cast<int64_t>(wanted.view.size());
            const auto made = [&]<class T>(T) {
              auto result = walked(self, wanted.view, [&](const StopToken& token) {
                return self.sums<T>(view, wanted.view, token);
              });
              return to_matrix(std::move(result), n, self.arrays().width());
            };
            if (self.arrays().wide) return made(double{});
            return made(float{});
          },
          py::arg("X"), py::arg("rows") = py::none())
      .def(
          "contributions",
          [](const TreeEnsemble& self, const py::array& X, const py::object& rows, const py::object& stop,
             double time_limit_s) {
            const auto view = matrix_view<float>(X, "X");
            const Rows wanted = rows_of(rows, view.rows);
            auto result = run_native(stop, time_limit_s, [&](const StopToken& token) {
              return models::boosting::contributions(self, view, wanted.view, token);
            });
            const auto n = static_cast<int64_t>(wanted.view.size());
            return to_array(std::move(result)).reshape({n, view.cols + 1, self.arrays().width()});
          },
          py::arg("X"), py::arg("rows") = py::none(), py::arg("stop") = py::none(),
          py::arg("time_limit_s") = 0.0)
      .def("predict_row", &predict_boosted_row, py::arg("x"),
           "Probabilities of one row (n_classes,), or its values (width,) in a regression.")
      .def("importances", &importance_totals);
  py::class_<MatrixCache, std::shared_ptr<MatrixCache>>(
      m, "TrainingMatrices", "Training matrices of boosting libraries, shared by the fits on one X.")
      .def(py::init(
               [](const py::array& X) { return std::make_shared<MatrixCache>(matrix_view<float>(X, "X")); }),
           py::arg("X"), py::keep_alive<1, 2>())
      .def("__len__", &MatrixCache::size)
      .def_property_readonly("built", &MatrixCache::built)
      .def("clear", &MatrixCache::clear, py::call_guard<py::gil_scoped_release>());
  py::module_::import("atexit").attr("register")(py::cpp_function(&end_background));
  m.def("background_work", &background_work);
  m.def(
      "wait_for_background",
      [](int64_t milliseconds) {
        const py::gil_scoped_release release;
        return wait_for_background(std::chrono::milliseconds(milliseconds));
      },
      py::arg("milliseconds"));
  m.def("xgboost_fit", &xgboost_fit, py::arg("library"), py::arg("settings"), py::arg("X"), py::arg("y"),
        py::arg("rows"), py::arg("stop_rows"), py::arg("weight"), py::arg("n_classes"), py::arg("seed"),
        py::arg("threads"), py::arg("stop"), py::arg("time_limit_s"), py::arg("progress"),
        py::arg("init") = py::none(), py::arg("objective") = py::none(), py::arg("matrices") = py::none(),
        py::arg("slow_round_s") = 0.03, py::arg("metric") = py::none(), py::arg("higher_is_better") = false);
  m.def("lightgbm_fit", &lightgbm_fit, py::arg("library"), py::arg("settings"), py::arg("X"), py::arg("y"),
        py::arg("rows"), py::arg("stop_rows"), py::arg("weight"), py::arg("n_classes"), py::arg("seed"),
        py::arg("stop"), py::arg("time_limit_s"), py::arg("progress"), py::arg("init") = py::none(),
        py::arg("objective") = py::none(), py::arg("matrices") = py::none(), py::arg("slow_round_s") = 0.03,
        py::arg("metric") = py::none(), py::arg("higher_is_better") = false);
  m.def("lightgbm_setting_problems",
        [](const py::dict& settings) { return lightgbm_settings(settings).problems(); });
  m.def("lightgbm_open", [](const std::string& path) { models::boosting::open_lightgbm(path); });
  m.def("xgboost_setting_problems",
        [](const py::dict& settings) { return xgboost_settings(settings).problems(); });
  m.def("xgboost_version",
        [](const std::string& path) { return models::boosting::open_xgboost(path).version; });
}

}  // namespace smctrain::bindings
