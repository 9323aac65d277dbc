// Networks: settings and arrays in, history and named arrays out. No torch header here.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/net_arrays.h"
#include "bindings/net_settings.h"
#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/neural/devices.h"
#include "smctrain/models/neural/training.h"
#include "smctrain/models/neural/windows.h"

namespace smctrain::bindings {

namespace neural = models::neural;

namespace {

neural::FitInput to_input(const py::array& X, const py::array& y, const py::array& rows,
                          const py::array& stop_rows, const py::object& weight, const py::object& segment,
                          const py::dict& shape, const py::dict& settings, uint64_t seed) {
  neural::FitInput input;
  input.X = matrix_view<float>(X, "X");
  input.shape = to_shape(shape);
  if (input.shape.multi_task()) {
    input.targets = matrix_view<double>(y, "y");
    if (input.targets.rows != input.X.rows ||
        input.targets.cols != static_cast<int64_t>(input.shape.tasks.size())) {
      raise("InputError", "y must have ", input.X.rows, " rows and ", input.shape.tasks.size(),
            " columns, but has ", input.targets.rows, " and ", input.targets.cols, ".");
    }
  } else if (input.shape.regression()) {
    input.target = vector_view<double>(y, "y", input.X.rows);
  } else {
    input.y = vector_view<int32_t>(y, "y", input.X.rows);
  }
  input.rows = vector_view<int64_t>(rows, "rows");
  input.stop_rows = vector_view<int64_t>(stop_rows, "stop_rows");
  input.weight = optional_vector_view<double>(weight, "weight", input.X.rows);
  input.segment = optional_vector_view<int32_t>(segment, "segment", input.X.rows);
  input.settings = to_settings(settings);
  input.seed = seed;
  return input;
}

py::dict fit(const py::array& X, const py::array& y, const py::array& rows, const py::array& stop_rows,
             const py::object& weight, const py::object& segment, const py::dict& shape,
             const py::dict& settings, uint64_t seed, const py::object& stop, double time_limit_s,
             const py::object& progress) {
  const neural::FitInput input = to_input(X, y, rows, stop_rows, weight, segment, shape, settings, seed);
  const auto report = [&progress](int64_t epoch, int64_t epochs) {
    const py::gil_scoped_acquire acquire;
    progress(epoch, epochs);
  };
  const std::function<void(int64_t, int64_t)> callback =
      progress.is_none() ? std::function<void(int64_t, int64_t)>() : report;
  auto output = run_native(stop, time_limit_s,
                           [&](const StopToken& token) { return neural::fit_net(input, token, callback); });

  const auto n = output.history.size();
  const auto column = [&](auto value) {
    std::vector<double> values(n);
    for (size_t i = 0; i < n; ++i) values[i] = static_cast<double>(value(output.history[i]));
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
  history["columns_visible"] =
      to_array(std::vector<double>(output.columns_visible.begin(), output.columns_visible.end()));
  history["layers_frozen"] =
      to_array(std::vector<double>(output.layers_frozen.begin(), output.layers_frozen.end()));
  py::list tasks;
  for (const auto& task : output.tasks) {
    py::dict one;
    one["train_loss"] = to_array(std::vector<double>(task.train_loss));
    one["val_loss"] = to_array(std::vector<double>(task.val_loss));
    one["train_score"] = to_array(std::vector<double>(task.train_score));
    one["val_score"] = to_array(std::vector<double>(task.val_score));
    tasks.append(one);
  }
  const auto add_vae = [&](const char* name, double neural::VaeRecord::* part) {
    std::vector<double> values;
    for (const auto& record : output.vae_history) values.push_back(record.*part);
    history[name] = to_array(std::move(values));
  };
  if (input.shape.kind == neural::NetKind::kVae) {
    add_vae("train_reconstruction", &neural::VaeRecord::train_reconstruction);
    add_vae("val_reconstruction", &neural::VaeRecord::val_reconstruction);
    add_vae("train_kl", &neural::VaeRecord::train_kl);
    add_vae("val_kl", &neural::VaeRecord::val_kl);
    add_vae("train_head", &neural::VaeRecord::train_head);
    add_vae("val_head", &neural::VaeRecord::val_head);
    add_vae("kl_weight", &neural::VaeRecord::kl_weight);
  }
  py::list alarms;
  for (const auto& alarm : output.alarms)
    alarms.append(py::make_tuple(alarm.kind, alarm.step, alarm.message));
  py::dict result;
  result["arrays"] =
      to_named(neural::make_layout(input.shape), output.weights.learned, &output.weights.statistics);
  result["history"] = history;
  result["tasks"] = tasks;
  result["alarms"] = alarms;
  result["stop_reason"] = output.stop_reason;
  result["best_epoch"] = output.best_epoch;
  result["best_loss"] = output.best_loss;
  result["left_out"] = output.left_out;
  result["left_out_stop"] = output.left_out_stop;
  result["n_steps"] = output.n_steps;
  result["temperature"] = output.temperature;
  return result;
}

}  // namespace

void bind_neural(py::module_& m) {
  m.def("neural_fit", &fit, py::arg("X"), py::arg("y"), py::arg("rows"), py::arg("stop_rows"),
        py::arg("weight"), py::arg("segment"), py::arg("shape"), py::arg("settings"), py::arg("seed"),
        py::arg("stop"), py::arg("time_limit_s"), py::arg("progress"),
        "Trains one network; returns arrays, history, alarms, stop_reason, best_epoch, best_loss, left_out.");

  m.def(
      "neural_gradient",
      [](const py::array& X, const py::array& y, const py::array& rows, const py::object& weight,
         const py::object& segment, const py::dict& shape, const py::dict& settings, const py::dict& arrays) {
        const py::array_t<int64_t> none(0);
        const auto input = to_input(X, y, rows, none, weight, segment, shape, settings, 0);
        const auto layout = neural::make_layout(input.shape);
        const auto weights = from_named(layout, arrays);
        const auto result = run_native(
            py::none(), 0.0, [&](const StopToken&) { return neural::loss_and_gradient(input, weights); });
        return py::make_tuple(result.loss, to_named(layout, result.gradient, nullptr));
      },
      py::arg("X"), py::arg("y"), py::arg("rows"), py::arg("weight"), py::arg("segment"), py::arg("shape"),
      py::arg("settings"), py::arg("arrays"),
      "Loss and gradient of one batch of all rows; dropout is drawn from seed 0.");

  m.def(
      "neural_cuda",
      [] {
        const auto found = neural::find_cuda();
        return py::make_tuple(found.works, found.words);
      },
      "(whether LibTorch has a CUDA device that works, its name or what was found instead).");

  m.def(
      "neural_full_windows",
      [](const py::array& rows, const py::object& segment, int64_t n_rows, int64_t lookback) {
        const auto wanted = vector_view<int64_t>(rows, "rows");
        const auto starts =
            neural::stretch_starts(optional_vector_view<int32_t>(segment, "segment", n_rows), n_rows);
        for (const int64_t row : wanted) {
          if (row < 0 || row >= n_rows)
            raise("InputError", "rows must lie in 0 to ", n_rows - 1, ", but one is ", row, ".");
        }
        return to_array(neural::full_windows(wanted, starts, lookback));
      },
      py::arg("rows"), py::arg("segment"), py::arg("n_rows"), py::arg("lookback"),
      "The rows that have a full window of `lookback` rows ending with them inside one segment.");

  m.def(
      "neural_gather_windows",
      [](const py::array& X, const py::array& rows, int64_t lookback) {
        const auto view = matrix_view<float>(X, "X");
        const auto wanted = vector_view<int64_t>(rows, "rows");
        if (lookback < 1 || lookback > view.rows) {
          raise("InputError", "lookback must be from 1 to the ", view.rows, " rows of X, but is ", lookback,
                ".");
        }
        for (const int64_t row : wanted) {
          if (row < lookback - 1 || row >= view.rows)
            raise("InputError", "row ", row, " has no window of ", lookback, " rows.");
        }
        const auto batch = static_cast<int64_t>(wanted.size());
        std::vector<float> out(static_cast<size_t>(lookback * batch * view.cols));
        neural::gather_windows(view, wanted, lookback, out.data());
        return to_array(std::move(out)).reshape({lookback, batch, view.cols});
      },
      py::arg("X"), py::arg("rows"), py::arg("lookback"),
      "Windows of some rows, (lookback, batch, columns).");
}

}  // namespace smctrain::bindings
