#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/stats/bootstrap.h"
#include "smctrain/stats/circular_shift.h"
#include "smctrain/stats/data_snooping.h"
#include "smctrain/stats/e_process.h"
#include "smctrain/stats/effective_size.h"
#include "smctrain/stats/intervals.h"
#include "smctrain/stats/multiple_testing.h"
#include "smctrain/stats/normal.h"
#include "smctrain/stats/pbo.h"
#include "smctrain/stats/sharpe.h"

namespace smctrain::bindings {

namespace {

stats::SharpeForm sharpe_form(int form) {
  if (form == 2012) return stats::SharpeForm::k2012;
  if (form == 2025) return stats::SharpeForm::k2025;
  raise("InputError", "form must be 2012 or 2025, but is ", form, ".");
}

py::dict shift_result(const stats::CircularShiftResult& result) {
  py::dict out;
  out["p_value"] = result.p_value;
  out["statistic"] = result.statistic;
  out["best_model"] = result.best_model;
  out["n_shifts"] = result.n_shifts;
  out["null_mean"] = result.null_mean;
  out["model_statistics"] = to_array(std::vector<double>(result.model_statistics));
  out["stopped"] = result.stopped;
  return out;
}

py::dict circular_shift_test(const py::array& y, const py::array& predictions, int64_t n_classes,
                             int64_t horizon, bool balanced, int threads, int64_t judged,
                             const py::object& stop) {
  const auto labels = vector_view<int32_t>(y, "y_true");
  const auto codes = matrix_view<int32_t>(predictions, "predictions");
  return shift_result(run_native(stop, 0.0, [&](const StopToken& token) {
    return stats::circular_shift_test(labels, codes, n_classes, horizon, balanced, judged, threads, token);
  }));
}

stats::ScoreStatistic score_statistic(const std::string& name) {
  if (name == "auc") return stats::ScoreStatistic::kAuc;
  if (name == "ic") return stats::ScoreStatistic::kIc;
  if (name == "r2") return stats::ScoreStatistic::kR2;
  raise("InputError", "statistic must be auc, ic or r2, but is ", name, ".");
}

py::dict circular_shift_score_test(const py::array& y, const py::array& predictions, int64_t horizon,
                                   const std::string& statistic, double train_mean, int threads,
                                   int64_t judged, const py::object& stop) {
  const auto labels = vector_view<double>(y, "y_true");
  const auto scores = matrix_view<double>(predictions, "predictions");
  const auto kind = score_statistic(statistic);
  return shift_result(run_native(stop, 0.0, [&](const StopToken& token) {
    return stats::circular_shift_score_test(labels, scores, horizon, kind, train_mean, judged, threads,
                                            token);
  }));
}

stats::BootstrapSettings bootstrap_settings(double mean_block, int64_t draws, uint64_t seed, int threads) {
  return {mean_block, draws, seed, threads};
}

py::dict data_snooping(const py::array& advantage, double level, double mean_block, int64_t draws,
                       uint64_t seed, int threads, const py::object& stop) {
  const auto view = matrix_view<double>(advantage, "advantage");
  auto result = run_native(stop, 0.0, [&](const StopToken& token) {
    return stats::data_snooping(view, level, bootstrap_settings(mean_block, draws, seed, threads), token);
  });
  py::dict out;
  out["mean"] = to_array(std::move(result.mean));
  out["omega"] = to_array(std::move(result.omega));
  out["best_model"] = result.best_model;
  out["white_statistic"] = result.white_statistic;
  out["white_p"] = result.white_p;
  out["spa_statistic"] = result.spa_statistic;
  out["spa_lower_p"] = result.spa_lower_p;
  out["spa_p"] = result.spa_p;
  out["spa_upper_p"] = result.spa_upper_p;
  out["is_superior"] = to_array(std::move(result.is_superior));
  out["critical_values"] = to_array(std::move(result.critical_values));
  return out;
}

void bind_e_process_stream(py::module_& m) {
  py::class_<stats::EProcessStream>(m, "EProcessStream", "The interleaved e-process, row by row.")
      .def(py::init([](int64_t n_models, int64_t horizon, double baseline, const py::object& train_shares,
                       double train_rows) {
             std::span<const double> shares;
             if (!train_shares.is_none()) {
               shares = vector_view<double>(py::cast<py::array>(train_shares), "train_shares");
             }
             return stats::EProcessStream(n_models, {horizon, baseline, shares, train_rows});
           }),
           py::arg("n_models"), py::arg("horizon"), py::arg("baseline"), py::arg("train_shares") = py::none(),
           py::arg("train_rows") = 0.0)
      .def(
          "push",
          [](stats::EProcessStream& self, const py::array& y, const py::array& predictions) {
            const auto labels = vector_view<int32_t>(y, "y_true");
            const auto codes = matrix_view<int32_t>(predictions, "predictions");
            const auto n = static_cast<int64_t>(labels.size());
            if (codes.rows != self.n_models() || codes.cols != n) {
              raise("InputError", "predictions must have shape (", self.n_models(), ", ", n, "), but has (",
                    codes.rows, ", ", codes.cols, ").");
            }
            std::vector<double> path;
            {
              const py::gil_scoped_release release;
              std::vector<int32_t> row(static_cast<size_t>(codes.rows));
              for (int64_t t = 0; t < n; ++t) {
                for (int64_t k = 0; k < codes.rows; ++k) row[static_cast<size_t>(k)] = codes(k, t);
                path.push_back(self.push(labels[static_cast<size_t>(t)], row));
              }
            }
            return to_array(std::move(path));
          },
          py::arg("y_true"), py::arg("predictions"), "E after each of these rows (m,); predictions (k, m).")
      .def_property_readonly("value", &stats::EProcessStream::value)
      .def_property_readonly("largest", &stats::EProcessStream::largest)
      .def_property_readonly("rows", &stats::EProcessStream::rows)
      .def("state",
           [](const stats::EProcessStream& self) {
             auto state = self.state();
             return py::make_tuple(state.rows, state.largest, to_array(std::move(state.wealth)),
                                   to_array(std::move(state.resolved)), to_array(std::move(state.open)));
           })
      .def(
          "restore",
          [](stats::EProcessStream& self, int64_t rows, double largest, const py::array& wealth,
             const py::array& resolved, const py::array& open) {
            const auto money = vector_view<double>(wealth, "wealth");
            const auto counts = vector_view<int64_t>(resolved, "resolved");
            const auto labels = vector_view<int32_t>(open, "open");
            self.restore({rows,
                          largest,
                          {money.begin(), money.end()},
                          {counts.begin(), counts.end()},
                          {labels.begin(), labels.end()}});
          },
          py::arg("rows"), py::arg("largest"), py::arg("wealth"), py::arg("resolved"), py::arg("open"));
}

}  // namespace

void bind_stats(py::module_& m) {
  m.def("circular_shift_test", &circular_shift_test, py::arg("y_true"), py::arg("predictions"),
        py::arg("n_classes"), py::arg("horizon"), py::arg("balanced"), py::arg("threads") = 1,
        py::arg("judged") = 0, py::arg("stop") = py::none(),
        "Circular-shift max test on int32 class codes; predictions (k, n), of which the first `judged` (0: "
        "all) are "
        "put against luck.");
  m.def("circular_shift_score_test", &circular_shift_score_test, py::arg("y_true"), py::arg("predictions"),
        py::arg("horizon"), py::arg("statistic"), py::arg("train_mean"), py::arg("threads") = 1,
        py::arg("judged") = 0, py::arg("stop") = py::none(),
        "Circular-shift max test on float64 scores; predictions (k, n).");
  m.def(
      "shifted_scores",
      [](const py::array& y, const py::array& predictions, const std::string& statistic, double train_mean,
         int threads) {
        const auto labels = vector_view<double>(y, "y_true");
        const auto scores = matrix_view<double>(predictions, "predictions");
        const auto kind = score_statistic(statistic);
        auto values = run_native(py::none(), 0.0, [&](const StopToken& token) {
          return stats::shifted_scores(labels, scores, kind, train_mean, threads, token);
        });
        const auto models = static_cast<int64_t>(values.size() / labels.size());
        return to_matrix(std::move(values), models, scores.cols);
      },
      py::arg("y_true"), py::arg("predictions"), py::arg("statistic"), py::arg("train_mean"),
      py::arg("threads") = 1, "Statistic of every model at every shift, (models, n).");
  bind_e_process_stream(m);
  m.def(
      "shifted_statistics",
      [](const py::array& y, const py::array& predictions, int64_t n_classes, bool balanced, int threads) {
        const auto labels = vector_view<int32_t>(y, "y_true");
        const auto codes = matrix_view<int32_t>(predictions, "predictions");
        auto values = run_native(py::none(), 0.0, [&](const StopToken& token) {
          return stats::shifted_statistics(labels, codes, n_classes, balanced, threads, token);
        });
        return to_matrix(std::move(values), codes.rows, codes.cols);
      },
      py::arg("y_true"), py::arg("predictions"), py::arg("n_classes"), py::arg("balanced"),
      py::arg("threads") = 1, "Statistic of every model at every shift, (k, n).");
  m.def(
      "e_process",
      [](const py::array& y, const py::array& predictions, int64_t n_classes, int64_t horizon,
         double baseline, const py::object& train_shares, double train_rows) {
        const auto labels = vector_view<int32_t>(y, "y_true");
        const auto codes = matrix_view<int32_t>(predictions, "predictions");
        stats::EProcessSettings settings{
            horizon, baseline, optional_vector_view<double>(train_shares, "train_shares", n_classes),
            train_rows};
        std::vector<double> path;
        {
          const py::gil_scoped_release release;
          path = stats::e_process(labels, codes, n_classes, settings);
        }
        return to_array(std::move(path));
      },
      py::arg("y_true"), py::arg("predictions"), py::arg("n_classes"), py::arg("horizon"),
      py::arg("baseline"), py::arg("train_shares") = py::none(), py::arg("train_rows") = 0.0,
      "Path of the interleaved e-process; 1 stands first.");
  m.def(
      "effective_size",
      [](const py::array& correct, int64_t horizon) {
        const auto values = vector_view<double>(correct, "correct");
        stats::EffectiveSize size{};
        {
          const py::gil_scoped_release release;
          size = stats::effective_size(values, horizon);
        }
        return py::make_tuple(size.n_eff, size.design_effect, size.raw_design_effect);
      },
      py::arg("correct"), py::arg("horizon"), "(n_eff, design effect, raw design effect).");
  m.def(
      "wilson_interval",
      [](double successes, double n, double level, double degrees_of_freedom) {
        const auto interval = stats::wilson_interval(successes, n, level, degrees_of_freedom);
        return py::make_tuple(interval.low, interval.high);
      },
      py::arg("successes"), py::arg("n"), py::arg("level"),
      py::arg("degrees_of_freedom") = std::numeric_limits<double>::infinity());
  m.def(
      "hac_mean",
      [](const py::array& values, int64_t lags) {
        const auto view = vector_view<double>(values, "values");
        stats::HacMean result{};
        {
          const py::gil_scoped_release release;
          result = stats::hac_mean(view, lags);
        }
        return py::make_tuple(result.mean, result.variance, result.standard_error, result.t);
      },
      py::arg("values"), py::arg("lags"), "(mean, long-run variance, standard error, t).");
  m.def(
      "benjamini_hochberg",
      [](const py::array& p, double q) {
        return to_array(stats::benjamini_hochberg(vector_view<double>(p, "p"), q));
      },
      py::arg("p"), py::arg("q"));
  m.def(
      "e_benjamini_hochberg",
      [](const py::array& e, double q) {
        return to_array(stats::e_benjamini_hochberg(vector_view<double>(e, "e"), q));
      },
      py::arg("e"), py::arg("q"));
  m.def(
      "stouffer",
      [](const py::array& p, const py::array& weights) {
        const auto result =
            stats::stouffer(vector_view<double>(p, "p"), vector_view<double>(weights, "weights"));
        return py::make_tuple(result.z, result.p);
      },
      py::arg("p"), py::arg("weights"), "(z, p).");
  m.def("required_sample", &stats::required_sample, py::arg("edge"), py::arg("alpha"), py::arg("beta"),
        py::arg("design_effect"), py::arg("p0"));
  m.def("normal_quantile", &stats::normal_quantile, py::arg("p"));
  m.def("normal_cdf", &stats::normal_cdf, py::arg("z"));
  m.def(
      "pbo",
      [](const py::array& matrix, int64_t n_blocks, int64_t purge, const py::object& stop) {
        const auto view = matrix_view<double>(matrix, "matrix");
        auto result = run_native(
            stop, 0.0, [&](const StopToken& token) { return stats::pbo(view, n_blocks, purge, token); });
        return py::make_tuple(result.pbo, to_array(std::move(result.logits)));
      },
      py::arg("matrix"), py::arg("n_blocks"), py::arg("purge"), py::arg("stop") = py::none(),
      "(pbo, logits).");
  m.def(
      "sharpe_standard_error",
      [](double sharpe, double n, double skew, double kurtosis, int form, double autocorrelation) {
        return stats::sharpe_standard_error(sharpe, n, {skew, kurtosis, autocorrelation}, sharpe_form(form));
      },
      py::arg("sharpe"), py::arg("n"), py::arg("skew"), py::arg("kurtosis"), py::arg("form"),
      py::arg("autocorrelation") = 0.0);
  m.def(
      "probabilistic_sharpe",
      [](double sharpe, double n, double benchmark, double skew, double kurtosis, int form,
         double autocorrelation) {
        return stats::probabilistic_sharpe(sharpe, n, benchmark, {skew, kurtosis, autocorrelation},
                                           sharpe_form(form));
      },
      py::arg("sharpe"), py::arg("n"), py::arg("benchmark"), py::arg("skew"), py::arg("kurtosis"),
      py::arg("form"), py::arg("autocorrelation") = 0.0);
  m.def("expected_max_sharpe", &stats::expected_max_sharpe, py::arg("n_trials"), py::arg("trial_variance"));
  m.def(
      "minimum_track_record",
      [](double sharpe, double benchmark, double level, double skew, double kurtosis, int form,
         double autocorrelation) {
        return stats::minimum_track_record(sharpe, benchmark, level, {skew, kurtosis, autocorrelation},
                                           sharpe_form(form));
      },
      py::arg("sharpe"), py::arg("benchmark"), py::arg("level"), py::arg("skew"), py::arg("kurtosis"),
      py::arg("form"), py::arg("autocorrelation") = 0.0);
  m.def(
      "bootstrap_means",
      [](const py::array& values, double mean_block, int64_t draws, uint64_t seed, int threads,
         const py::object& stop) {
        const auto view = vector_view<double>(values, "values");
        return to_array(run_native(stop, 0.0, [&](const StopToken& token) {
          return stats::bootstrap_means(view, bootstrap_settings(mean_block, draws, seed, threads), token);
        }));
      },
      py::arg("values"), py::arg("mean_block"), py::arg("draws"), py::arg("seed"), py::arg("threads") = 1,
      py::arg("stop") = py::none(), "Mean of each stationary-bootstrap resample.");
  m.def(
      "bootstrap_column_means",
      [](const py::array& values, double mean_block, int64_t draws, uint64_t seed, int threads,
         const py::object& stop) {
        const auto view = matrix_view<double>(values, "values");
        auto means = run_native(stop, 0.0, [&](const StopToken& token) {
          return stats::bootstrap_column_means(view, bootstrap_settings(mean_block, draws, seed, threads),
                                               token);
        });
        return to_matrix(std::move(means), draws, view.cols);
      },
      py::arg("values"), py::arg("mean_block"), py::arg("draws"), py::arg("seed"), py::arg("threads") = 1,
      py::arg("stop") = py::none(), "Means of all columns of each stationary-bootstrap resample of rows.");
  m.def(
      "bootstrap_counts",
      [](const py::array& cells, int64_t n_cells, double mean_block, int64_t draws, uint64_t seed,
         int threads, const py::object& stop) {
        const auto view = vector_view<int32_t>(cells, "cells");
        auto counts = run_native(stop, 0.0, [&](const StopToken& token) {
          return stats::bootstrap_counts(view, n_cells, bootstrap_settings(mean_block, draws, seed, threads),
                                         token);
        });
        return to_matrix(std::move(counts), draws, n_cells);
      },
      py::arg("cells"), py::arg("n_cells"), py::arg("mean_block"), py::arg("draws"), py::arg("seed"),
      py::arg("threads") = 1, py::arg("stop") = py::none(),
      "How often each cell occurs in each stationary-bootstrap resample, (draws, n_cells).");
  m.def(
      "stationary_bootstrap_variance",
      [](const py::array& values, double mean_block) {
        const auto view = vector_view<double>(values, "values");
        const py::gil_scoped_release release;
        return stats::stationary_bootstrap_variance(view, mean_block);
      },
      py::arg("values"), py::arg("mean_block"),
      "Variance of sqrt(n) times a resampled mean, in closed form.");
  m.def(
      "block_length",
      [](const py::array& values) {
        const auto view = vector_view<double>(values, "values");
        const py::gil_scoped_release release;
        return stats::block_length(view);
      },
      py::arg("values"), "Automatic mean block length of the stationary bootstrap.");
  m.def("data_snooping", &data_snooping, py::arg("advantage"), py::arg("level"), py::arg("mean_block"),
        py::arg("draws"), py::arg("seed"), py::arg("threads") = 1, py::arg("stop") = py::none(),
        "White's reality check, Hansen's SPA and StepM of (periods, models) advantages.");
  m.def(
      "model_confidence_set",
      [](const py::array& losses, double mean_block, int64_t draws, uint64_t seed, int threads,
         const py::object& stop) {
        const auto view = matrix_view<double>(losses, "losses");
        return to_array(run_native(stop, 0.0, [&](const StopToken& token) {
          return stats::model_confidence_set(view, bootstrap_settings(mean_block, draws, seed, threads),
                                             token);
        }));
      },
      py::arg("losses"), py::arg("mean_block"), py::arg("draws"), py::arg("seed"), py::arg("threads") = 1,
      py::arg("stop") = py::none(), "p of every model of (periods, models) losses.");
}

}  // namespace smctrain::bindings
