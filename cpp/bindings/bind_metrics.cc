// Metrics of classifications and of trades. Faces: smctrain.metrics.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/metrics/baselines.h"
#include "smctrain/metrics/calibration.h"
#include "smctrain/metrics/classification.h"
#include "smctrain/metrics/regression.h"
#include "smctrain/metrics/trading.h"

namespace smctrain::bindings {

namespace {

py::dict classification(const py::array& y_true, const py::array& proba) {
  const auto labels = vector_view<int32_t>(y_true, "y_true");
  const auto matrix = matrix_view<double>(proba, "proba");
  const auto m = [&] {
    const py::gil_scoped_release release;
    return metrics::classification_metrics(labels, matrix);
  }();
  const auto classes = static_cast<size_t>(matrix.cols);
  py::list confusion;
  for (size_t a = 0; a < classes; ++a) {
    confusion.append(std::vector<int64_t>(m.confusion.begin() + static_cast<int64_t>(a * classes),
                                          m.confusion.begin() + static_cast<int64_t>((a + 1) * classes)));
  }
  py::dict result;
  result["accuracy"] = m.accuracy;
  result["balanced_accuracy"] = m.balanced_accuracy;
  result["precision"] = m.precision;
  result["recall"] = m.recall;
  result["f1_score"] = m.f1_score;
  result["mcc"] = m.mcc;
  result["log_loss"] = m.log_loss;
  result["brier"] = m.brier;
  result["auc"] = m.auc;
  result["ece"] = m.ece;
  result["confusion_matrix"] = confusion;
  return result;
}

py::dict baselines(const py::array& y_true, const py::array& y_train, const py::object& t0,
                   const py::object& t1, const py::object& all_y) {
  const auto truth = vector_view<int32_t>(y_true, "y_true");
  const auto train = vector_view<int32_t>(y_train, "y_train");
  const auto decisions = optional_vector_view<int64_t>(t0, "t0", static_cast<int64_t>(truth.size()));
  std::span<const int64_t> ends;
  std::span<const int32_t> labels;
  if (!t0.is_none()) {
    labels = vector_view<int32_t>(py::cast<py::array>(all_y), "all_y");
    ends = vector_view<int64_t>(py::cast<py::array>(t1), "t1", static_cast<int64_t>(labels.size()));
  }
  const auto b = [&] {
    const py::gil_scoped_release release;
    return metrics::baselines(truth, train, decisions, ends, labels);
  }();
  py::dict result;
  result["majority"] = b.majority;
  result["majority_class"] = b.majority_class;
  result["prior"] = b.prior;
  result["prior_log_loss"] = b.prior_log_loss;
  result["prior_brier"] = b.prior_brier;
  result["last_label"] = b.last_label;
  return result;
}

py::dict trading(const py::array& take, const py::array& r_net, const py::array& t0, const py::array& t1,
                 const py::object& r_gross, const py::object& bars_held, const py::object& is_timeout,
                 double reward_risk, bool one_at_a_time) {
  metrics::TradeRecord record;
  record.take = vector_view<uint8_t>(take, "take");
  const auto n = static_cast<int64_t>(record.take.size());
  record.r_net = vector_view<double>(r_net, "r_net", n);
  record.t0 = vector_view<int64_t>(t0, "t0", n);
  record.t1 = vector_view<int64_t>(t1, "t1", n);
  record.r_gross = optional_vector_view<double>(r_gross, "r_gross", n);
  record.bars_held = optional_vector_view<int64_t>(bars_held, "bars_held", n);
  record.is_timeout = optional_vector_view<uint8_t>(is_timeout, "rule", n);
  record.reward_risk = reward_risk;
  record.one_at_a_time = one_at_a_time;
  const auto m = [&] {
    const py::gil_scoped_release release;
    return metrics::trading_metrics(record);
  }();
  py::dict result;
  result["candidates"] = m.candidates;
  result["trades"] = m.trades;
  result["skipped"] = m.skipped;
  result["unfilled"] = m.unfilled;
  result["win_rate"] = m.win_rate;
  result["break_even"] = m.break_even;
  result["break_even_realised"] = m.break_even_realised;
  result["profit_factor"] = m.profit_factor;
  result["expectancy_r"] = m.expectancy_r;
  result["total_r"] = m.total_r;
  result["max_drawdown_r"] = m.max_drawdown_r;
  result["mean_bars_held"] = m.mean_bars_held;
  result["sharpe_per_trade"] = m.sharpe_per_trade;
  result["mean_cost_r"] = m.mean_cost_r;
  result["total_cost_r"] = m.total_cost_r;
  result["exposure"] = m.exposure;
  result["turnover"] = m.turnover;
  result["timeouts"] = m.timeouts;
  return result;
}

metrics::TradeRecord record_of(const py::array& take, const py::array& r_net, const py::array& t0,
                               const py::array& t1, bool one_at_a_time) {
  metrics::TradeRecord record;
  record.take = vector_view<uint8_t>(take, "take");
  const auto n = static_cast<int64_t>(record.take.size());
  record.r_net = vector_view<double>(r_net, "r_net", n);
  record.t0 = vector_view<int64_t>(t0, "t0", n);
  record.t1 = vector_view<int64_t>(t1, "t1", n);
  record.one_at_a_time = one_at_a_time;
  return record;
}

py::dict random_entries(const py::array& take, const py::array& r_net, const py::array& t0,
                        const py::array& t1, bool one_at_a_time, int64_t min_shift, int64_t draws,
                        uint64_t seed, int threads) {
  const auto record = record_of(take, r_net, t0, t1, one_at_a_time);
  auto entries = run_native(py::none(), 0.0, [&](const StopToken& token) {
    return metrics::random_entries(record, min_shift, draws, seed, threads, token);
  });
  py::dict result;
  result["trades"] = to_array(std::move(entries.trades));
  result["expectancy_r"] = to_array(std::move(entries.expectancy_r));
  result["total_r"] = to_array(std::move(entries.total_r));
  return result;
}

py::dict regression(const py::array& y_true, const py::array& y_pred, double train_mean) {
  const auto truth = vector_view<double>(y_true, "y_true");
  const auto forecast = vector_view<double>(y_pred, "y_pred");
  auto m = [&] {
    const py::gil_scoped_release release;
    return metrics::regression_metrics(truth, forecast, train_mean);
  }();
  py::dict result;
  result["r2"] = m.r2;
  result["rmse"] = m.rmse;
  result["mae"] = m.mae;
  result["bias"] = m.bias;
  result["ic"] = m.ic;
  result["pearson"] = m.pearson;
  result["influence"] = to_array(std::move(m.influence));
  return result;
}

void bind_regression(py::module_& m) {
  m.def("regression_metrics", &regression, py::arg("y_true"), py::arg("y_pred"), py::arg("train_mean"));
  m.def(
      "rank_ic",
      [](const py::array& y_true, const py::array& y_pred, const py::array& stamps, int64_t min_rows) {
        const auto truth = vector_view<double>(y_true, "y_true");
        const auto forecast = vector_view<double>(y_pred, "y_pred");
        const auto stamp = vector_view<int64_t>(stamps, "stamps");
        auto result = [&] {
          const py::gil_scoped_release release;
          return metrics::rank_ic(truth, forecast, stamp, min_rows);
        }();
        return py::make_tuple(to_array(std::move(result.stamp)), to_array(std::move(result.ic)),
                              to_array(std::move(result.rows)));
      },
      py::arg("y_true"), py::arg("y_pred"), py::arg("stamps"), py::arg("min_rows"), "(stamps, ic, rows).");
  m.def(
      "quantile_metrics",
      [](const py::array& y_true, const py::array& quantiles, const py::array& levels) {
        const auto truth = vector_view<double>(y_true, "y_true");
        const auto forecasts = matrix_view<double>(quantiles, "quantiles");
        const auto asked = vector_view<double>(levels, "levels");
        auto result = [&] {
          const py::gil_scoped_release release;
          return metrics::quantile_metrics(truth, forecasts, asked);
        }();
        return py::make_tuple(to_array(std::move(result.pinball)), to_array(std::move(result.coverage)),
                              result.crossings);
      },
      py::arg("y_true"), py::arg("quantiles"), py::arg("levels"), "(pinball, coverage, crossings).");
}

void bind_calibration(py::module_& m) {
  m.def(
      "reliability_table",
      [](const py::array& confidence, const py::array& correct, int64_t n_bins) {
        const auto sureness = vector_view<double>(confidence, "confidence");
        const auto hits = vector_view<uint8_t>(correct, "correct");
        auto table = [&] {
          const py::gil_scoped_release release;
          return metrics::reliability_table(sureness, hits, n_bins);
        }();
        py::dict result;
        result["rows"] = to_array(std::move(table.rows));
        result["confidence"] = to_array(std::move(table.confidence));
        result["accuracy"] = to_array(std::move(table.accuracy));
        result["lowest"] = to_array(std::move(table.lowest));
        result["highest"] = to_array(std::move(table.highest));
        return result;
      },
      py::arg("confidence"), py::arg("correct"), py::arg("n_bins"));
  m.def(
      "fit_platt",
      [](const py::array& score, const py::array& is_positive) {
        const auto scores = vector_view<double>(score, "score");
        const auto positive = vector_view<uint8_t>(is_positive, "is_positive");
        const auto fit = [&] {
          const py::gil_scoped_release release;
          return metrics::fit_platt(scores, positive);
        }();
        return py::make_tuple(fit.slope, fit.offset, fit.is_finite);
      },
      py::arg("score"), py::arg("is_positive"), "(slope, offset, whether the maximum is finite).");
  m.def(
      "fit_isotonic",
      [](const py::array& score, const py::array& is_positive) {
        const auto scores = vector_view<double>(score, "score");
        const auto positive = vector_view<uint8_t>(is_positive, "is_positive");
        auto fit = [&] {
          const py::gil_scoped_release release;
          return metrics::fit_isotonic(scores, positive);
        }();
        return py::make_tuple(to_array(std::move(fit.score)), to_array(std::move(fit.value)));
      },
      py::arg("score"), py::arg("is_positive"), "Knots (score, value).");
  m.def(
      "fit_temperature",
      [](const py::array& log_proba, const py::array& y_true) {
        const auto matrix = matrix_view<double>(log_proba, "log_proba");
        const auto labels = vector_view<int32_t>(y_true, "y_true");
        const py::gil_scoped_release release;
        return metrics::fit_temperature(matrix, labels);
      },
      py::arg("log_proba"), py::arg("y_true"), "Temperature.");
}

}  // namespace

void bind_metrics(py::module_& m) {
  m.def("classification_metrics", &classification, py::arg("y_true"), py::arg("proba"));
  m.def("baselines", &baselines, py::arg("y_true"), py::arg("y_train"), py::arg("t0"), py::arg("t1"),
        py::arg("all_y"));
  m.def("trading_metrics", &trading, py::arg("take"), py::arg("r_net"), py::arg("t0"), py::arg("t1"),
        py::arg("r_gross"), py::arg("bars_held"), py::arg("is_timeout"), py::arg("reward_risk"),
        py::arg("one_at_a_time"));
  m.def(
      "auc_influence",
      [](const py::array& y_true, const py::array& proba) {
        const auto labels = vector_view<int32_t>(y_true, "y_true");
        const auto matrix = matrix_view<double>(proba, "proba");
        auto influence = [&] {
          const py::gil_scoped_release release;
          return metrics::auc_influence(labels, matrix);
        }();
        return to_array(std::move(influence));
      },
      py::arg("y_true"), py::arg("proba"), "What each row adds to the AUC (n,); empty where there is none.");
  m.def(
      "last_resolved_labels",
      [](const py::array& t0, const py::array& t1, const py::array& all_y, int32_t fallback) {
        const auto decisions = vector_view<int64_t>(t0, "t0");
        const auto labels = vector_view<int32_t>(all_y, "all_y");
        const auto ends = vector_view<int64_t>(t1, "t1", static_cast<int64_t>(labels.size()));
        auto answers = [&] {
          const py::gil_scoped_release release;
          return metrics::last_resolved_labels(decisions, ends, labels, fallback);
        }();
        return to_array(std::move(answers));
      },
      py::arg("t0"), py::arg("t1"), py::arg("all_y"), py::arg("fallback"));
  m.def(
      "trades_taken",
      [](const py::array& take, const py::array& r_net, const py::array& t0, const py::array& t1,
         bool one_at_a_time) {
        const auto record = record_of(take, r_net, t0, t1, one_at_a_time);
        auto rows = [&] {
          const py::gil_scoped_release release;
          return metrics::trades_taken(record);
        }();
        return to_array(std::move(rows));
      },
      py::arg("take"), py::arg("r_net"), py::arg("t0"), py::arg("t1"), py::arg("one_at_a_time"),
      "Rows of the trades taken, in order of t0.");
  m.def("random_entries", &random_entries, py::arg("take"), py::arg("r_net"), py::arg("t0"), py::arg("t1"),
        py::arg("one_at_a_time"), py::arg("min_shift"), py::arg("draws"), py::arg("seed"),
        py::arg("threads") = 1);
  bind_regression(m);
  bind_calibration(m);
}

}  // namespace smctrain::bindings
