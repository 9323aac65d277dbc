// Networks: settings and arrays in, history and named arrays out. No torch header here.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/net_arrays.h"
#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/neural/predictor.h"
#include "smctrain/models/neural/training.h"
#include "smctrain/models/neural/windows.h"

namespace smctrain::bindings {

namespace neural = models::neural;

namespace {

neural::ScheduleKind to_schedule(const std::string& name) {
  if (name == "plateau") return neural::ScheduleKind::kPlateau;
  if (name == "exponential") return neural::ScheduleKind::kExponential;
  if (name == "cosine") return neural::ScheduleKind::kCosine;
  if (name == "one_cycle") return neural::ScheduleKind::kOneCycle;
  return neural::ScheduleKind::kConstant;
}

neural::TrainingSettings to_settings(const py::dict& config) {
  neural::TrainingSettings s;
  s.dropout = config["dropout"].cast<double>();
  s.weight_decay = config["weight_decay"].cast<double>();
  s.label_smoothing = config["label_smoothing"].cast<double>();
  s.learning_rate = config["learning_rate"].cast<double>();
  s.batch_size = config["batch_size"].cast<int64_t>();
  s.max_epochs = config["max_epochs"].cast<int64_t>();
  s.patience = config["patience"].cast<int64_t>();
  s.min_delta = config["min_delta"].cast<double>();
  s.clip_norm = config["clip_norm"].cast<double>();
  s.balanced = config["balanced"].cast<bool>();
  s.optimiser = config["optimizer"].cast<std::string>() == "sgd" ? neural::OptimiserKind::kSgd
                                                                 : neural::OptimiserKind::kAdamW;
  s.momentum = config["momentum"].cast<double>();
  s.regression_loss = config["loss"].cast<std::string>() == "huber" ? neural::RegressionLoss::kHuber
                                                                    : neural::RegressionLoss::kSquared;
  s.schedule = to_schedule(config["schedule"].cast<std::string>());
  s.plateau_epochs = config["plateau_epochs"].cast<int64_t>();
  s.decay = config["decay"].cast<double>();
  s.warmup_epochs = config["warmup_epochs"].cast<double>();
  s.min_learning_rate = config["min_learning_rate"].cast<double>();
  s.visible_from = config["visible_from"].cast<std::vector<int64_t>>();
  s.freeze_layers = config["freeze_layers"].cast<int64_t>();
  s.freeze_after = config["freeze_after"].cast<int64_t>();
  s.nan_recoveries = config["nan_recoveries"].cast<int64_t>();
  s.restarts = config["restarts"].cast<int64_t>();
  s.calibrate_temperature = config["calibrate_temperature"].cast<bool>();
  if (config.contains("kl_weight")) {  // a VAE
    s.head_weight = config["head_weight"].cast<double>();
    s.reconstruction_weight = config["reconstruction_weight"].cast<double>();
    s.kl_weight = config["kl_weight"].cast<double>();
    s.kl_warmup_epochs = config["kl_warmup_epochs"].cast<double>();
  }
  return s;
}

neural::FitInput to_input(const py::array& X, const py::array& y, const py::array& rows,
                          const py::array& stop_rows, const py::object& weight, const py::object& segment,
                          const py::dict& shape, const py::dict& settings, uint64_t seed) {
  neural::FitInput input;
  input.X = matrix_view<float>(X, "X");
  input.shape = to_shape(shape);
  if (input.shape.regression()) {
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
      py::arg("settings"), py::arg("arrays"), "Loss and gradient of one batch of all rows, dropout off.");

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

  py::class_<neural::Predictor>(m, "NeuralPredictor",
                                "Inference of one network from its named arrays; thread-safe.")
      .def(py::init([](const py::dict& shape, const py::dict& arrays) {
             const auto net_shape = to_shape(shape);
             return neural::Predictor(net_shape, from_named(neural::make_layout(net_shape), arrays));
           }),
           py::arg("shape"), py::arg("arrays"))
      .def(
          "predict",
          [](const neural::Predictor& self, const py::array& X, const py::array& rows,
             const py::object& segment, const py::object& stop) {
            const auto view = matrix_view<float>(X, "X");
            const auto wanted = vector_view<int64_t>(rows, "rows");
            const auto stretch = optional_vector_view<int32_t>(segment, "segment", view.rows);
            auto result = run_native(stop, 0.0, [&](const StopToken& token) {
              return self.predict(view, wanted, stretch, token);
            });
            return to_matrix(std::move(result), static_cast<int64_t>(wanted.size()),
                             self.shape().n_outputs());
          },
          py::arg("X"), py::arg("rows"), py::arg("segment"), py::arg("stop") = py::none(),
          "Probabilities (rows, classes), or values (rows, 1) of a regression; NaN in a row without a full "
          "window.");
}

}  // namespace smctrain::bindings
