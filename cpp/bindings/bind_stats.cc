#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/stats/bootstrap.h"
#include "smctrain/stats/circular_shift.h"
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

py::dict circular_shift_test(const py::array& y, const py::array& predictions, int64_t n_classes,
                             int64_t horizon, bool balanced, int threads, const py::object& stop) {
  const auto labels = vector_view<int32_t>(y, "y_true");
  const auto codes = matrix_view<int32_t>(predictions, "predictions");
  const auto result = run_native(stop, 0.0, [&](const StopToken& token) {
    return stats::circular_shift_test(labels, codes, n_classes, horizon, balanced, threads, token);
  });
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

}  // namespace

void bind_stats(py::module_& m) {
  m.def("circular_shift_test", &circular_shift_test, py::arg("y_true"), py::arg("predictions"),
        py::arg("n_classes"), py::arg("horizon"), py::arg("balanced"), py::arg("threads") = 1,
        py::arg("stop") = py::none(), "Circular-shift max test on int32 class codes; predictions (k, n).");
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
         double baseline, const py::object& train_shares) {
        const auto labels = vector_view<int32_t>(y, "y_true");
        const auto codes = matrix_view<int32_t>(predictions, "predictions");
        stats::EProcessSettings settings{
            horizon, baseline, optional_vector_view<double>(train_shares, "train_shares", n_classes)};
        std::vector<double> path;
        {
          const py::gil_scoped_release release;
          path = stats::e_process(labels, codes, n_classes, settings);
        }
        return to_array(std::move(path));
      },
      py::arg("y_true"), py::arg("predictions"), py::arg("n_classes"), py::arg("horizon"),
      py::arg("baseline"), py::arg("train_shares") = py::none(),
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
      [](double successes, double n, double level) {
        const auto interval = stats::wilson_interval(successes, n, level);
        return py::make_tuple(interval.low, interval.high);
      },
      py::arg("successes"), py::arg("n"), py::arg("level"));
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
      [](double sharpe, double n, double skew, double kurtosis, int form) {
        return stats::sharpe_standard_error(sharpe, n, {skew, kurtosis}, sharpe_form(form));
      },
      py::arg("sharpe"), py::arg("n"), py::arg("skew"), py::arg("kurtosis"), py::arg("form"));
  m.def(
      "probabilistic_sharpe",
      [](double sharpe, double n, double benchmark, double skew, double kurtosis, int form) {
        return stats::probabilistic_sharpe(sharpe, n, benchmark, {skew, kurtosis}, sharpe_form(form));
      },
      py::arg("sharpe"), py::arg("n"), py::arg("benchmark"), py::arg("skew"), py::arg("kurtosis"),
      py::arg("form"));
  m.def("expected_max_sharpe", &stats::expected_max_sharpe, py::arg("n_trials"), py::arg("trial_variance"));
  m.def(
      "minimum_track_record",
      [](double sharpe, double benchmark, double level, double skew, double kurtosis, int form) {
        return stats::minimum_track_record(sharpe, benchmark, level, {skew, kurtosis}, sharpe_form(form));
      },
      py::arg("sharpe"), py::arg("benchmark"), py::arg("level"), py::arg("skew"), py::arg("kurtosis"),
      py::arg("form"));
  m.def(
      "bootstrap_means",
      [](const py::array& values, double mean_block, int64_t draws, uint64_t seed, int threads,
         const py::object& stop) {
        const auto view = vector_view<double>(values, "values");
        return to_array(run_native(stop, 0.0, [&](const StopToken& token) {
          return stats::bootstrap_means(view, mean_block, draws, seed, threads, token);
        }));
      },
      py::arg("values"), py::arg("mean_block"), py::arg("draws"), py::arg("seed"), py::arg("threads") = 1,
      py::arg("stop") = py::none(), "Mean of each stationary-bootstrap resample.");
}

}  // namespace smctrain::bindings
