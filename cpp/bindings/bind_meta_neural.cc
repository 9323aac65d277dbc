// Meta-learning across symbols: settings and arrays in, an initialisation out.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/net_arrays.h"
#include "bindings/net_settings.h"
#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/neural/meta.h"

namespace smctrain::bindings {

namespace {

neural::MetaSettings to_meta(const py::dict& config) {
  neural::MetaSettings s;
  s.support_rows = config["support_rows"].cast<int64_t>();
  s.query_rows = config["query_rows"].cast<int64_t>();
  s.inner_steps = config["inner_steps"].cast<int64_t>();
  s.inner_rate = config["inner_rate"].cast<double>();
  s.meta_batch = config["meta_batch"].cast<int64_t>();
  s.steps_per_epoch = config["steps_per_epoch"].cast<int64_t>();
  s.validation_share = config["validation_share"].cast<double>();
  s.reptile = config["reptile"].cast<bool>();
  return s;
}

neural::MetaInput to_meta_input(const py::array& X, const py::array& y, const py::array& rows,
                                const py::object& weight, const py::dict& shape, const py::dict& settings,
                                const py::dict& meta) {
  neural::MetaInput input;
  input.X = matrix_view<float>(X, "X");
  input.shape = to_shape(shape);
  if (input.shape.regression()) {
    input.target = vector_view<double>(y, "y", input.X.rows);
  } else {
    input.y = vector_view<int32_t>(y, "y", input.X.rows);
  }
  input.rows = vector_view<int64_t>(rows, "rows");
  input.weight = optional_vector_view<double>(weight, "weight", input.X.rows);
  input.settings = to_settings(settings);
  input.meta = to_meta(meta);
  return input;
}

py::dict fit(const py::array& X, const py::array& y, const py::array& rows, const py::object& weight,
             const py::array& group, const py::object& t1, const py::dict& shape, const py::dict& settings,
             const py::dict& meta, uint64_t seed, const py::object& stop, double time_limit_s,
             const py::object& progress) {
  neural::MetaInput input = to_meta_input(X, y, rows, weight, shape, settings, meta);
  input.group = vector_view<int32_t>(group, "group", input.X.rows);
  input.t1 = optional_vector_view<int64_t>(t1, "t1", input.X.rows);
  input.seed = seed;
  const auto report = [&progress](int64_t epoch, int64_t epochs) {
    const py::gil_scoped_acquire acquire;
    progress(epoch, epochs);
  };
  const std::function<void(int64_t, int64_t)> callback =
      progress.is_none() ? std::function<void(int64_t, int64_t)>() : report;
  auto output = run_native(stop, time_limit_s,
                           [&](const StopToken& token) { return neural::fit_meta(input, token, callback); });
  const auto column = [&](auto value) {
    std::vector<double> values;
    values.reserve(output.history.size());
    for (const auto& record : output.history) values.push_back(static_cast<double>(value(record)));
    return to_array(std::move(values));
  };
  py::dict history;
  history["step"] = column([](const auto& r) { return r.step; });
  history["train_loss"] = column([](const auto& r) { return r.train_loss; });
  history["val_loss"] = column([](const auto& r) { return r.val_loss; });
  history["train_accuracy"] = column([](const auto& r) { return r.train_accuracy; });
  history["val_accuracy"] = column([](const auto& r) { return r.val_accuracy; });
  history["grad_norm"] = column([](const auto& r) { return r.grad_norm; });
  history["learning_rate"] = column([](const auto& r) { return r.learning_rate; });
  history["val_loss_before"] = to_array(std::move(output.val_loss_before));
  py::list alarms;
  for (const auto& alarm : output.alarms)
    alarms.append(py::make_tuple(alarm.kind, alarm.step, alarm.message));
  py::dict result;
  result["arrays"] =
      to_named(neural::make_layout(input.shape), output.weights.learned, &output.weights.statistics);
  result["history"] = history;
  result["alarms"] = alarms;
  result["stop_reason"] = output.stop_reason;
  result["best_epoch"] = output.best_epoch;
  result["best_loss"] = output.best_loss;
  result["held_out"] = output.held_out;
  result["too_short"] = output.too_short;
  result["target_mean"] = output.target_mean;
  result["target_scale"] = output.target_scale;
  return result;
}

}  // namespace

void bind_meta_neural(py::module_& m) {
  m.def(
      "neural_meta_fit", &fit, py::arg("X"), py::arg("y"), py::arg("rows"), py::arg("weight"),
      py::arg("group"), py::arg("t1"), py::arg("shape"), py::arg("settings"), py::arg("meta"),
      py::arg("seed"), py::arg("stop"), py::arg("time_limit_s"), py::arg("progress"),
      "Meta-learns one initialisation across groups; returns arrays, history, alarms, held_out, too_short.");
  m.def(
      "neural_meta_adapt",
      [](const py::array& X, const py::array& y, const py::array& rows, const py::object& weight,
         const py::dict& shape, const py::dict& settings, const py::dict& meta, const py::dict& arrays,
         double target_mean, double target_scale) {
        const auto input = to_meta_input(X, y, rows, weight, shape, settings, meta);
        const auto layout = neural::make_layout(input.shape);
        const auto start = from_named(layout, arrays);
        const auto adapted = run_native(py::none(), 0.0, [&](const StopToken& token) {
          return neural::adapt(input, start, target_mean, target_scale, token);
        });
        return to_named(layout, adapted.learned, &adapted.statistics);
      },
      py::arg("X"), py::arg("y"), py::arg("rows"), py::arg("weight"), py::arg("shape"), py::arg("settings"),
      py::arg("meta"), py::arg("arrays"), py::arg("target_mean"), py::arg("target_scale"),
      "Named arrays after adaptation to some rows, answering in units of y.");
}

}  // namespace smctrain::bindings
