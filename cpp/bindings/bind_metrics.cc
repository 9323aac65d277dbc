// Metrics of classifications and of trades. Faces: smctrain.metrics.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/numpy.h"
#include "smctrain/metrics/baselines.h"
#include "smctrain/metrics/classification.h"
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
  result["timeouts"] = m.timeouts;
  return result;
}

}  // namespace

void bind_metrics(py::module_& m) {
  m.def("classification_metrics", &classification, py::arg("y_true"), py::arg("proba"));
  m.def("baselines", &baselines, py::arg("y_true"), py::arg("y_train"), py::arg("t0"), py::arg("t1"),
        py::arg("all_y"));
  m.def("trading_metrics", &trading, py::arg("take"), py::arg("r_net"), py::arg("t0"), py::arg("t1"),
        py::arg("r_gross"), py::arg("bars_held"), py::arg("is_timeout"), py::arg("reward_risk"),
        py::arg("one_at_a_time"));
}

}  // namespace smctrain::bindings
