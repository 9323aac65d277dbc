// The generator of rows: fit, rows, distances. No torch header here.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/net_arrays.h"
#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/neural/gan.h"
#include "smctrain/models/neural/table_distance.h"

namespace smctrain::bindings {

namespace {

neural::GanShape to_gan_shape(const py::dict& config) {
  neural::GanShape shape;
  shape.columns = config["columns"].cast<int64_t>();
  shape.classes = config["classes"].cast<int64_t>();
  shape.noise = config["noise"].cast<int64_t>();
  shape.generator = config["generator"].cast<std::vector<int64_t>>();
  shape.critic = config["critic"].cast<std::vector<int64_t>>();
  neural::require_valid(shape.validate());
  return shape;
}

neural::GanSettings to_gan_settings(const py::dict& config) {
  neural::GanSettings s;
  s.learning_rate = config["learning_rate"].cast<double>();
  s.penalty = config["penalty"].cast<double>();
  s.averaging = config["averaging"].cast<double>();
  s.batch_size = config["batch_size"].cast<int64_t>();
  s.critic_steps = config["critic_steps"].cast<int64_t>();
  s.max_steps = config["max_steps"].cast<int64_t>();
  s.report_every = config["report_every"].cast<int64_t>();
  s.patience = config["patience"].cast<int64_t>();
  s.nan_recoveries = config["nan_recoveries"].cast<int64_t>();
  return s;
}

py::dict fit(const py::array& X, const py::array& y, const py::array& rows, const py::array& judged,
             const py::dict& shape, const py::dict& settings, uint64_t seed, const py::object& stop,
             double time_limit_s, const py::object& progress) {
  neural::GanInput input;
  input.X = matrix_view<float>(X, "X");
  input.y = vector_view<int32_t>(y, "y", input.X.rows);
  input.rows = vector_view<int64_t>(rows, "rows");
  input.judged = vector_view<int64_t>(judged, "judged");
  input.shape = to_gan_shape(shape);
  input.settings = to_gan_settings(settings);
  input.seed = seed;
  const auto report = [&progress](int64_t step, int64_t steps) {
    const py::gil_scoped_acquire acquire;
    progress(step, steps);
  };
  const std::function<void(int64_t, int64_t)> callback =
      progress.is_none() ? std::function<void(int64_t, int64_t)>() : report;
  const auto output = run_native(
      stop, time_limit_s, [&](const StopToken& token) { return neural::fit_gan(input, token, callback); });
  const auto column = [&](auto value) {
    std::vector<double> values;
    for (const auto& record : output.history) values.push_back(static_cast<double>(value(record)));
    return to_array(std::move(values));
  };
  py::dict history;
  history["step"] = column([](const auto& r) { return r.step; });
  history["critic_loss"] = column([](const auto& r) { return r.critic_loss; });
  history["generator_loss"] = column([](const auto& r) { return r.generator_loss; });
  history["gradient_norm"] = column([](const auto& r) { return r.gradient_norm; });
  history["energy_distance"] = column([](const auto& r) { return r.energy_distance; });
  history["learning_rate"] = column([](const auto& r) { return r.learning_rate; });
  py::list alarms;
  for (const auto& alarm : output.alarms)
    alarms.append(py::make_tuple(alarm.kind, alarm.step, alarm.message));
  py::dict result;
  result["arrays"] = to_named(neural::generator_layout(input.shape), output.generator, nullptr);
  result["history"] = history;
  result["alarms"] = alarms;
  result["stop_reason"] = output.stop_reason;
  result["best_step"] = output.best_step;
  result["best_distance"] = output.best_distance;
  return result;
}

}  // namespace

void bind_gan_neural(py::module_& m) {
  m.def(
      "gan_fit", &fit, py::arg("X"), py::arg("y"), py::arg("rows"), py::arg("judged"), py::arg("shape"),
      py::arg("settings"), py::arg("seed"), py::arg("stop"), py::arg("time_limit_s"), py::arg("progress"),
      "Trains a generator of rows; returns arrays, history, alarms, stop_reason, best_step, best_distance.");

  m.def(
      "gan_rows",
      [](const py::dict& shape, const py::dict& arrays, const py::array& y, uint64_t seed) {
        const auto gan = to_gan_shape(shape);
        const auto weights = from_named(neural::generator_layout(gan), arrays);
        const auto classes = vector_view<int32_t>(y, "y");
        auto rows = run_native(py::none(), 0.0, [&](const StopToken& token) {
          return neural::made_rows(gan, weights.learned, classes, seed, token);
        });
        return to_matrix(std::move(rows), static_cast<int64_t>(classes.size()), gan.columns);
      },
      py::arg("shape"), py::arg("arrays"), py::arg("y"), py::arg("seed"), "Rows for classes y (n, columns).");

  m.def(
      "gan_critic_gradient",
      [](const py::dict& shape, double penalty, const py::dict& critic, const py::array& real,
         const py::array& made, const py::array& y, const py::array& mix) {
        const auto gan = to_gan_shape(shape);
        const auto layout = neural::critic_layout(gan);
        const auto weights = from_named(layout, critic);
        const auto a = matrix_view<float>(real, "real");
        const auto result = neural::critic_gradient(
            gan, penalty, weights.learned, a, matrix_view<float>(made, "made"),
            vector_view<int32_t>(y, "y", a.rows), vector_view<float>(mix, "mix", a.rows));
        return py::make_tuple(result.loss, to_named(layout, result.gradient, nullptr));
      },
      py::arg("shape"), py::arg("penalty"), py::arg("critic"), py::arg("real"), py::arg("made"), py::arg("y"),
      py::arg("mix"), "Loss and gradient of one critic step.");

  m.def(
      "gan_generator_gradient",
      [](const py::dict& shape, const py::dict& generator, const py::dict& critic, const py::array& noise,
         const py::array& y) {
        const auto gan = to_gan_shape(shape);
        const auto layout = neural::generator_layout(gan);
        const auto z = matrix_view<float>(noise, "noise");
        const auto result = neural::generator_gradient(gan, from_named(layout, generator).learned,
                                                       from_named(neural::critic_layout(gan), critic).learned,
                                                       z, vector_view<int32_t>(y, "y", z.rows));
        return py::make_tuple(result.loss, to_named(layout, result.gradient, nullptr));
      },
      py::arg("shape"), py::arg("generator"), py::arg("critic"), py::arg("noise"), py::arg("y"),
      "Loss and gradient of one generator step.");

  m.def(
      "table_energy_distance",
      [](const py::array& a, const py::array& b) {
        const auto left = matrix_view<float>(a, "a");
        const auto right = matrix_view<float>(b, "b");
        if (left.cols != right.cols || left.rows < 1 || right.rows < 1)
          raise("InputError", "a and b must hold rows of the same columns.");
        return run_native(py::none(), 0.0,
                          [&](const StopToken&) { return neural::energy_distance(left, right); });
      },
      py::arg("a"), py::arg("b"), "Energy coefficient of two samples, 0 (alike) to 1.");

  m.def(
      "table_coverage",
      [](const py::array& a, const py::array& b, int64_t k) {
        const auto left = matrix_view<float>(a, "a");
        const auto right = matrix_view<float>(b, "b");
        if (left.cols != right.cols || left.rows < 2 || right.rows < 1 || k < 1)
          raise("InputError", "a and b must hold rows of the same columns, at least 2 and 1.");
        return run_native(py::none(), 0.0,
                          [&](const StopToken&) { return neural::coverage(left, right, k); });
      },
      py::arg("a"), py::arg("b"), py::arg("k"), "Share of a's rows whose k-neighbour ball holds a row of b.");

  m.def(
      "table_nearest",
      [](const py::array& a, const py::array& b, const py::array& own) {
        const auto left = matrix_view<float>(a, "a");
        const auto right = matrix_view<float>(b, "b");
        const auto left_out = vector_view<int64_t>(own, "own");
        if (left.cols != right.cols || left.rows < 1 || right.rows < 1)
          raise("InputError", "a and b must hold rows of the same columns.");
        if (!left_out.empty() && static_cast<int64_t>(left_out.size()) != left.rows)
          raise("InputError", "own must name a row of b for each row of a, or none.");
        return to_array(run_native(py::none(), 0.0, [&](const StopToken&) {
          return neural::nearest_distances(left, right, left_out);
        }));
      },
      py::arg("a"), py::arg("b"), py::arg("own"),
      "Distance of each row of a to the nearest row of b, own (a row of b for each row of a) left out.");
}

}  // namespace smctrain::bindings
