// The circular-shift test of scores; vocabulary in circular_shift.h.
#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/stats/circular_shift.h"
#include "smctrain/stats/rank_agreement.h"
#include "smctrain/stats/shift_correlation.h"
#include "smctrain/stats/shift_maxima.h"

namespace smctrain::stats {

namespace {

constexpr double kTolerance = 1e-9;

using Complex = std::complex<double>;

// A statistic of scores is constant + sum over channels of label * model: what of it belongs to the labels...
struct ScoreLine {
  std::vector<std::vector<double>> labels;  // centred or 0/1
  double mean = 0.0;                        // R2: of the labels
  double squares = 0.0;                     // R2: around that mean
  double divisor = 0.0;                     // R2: around the training mean
};

// ... and what to one model.
struct ModelLine {
  std::vector<std::vector<double>> values;  // at most 1: two models share one transform, and its rounding
  double constant = 0.0;
  double scale = 1.0;
};

double mean_of(std::span<const double> values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

ScoreLine auc_line(std::span<const double> y, MatrixView<const double> predictions) {
  const auto classes = static_cast<int64_t>(*std::max_element(y.begin(), y.end())) + 1;
  if (classes < 2) raise("InputError", "AUC needs at least 2 classes in y_true, but it holds one.");
  check_class_count(classes);
  const int64_t channels = classes == 2 ? 1 : classes;
  if (predictions.rows % channels != 0) {
    raise("InputError", "predictions must hold ", channels, " scores a model, but has ", predictions.rows,
          " rows.");
  }
  ScoreLine line;
  for (int64_t c = classes == 2 ? 1 : 0; c < classes; ++c) {
    std::vector<double> indicator(y.size());
    for (size_t t = 0; t < y.size(); ++t) {
      if (!(y[t] >= 0.0) || y[t] != std::floor(y[t])) {
        raise("InputError", "y_true must hold class codes from 0, but holds ", y[t], ".");
      }
      indicator[t] = y[t] == static_cast<double>(c) ? 1.0 : 0.0;
    }
    if (std::find(indicator.begin(), indicator.end(), 1.0) == indicator.end()) {
      raise("InputError", "every class code below ", classes, " must occur in y_true, but ", c,
            " is missing.");
    }
    line.labels.push_back(std::move(indicator));
  }
  if (classes == 2 && std::find(y.begin(), y.end(), 0.0) == y.end()) {
    raise("InputError", "every class code below 2 must occur in y_true, but 0 is missing.");
  }
  return line;
}

ScoreLine ic_line(std::span<const double> y) {
  ScoreLine line;
  line.labels.push_back(unit_ranks(y));
  return line;
}

ScoreLine r2_line(std::span<const double> y, double train_mean) {
  ScoreLine line;
  line.mean = mean_of(y);
  std::vector<double> centred(y.begin(), y.end());
  for (double& value : centred) {
    value -= line.mean;
    line.squares += value * value;
  }
  const double off = line.mean - train_mean;
  line.divisor = line.squares + static_cast<double>(y.size()) * off * off;
  // Labels that all equal the training mean leave nothing but the rounding of their own mean, of n sums.
  const auto n = static_cast<double>(y.size());
  const double rounding =
      n * std::numeric_limits<double>::epsilon() * std::max(std::abs(line.mean), std::abs(train_mean));
  if (!(line.divisor > n * rounding * rounding)) {
    raise("InputError", "R2 needs labels that vary, but all are ", train_mean, ".");
  }
  line.labels.push_back(std::move(centred));
  return line;
}

void add_channel(ModelLine& model, const ScoreLine& line, size_t c, std::span<const double> score,
                 ScoreStatistic statistic) {
  const auto n = static_cast<double>(score.size());
  if (statistic == ScoreStatistic::kIc) {
    model.values.push_back(unit_ranks(score));
    return;
  }
  if (statistic == ScoreStatistic::kAuc) {
    // (sum of the positives' ranks - P (P + 1) / 2) / (P N), on ranks less their mean; mean over the
    // channels.
    const auto positives = static_cast<double>(std::count(line.labels[c].begin(), line.labels[c].end(), 1.0));
    const double share = 1.0 / static_cast<double>(line.labels.size());
    auto ranks = average_ranks(score);
    for (double& rank : ranks) rank = (rank - 0.5 * (n + 1.0)) / (positives * (n - positives)) * share;
    model.values.push_back(std::move(ranks));
    model.constant += 0.5 * share;
    return;
  }
  const double mean = mean_of(score);
  double squares = 0.0;
  double largest = 0.0;
  std::vector<double> centred(score.begin(), score.end());
  for (double& value : centred) {
    value -= mean;
    squares += value * value;
    largest = std::max(largest, std::abs(value));
  }
  const double off = line.mean - mean;
  model.constant = 1.0 - (line.squares + squares + n * off * off) / line.divisor;
  model.scale = 2.0 * largest / line.divisor;
  if (!std::isfinite(model.constant) || !std::isfinite(model.scale)) {  // forecasts beyond any scale
    model.constant = -std::numeric_limits<double>::infinity();
    model.scale = 0.0;
    largest = 0.0;
  }
  for (double& value : centred) value = largest > 0.0 ? value / largest : 0.0;
  model.values.push_back(std::move(centred));
}

// Labels ready to be turned, and the number of models.
struct Prepared {
  ScoreLine line;
  ShiftCorrelation correlation;
  int64_t models;
};

Prepared prepare(std::span<const double> y, MatrixView<const double> predictions, ScoreStatistic statistic,
                 double train_mean) {
  const auto n = static_cast<int64_t>(y.size());
  if (n == 0) raise("InputError", "y_true must hold at least one row, but is empty.");
  if (predictions.rows == 0) raise("InputError", "predictions must hold at least one model, but has none.");
  if (predictions.cols != n) {
    raise("InputError", "predictions must have as many rows in time as y_true (", n, "), but has ",
          predictions.cols, ".");
  }
  ScoreLine line = statistic == ScoreStatistic::kAuc  ? auc_line(y, predictions)
                   : statistic == ScoreStatistic::kIc ? ic_line(y)
                                                      : r2_line(y, train_mean);
  ShiftCorrelation correlation(n);
  for (const auto& channel : line.labels) correlation.add_channel(channel);
  const int64_t models = predictions.rows / static_cast<int64_t>(line.labels.size());
  return {std::move(line), std::move(correlation), models};
}

// Calls sink(model, statistics at the shifts 0..n-1) for every model, from several threads.
template <class Sink>
void score_all(const Prepared& prepared, std::span<const double> y, MatrixView<const double> predictions,
               ScoreStatistic statistic, int threads, const StopToken& stop, Sink&& sink) {
  const ScoreLine& line = prepared.line;
  const ShiftCorrelation& correlation = prepared.correlation;
  const int64_t models = prepared.models;
  const auto channels = static_cast<int64_t>(line.labels.size());
  parallel_for((models + 1) / 2, threads, [&](int64_t pair) {
    if (stop.stop_requested()) return;
    const int64_t a = 2 * pair;
    const int64_t b = std::min(a + 1, models - 1);
    std::vector<ModelLine> lines;
    for (const int64_t m : {a, b}) {
      ModelLine model;
      for (int64_t c = 0; c < channels; ++c) {
        add_channel(model, line, static_cast<size_t>(c), predictions.row(m * channels + c), statistic);
      }
      lines.push_back(std::move(model));
    }
    const auto total = correlation.correlate(
        [&](size_t c, size_t t) { return Complex{lines[0].values[c][t], lines[1].values[c][t]}; });
    std::vector<double> statistics(y.size());
    for (size_t s = 0; s < total.size(); ++s) {
      statistics[s] = lines[0].constant + lines[0].scale * total[s].real();
    }
    sink(a, statistics);
    if (b == a) return;
    for (size_t s = 0; s < total.size(); ++s) {
      statistics[s] = lines[1].constant + lines[1].scale * total[s].imag();
    }
    sink(b, statistics);
  });
}

}  // namespace

std::vector<double> shifted_scores(std::span<const double> y, MatrixView<const double> predictions,
                                   ScoreStatistic statistic, double train_mean, int threads,
                                   const StopToken& stop) {
  const Prepared prepared = prepare(y, predictions, statistic, train_mean);
  std::vector<double> all(static_cast<size_t>(prepared.models) * y.size());
  score_all(prepared, y, predictions, statistic, threads, stop,
            [&](int64_t model, const std::vector<double>& statistics) {
              std::copy(statistics.begin(), statistics.end(), all.begin() + model * predictions.cols);
            });
  return all;
}

CircularShiftResult circular_shift_score_test(std::span<const double> y, MatrixView<const double> predictions,
                                              int64_t horizon, ScoreStatistic statistic, double train_mean,
                                              int64_t judged, int threads, const StopToken& stop) {
  check_shift_rows(static_cast<int64_t>(y.size()), horizon);
  const Prepared prepared = prepare(y, predictions, statistic, train_mean);
  ShiftMaxima maxima(prepared.models, static_cast<int64_t>(y.size()));
  score_all(prepared, y, predictions, statistic, threads, stop,
            [&](int64_t model, const std::vector<double>& statistics) { maxima.fold(model, statistics); });
  return maxima.result(horizon, kTolerance, judged, stop);
}

}  // namespace smctrain::stats
