// Linear models: least squares, ridge, elastic net, logistic regression, FTRL-proximal.
#include <numeric>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/models/linear/elastic_net.h"
#include "smctrain/models/linear/ftrl.h"
#include "smctrain/models/linear/least_squares.h"
#include "smctrain/models/linear/logistic.h"
#include "smctrain/models/linear/scores.h"

namespace smctrain::bindings {

namespace linear = models::linear;

namespace {

constexpr int64_t kLongWork = 50'000'000;  // multiplications, about 0.05 s

// What every fit takes.
struct Task {
  MatrixView<const float> X;
  std::span<const int64_t> rows;
  std::span<const double> weight;
  linear::DesignSettings settings;
};

Task task_of(const py::array& X, const py::array& rows, const py::object& weight, bool fit_intercept,
             bool standardize, int threads) {
  Task task;
  task.X = matrix_view<float>(X, "X");
  task.rows = vector_view<int64_t>(rows, "rows");
  task.weight = optional_vector_view<double>(weight, "weight", task.X.rows);
  task.settings = {fit_intercept, standardize, threads};
  return task;
}

linear::Design design_of(const Task& task, const StopToken& token) {
  linear::DesignSettings settings = task.settings;
  settings.stop = &token;
  return {task.X, task.rows, task.weight, settings};
}

// The object is borrowed: the caller holds it for the whole call.
Progress progress_of(const py::object& progress) {
  if (progress.is_none()) return {};
  return [&progress](int64_t done, int64_t total) {
    const py::gil_scoped_acquire acquire;
    progress(done, total);
  };
}

py::dict dictionary(linear::PathResult&& path, int64_t d) {
  const auto n = static_cast<int64_t>(path.alphas.size());
  py::dict out;
  out["alphas"] = to_array(std::move(path.alphas));
  out["coefs"] = to_matrix(std::move(path.coefs), n, d);
  out["intercepts"] = to_array(std::move(path.intercepts));
  out["objective"] = to_array(std::move(path.objective));
  out["gap"] = to_array(std::move(path.gap));
  out["n_iter"] = to_array(std::move(path.n_iter));
  out["rank"] = path.rank;
  out["stop_reason"] = path.stop_reason;
  return out;
}

// Of the columns, whatever the fit does with them.
struct Moments {
  std::vector<double> mean, scale;
};

Moments moments_of(const linear::Design& design) {
  return {{design.centre().begin(), design.centre().end()}, {design.spread().begin(), design.spread().end()}};
}

template <class Fit>
py::dict regression(const Task& task, const py::object& stop, double time_limit_s, Fit&& fit) {
  Moments moments;
  auto path = run_native(stop, time_limit_s, [&](const StopToken& token) {
    const linear::Design design = design_of(task, token);
    moments = moments_of(design);
    return fit(design, token);
  });
  py::dict result = dictionary(std::move(path), task.X.cols);
  result["mean"] = to_array(std::move(moments.mean));
  result["scale"] = to_array(std::move(moments.scale));
  return result;
}

py::array_t<double> scores(const py::array& X, const py::object& rows, const py::array& coefs,
                           const py::array& intercepts, int threads, bool as_probabilities) {
  const auto view = matrix_view<float>(X, "X");
  const auto vectors = matrix_view<double>(coefs, "coefs");
  const auto offsets = vector_view<double>(intercepts, "intercepts", vectors.rows);
  if (vectors.cols != view.cols || vectors.row_stride != vectors.cols) {
    raise("InputError", "coefs must have ", view.cols, " packed columns, but has ", vectors.cols, ".");
  }
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
  const int64_t k = vectors.rows;
  const std::span<const double> weights(vectors.data, static_cast<size_t>(k * vectors.cols));
  std::vector<double> out(static_cast<size_t>(n * k));
  const int64_t n_out = as_probabilities && k == 1 ? 2 : k;
  const auto work = [&](const StopToken& token) {
    linear::linear_scores(view, which, weights, offsets, threads, token, out.data());
    if (!as_probabilities) return true;
    std::vector<double> shares(static_cast<size_t>(n * n_out));
    linear::probabilities(out.data(), n, k, shares.data());
    out = std::move(shares);
    return true;
  };
  if (n * k * view.cols > kLongWork) {
    run_native(py::none(), 0.0, work);
  } else {
    const py::gil_scoped_release release;
    work(StopToken());
  }
  return to_matrix(std::move(out), n, n_out);
}

linear::FtrlSettings ftrl_settings(const py::dict& values) {
  linear::FtrlSettings settings;
  settings.alpha = py::cast<double>(values["alpha"]);
  settings.beta = py::cast<double>(values["beta"]);
  settings.l1 = py::cast<double>(values["l1"]);
  settings.l2 = py::cast<double>(values["l2"]);
  settings.fit_intercept = py::cast<bool>(values["fit_intercept"]);
  return settings;
}

py::dict ftrl(const py::array& X, const py::array& rows, const py::array& y, const py::object& weight,
              int64_t n_classes, const py::dict& settings, const py::object& z, const py::object& n,
              const py::object& stop, double time_limit_s, const py::object& progress) {
  const auto view = matrix_view<float>(X, "X");
  const auto which = vector_view<int64_t>(rows, "rows");
  const auto codes = vector_view<int32_t>(y, "y", view.rows);
  const auto weights = optional_vector_view<double>(weight, "weight", view.rows);
  auto chosen = ftrl_settings(settings);
  chosen.progress = progress_of(progress);
  const int64_t n_models = n_classes == 2 ? 1 : n_classes;
  const int64_t width = view.cols + 1;
  const auto size = static_cast<size_t>(n_models * width);
  for (const int64_t row : which) {
    if (row < 0 || row >= view.rows || codes[static_cast<size_t>(row)] < 0 ||
        codes[static_cast<size_t>(row)] >= n_classes) {
      raise("InputError", "rows must lie in 0..", view.rows - 1, " and have a class code in 0..",
            n_classes - 1, ", but row ", row, " has not.");
    }
  }
  linear::FtrlState state;
  const auto from = [&](const py::object& given, const char* name) {
    if (given.is_none()) return std::vector<double>(size, 0.0);
    const auto entries = matrix_view<double>(py::cast<py::array>(given), name);
    if (entries.rows != n_models || entries.cols != width || entries.row_stride != width) {
      raise("InputError", name, " must have shape (", n_models, ", ", width, ").");
    }
    return std::vector<double>(entries.data, entries.data + size);
  };
  state.z = from(z, "z");
  state.n = from(n, "n");
  auto pass = run_native(stop, time_limit_s, [&](const StopToken& token) {
    return linear::ftrl_pass(view, which, codes, weights, n_models, chosen, token, state);
  });
  py::dict out;
  out["weights"] = to_matrix(linear::ftrl_weights(state, n_models, chosen), n_models, width);
  out["z"] = to_matrix(std::move(state.z), n_models, width);
  out["n"] = to_matrix(std::move(state.n), n_models, width);
  out["rows_seen"] = pass.rows_seen;
  out["step"] = to_array(std::move(pass.step));
  out["loss"] = to_array(std::move(pass.loss));
  out["accuracy"] = to_array(std::move(pass.accuracy));
  out["stop_reason"] = pass.stop_reason;
  return out;
}

}  // namespace

void bind_linear(py::module_& m) {
  m.def(
      "fit_least_squares",
      [](const py::array& X, const py::array& rows, const py::array& y, const py::object& weight,
         bool fit_intercept, bool standardize, int threads, const py::object& stop, double time_limit_s) {
        const Task task = task_of(X, rows, weight, fit_intercept, standardize, threads);
        const auto target = vector_view<double>(y, "y", task.X.rows);
        return regression(task, stop, time_limit_s,
                          [&](const linear::Design& design, const StopToken& token) {
                            return linear::fit_least_squares(design, target, token);
                          });
      },
      py::arg("X"), py::arg("rows"), py::arg("y"), py::arg("weight"), py::arg("fit_intercept"),
      py::arg("standardize"), py::arg("threads"), py::arg("stop"), py::arg("time_limit_s"));
  m.def(
      "fit_ridge",
      [](const py::array& X, const py::array& rows, const py::array& y, const py::object& weight,
         const py::array& alphas, bool fit_intercept, bool standardize, int threads, const py::object& stop,
         double time_limit_s) {
        const Task task = task_of(X, rows, weight, fit_intercept, standardize, threads);
        const auto target = vector_view<double>(y, "y", task.X.rows);
        const auto strengths = vector_view<double>(alphas, "alphas");
        return regression(task, stop, time_limit_s,
                          [&](const linear::Design& design, const StopToken& token) {
                            return linear::fit_ridge(design, target, strengths, token);
                          });
      },
      py::arg("X"), py::arg("rows"), py::arg("y"), py::arg("weight"), py::arg("alphas"),
      py::arg("fit_intercept"), py::arg("standardize"), py::arg("threads"), py::arg("stop"),
      py::arg("time_limit_s"));
  m.def(
      "fit_elastic_net",
      [](const py::array& X, const py::array& rows, const py::array& y, const py::object& weight,
         const py::array& alphas, int64_t n_alphas, double eps, double l1_ratio, double tol, int64_t max_iter,
         bool fit_intercept, bool standardize, int threads, const py::object& stop, double time_limit_s,
         const py::object& progress) {
        const Task task = task_of(X, rows, weight, fit_intercept, standardize, threads);
        const auto target = vector_view<double>(y, "y", task.X.rows);
        const auto strengths = vector_view<double>(alphas, "alphas");
        linear::ElasticNetSettings settings;
        settings.l1_ratio = l1_ratio;
        settings.alphas.assign(strengths.begin(), strengths.end());
        settings.n_alphas = n_alphas;
        settings.eps = eps;
        settings.tol = tol;
        settings.max_iter = max_iter;
        settings.progress = progress_of(progress);
        return regression(task, stop, time_limit_s,
                          [&](const linear::Design& design, const StopToken& token) {
                            return linear::fit_elastic_net(design, target, settings, token);
                          });
      },
      py::arg("X"), py::arg("rows"), py::arg("y"), py::arg("weight"), py::arg("alphas"), py::arg("n_alphas"),
      py::arg("eps"), py::arg("l1_ratio"), py::arg("tol"), py::arg("max_iter"), py::arg("fit_intercept"),
      py::arg("standardize"), py::arg("threads"), py::arg("stop"), py::arg("time_limit_s"),
      py::arg("progress") = py::none(),
      "alphas empty: n_alphas of a grid from the smallest one with zeros only down to eps times it.");
  m.def(
      "fit_logistic",
      [](const py::array& X, const py::array& rows, const py::array& y, const py::object& weight,
         int64_t n_classes, double l1, double l2, double tol, int64_t max_iter, bool fit_intercept,
         bool standardize, int threads, const py::object& stop, double time_limit_s,
         const py::object& progress) {
        const Task task = task_of(X, rows, weight, fit_intercept, standardize, threads);
        const auto codes = vector_view<int32_t>(y, "y", task.X.rows);
        const linear::LogisticSettings settings{n_classes, l1, l2, tol, max_iter, progress_of(progress)};
        Moments moments;
        auto fit = run_native(stop, time_limit_s, [&](const StopToken& token) {
          const linear::Design design = design_of(task, token);
          moments = moments_of(design);
          return linear::fit_logistic(design, codes, settings, token);
        });
        const auto k = static_cast<int64_t>(fit.intercepts.size());
        py::dict out;
        out["coefs"] = to_matrix(std::move(fit.coefs), k, task.X.cols);
        out["intercepts"] = to_array(std::move(fit.intercepts));
        out["beta"] = to_matrix(std::move(fit.beta), k, task.X.cols);
        out["objective"] = to_array(std::move(fit.objective));
        out["violation"] = to_array(std::move(fit.violation));
        out["step"] = to_array(std::move(fit.step));
        out["converged"] = fit.converged;
        out["mean"] = to_array(std::move(moments.mean));
        out["scale"] = to_array(std::move(moments.scale));
        out["stop_reason"] = fit.stop_reason;
        return out;
      },
      py::arg("X"), py::arg("rows"), py::arg("y"), py::arg("weight"), py::arg("n_classes"), py::arg("l1"),
      py::arg("l2"), py::arg("tol"), py::arg("max_iter"), py::arg("fit_intercept"), py::arg("standardize"),
      py::arg("threads"), py::arg("stop"), py::arg("time_limit_s"), py::arg("progress") = py::none(),
      "l1 and l2 belong to the mean loss of weighted rows.");
  m.def("fit_ftrl", &ftrl, py::arg("X"), py::arg("rows"), py::arg("y"), py::arg("weight"),
        py::arg("n_classes"), py::arg("settings"), py::arg("z"), py::arg("n"), py::arg("stop"),
        py::arg("time_limit_s"), py::arg("progress") = py::none());
  m.def(
      "linear_scores",
      [](const py::array& X, const py::object& rows, const py::array& coefs, const py::array& intercepts,
         int threads) { return scores(X, rows, coefs, intercepts, threads, false); },
      py::arg("X"), py::arg("rows"), py::arg("coefs"), py::arg("intercepts"), py::arg("threads"));
  m.def(
      "linear_proba",
      [](const py::array& X, const py::object& rows, const py::array& coefs, const py::array& intercepts,
         int threads) { return scores(X, rows, coefs, intercepts, threads, true); },
      py::arg("X"), py::arg("rows"), py::arg("coefs"), py::arg("intercepts"), py::arg("threads"));
  m.def(
      "column_moments",
      [](const py::array& X, const py::array& rows, const py::object& weight, int threads) {
        const Task task = task_of(X, rows, weight, true, true, threads);
        Moments moments;
        run_native(py::none(), 0.0, [&](const StopToken& token) {
          moments = moments_of(design_of(task, token));
          return 0;
        });
        return py::make_tuple(to_array(std::move(moments.mean)), to_array(std::move(moments.scale)));
      },
      py::arg("X"), py::arg("rows"), py::arg("weight"), py::arg("threads"),
      "Weighted (mean, standard deviation) of the columns.");
}

}  // namespace smctrain::bindings
