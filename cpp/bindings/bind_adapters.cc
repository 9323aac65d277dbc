// What packages that train by themselves need from the core: their rows, the judge of their rounds, their
// trees. Faces: smctrain.models.catboost, smctrain.models.ngboost.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/boosting/boosting_task.h"
#include "smctrain/models/boosting/foreign_trees.h"
#include "smctrain/models/boosting/round_judge.h"
#include "smctrain/models/quantile_tracking.h"

namespace smctrain::bindings {

namespace {

using namespace models::boosting;

// Holds the flag that its token reads.
struct PythonJudge {
  py::object stop;
  RoundJudge judge;
};

py::dict judge_result(const PythonJudge& self) {
  const auto& history = self.judge.history();
  const auto column = [&](auto member) {
    std::vector<double> values;
    values.reserve(history.size());
    for (const auto& record : history) values.push_back(static_cast<double>(record.*member));
    return to_array(std::move(values));
  };
  using models::StepRecord;
  py::dict columns;
  columns["step"] = column(&StepRecord::step);
  columns["train_loss"] = column(&StepRecord::train_loss);
  columns["val_loss"] = column(&StepRecord::val_loss);
  columns["train_accuracy"] = column(&StepRecord::train_accuracy);
  columns["val_accuracy"] = column(&StepRecord::val_accuracy);
  columns["grad_norm"] = column(&StepRecord::grad_norm);
  columns["learning_rate"] = column(&StepRecord::learning_rate);
  columns["val_metric"] = to_array(std::vector<double>(self.judge.val_metric()));
  py::list warnings;
  for (const auto& alarm : self.judge.monitor().alarms()) warnings.append(alarm.message);
  py::dict result;
  result["history"] = columns;
  result["warnings"] = warnings;
  result["stop_reason"] = self.judge.monitor().stop_reason();
  result["complete"] = self.judge.complete();
  result["best_round"] = self.judge.best_round();
  return result;
}

py::dict sample_arrays(Sample sample, int64_t cols) {
  py::dict result;
  const int64_t rows = sample.rows();
  result["X"] = to_matrix(std::move(sample.X), rows, cols);
  result["weight"] = to_array(std::move(sample.weight));
  result["rows"] = to_array(std::move(sample.from));
  return result;
}

// Training and stop rows as every boosting family takes them: checked, rows of weight 0 gone, classes
// balanced.
py::tuple boosting_samples(const py::array& X, const py::array& y, const py::array& rows,
                           const py::array& stop_rows, const py::object& weight, int64_t n_classes,
                           bool balanced) {
  BoostingTask task;
  task.X = matrix_view<float>(X, "X");
  task.n_classes = n_classes;
  RoundSettings settings;
  settings.balanced = balanced;
  if (n_classes == 0) {
    settings.loss = Loss::kSquared;
    task.target = vector_view<double>(y, "y", task.X.rows);
  } else {
    task.y = vector_view<int32_t>(y, "y", task.X.rows);
  }
  task.rows = vector_view<int64_t>(rows, "rows");
  task.stop_rows = vector_view<int64_t>(stop_rows, "stop_rows");
  task.weight = optional_vector_view<double>(weight, "weight", task.X.rows);
  Sample train;
  Sample stop;
  {
    const py::gil_scoped_release release;
    const StopToken token;
    check_task(settings, task, token);
    const auto class_weight = class_weights(settings, task);
    train = gather_labels(task, task.rows, class_weight);
    gather_all_values(task, train, token);
    stop = gather_labels(task, task.stop_rows, class_weight);
    gather_all_values(task, stop, token);
  }
  const int64_t cols = task.X.cols;
  return py::make_tuple(sample_arrays(std::move(train), cols), sample_arrays(std::move(stop), cols));
}

}  // namespace

void bind_adapters(py::module_& m) {
  py::class_<PythonJudge>(
      m, "RoundJudge",
      "Judges the rounds of a package that trains by itself: best round, patience, alarms, "
      "stop flag and time limit.")
      .def(py::init([](int64_t early_stopping_rounds, double min_delta, bool higher_is_better,
                       bool has_validation, double learning_rate, const py::object& stop,
                       double time_limit_s) {
             const JudgeSettings settings{early_stopping_rounds, min_delta, higher_is_better, has_validation,
                                          learning_rate};
             return PythonJudge{stop, RoundJudge(settings, StopToken(stop_flag(stop), time_limit_s))};
           }),
           py::arg("early_stopping_rounds"), py::arg("min_delta"), py::arg("higher_is_better"),
           py::arg("has_validation"), py::arg("learning_rate"), py::arg("stop") = py::none(),
           py::arg("time_limit_s") = 0.0)
      .def("begin", [](PythonJudge& self) { return self.judge.begin(); })
      .def(
          "observe",
          [](PythonJudge& self, double train_loss, double val_loss, double train_accuracy,
             double val_accuracy, double val_metric) {
            return self.judge.observe({train_loss, val_loss, train_accuracy, val_accuracy, val_metric});
          },
          py::arg("train_loss"), py::arg("val_loss"), py::arg("train_accuracy"), py::arg("val_accuracy"),
          py::arg("val_metric"))
      .def("result", &judge_result);
  m.def("boosting_samples", &boosting_samples, py::arg("X"), py::arg("y"), py::arg("rows"),
        py::arg("stop_rows"), py::arg("weight"), py::arg("n_classes"), py::arg("balanced"));
  m.def(
      "oblivious_trees",
      [](int64_t n_features, int64_t n_classes, const py::array& base_margin, const py::array& split_offset,
         const py::array& feature, const py::array& border, const py::array& missing_right,
         const py::array& leaf_value, const py::array& leaf_weight) {
        ObliviousTrees trees;
        trees.n_features = n_features;
        trees.n_classes = n_classes;
        trees.base_margin = vector_view<double>(base_margin, "base_margin");
        trees.split_offset = vector_view<int64_t>(split_offset, "split_offset");
        trees.feature = vector_view<int32_t>(feature, "feature");
        trees.border = vector_view<float>(border, "border");
        trees.missing_right = vector_view<uint8_t>(missing_right, "missing_right");
        trees.leaf_value = vector_view<double>(leaf_value, "leaf_value");
        trees.leaf_weight = vector_view<double>(leaf_weight, "leaf_weight");
        const py::gil_scoped_release release;
        return TreeEnsemble(from_oblivious(trees), "NativeLibraryError");
      },
      py::arg("n_features"), py::arg("n_classes"), py::arg("base_margin"), py::arg("split_offset"),
      py::arg("feature"), py::arg("border"), py::arg("missing_right"), py::arg("leaf_value"),
      py::arg("leaf_weight"));
  m.def(
      "binary_trees",
      [](int64_t n_features, const py::array& base_margin, const py::array& tree_offset,
         const py::array& left, const py::array& right, const py::array& feature, const py::array& threshold,
         const py::array& missing_left, const py::array& value, const py::array& gain,
         const py::array& cover) {
        BinaryTrees trees;
        trees.n_features = n_features;
        trees.base_margin = vector_view<double>(base_margin, "base_margin");
        trees.tree_offset = vector_view<int64_t>(tree_offset, "tree_offset");
        trees.left = vector_view<int64_t>(left, "left");
        trees.right = vector_view<int64_t>(right, "right");
        trees.feature = vector_view<int64_t>(feature, "feature");
        trees.threshold = vector_view<double>(threshold, "threshold");
        trees.missing_left = vector_view<uint8_t>(missing_left, "missing_left");
        trees.value = vector_view<double>(value, "value");
        trees.gain = vector_view<double>(gain, "gain");
        trees.cover = vector_view<double>(cover, "cover");
        const py::gil_scoped_release release;
        return TreeEnsemble(from_binary(trees), "NativeLibraryError");
      },
      py::arg("n_features"), py::arg("base_margin"), py::arg("tree_offset"), py::arg("left"),
      py::arg("right"), py::arg("feature"), py::arg("threshold"), py::arg("missing_left"), py::arg("value"),
      py::arg("gain"), py::arg("cover"));
  m.def(
      "track_quantiles",
      [](const py::array& prediction, const py::array& y, const py::array& levels, const py::array& shift,
         double rate, int64_t delay) {
        const auto view = matrix_view<double>(prediction, "prediction");
        const auto outcomes = vector_view<double>(y, "y");
        const auto given = vector_view<double>(levels, "levels");
        const auto start = vector_view<double>(shift, "shift");
        models::TrackedQuantiles tracked;
        {
          const py::gil_scoped_release release;
          tracked = models::track_quantiles(view, outcomes, given, start, rate, delay);
        }
        return py::make_tuple(to_matrix(std::move(tracked.values), view.rows, view.cols),
                              to_array(std::move(tracked.shift)));
      },
      py::arg("prediction"), py::arg("y"), py::arg("levels"), py::arg("shift"), py::arg("rate"),
      py::arg("delay"));
}

}  // namespace smctrain::bindings
