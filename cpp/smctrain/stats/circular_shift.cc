#include "smctrain/stats/circular_shift.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/stats/rank_agreement.h"
#include "smctrain/stats/shift_correlation.h"

namespace smctrain::stats {

namespace {

constexpr double kTolerance = 1e-9;  // of statistics that are no counts

using Complex = std::complex<double>;

// Weight of one hit on class c.
std::vector<double> hit_weights(std::span<const int32_t> y, int64_t n_classes, bool balanced) {
  std::vector<double> weights(static_cast<size_t>(n_classes), 1.0);
  if (!balanced) return weights;
  std::vector<int64_t> counts(static_cast<size_t>(n_classes), 0);
  for (const int32_t code : y) ++counts[static_cast<size_t>(code)];
  for (size_t c = 0; c < counts.size(); ++c) {
    weights[c] =
        static_cast<double>(y.size()) / (static_cast<double>(n_classes) * static_cast<double>(counts[c]));
  }
  return weights;
}

// y's class indicators sum to 1 in every row, so the last class needs no transform:
//   sum_c w_c a_c * b_c = sum_{c < K-1} (w_c a_c - w_last a_last) * b_c + w_last #{a = last}.
class ShiftCounter {
 public:
  ShiftCounter(std::span<const int32_t> y, int64_t n_classes, bool balanced)
      : n_(static_cast<int64_t>(y.size())),
        last_(static_cast<int32_t>(n_classes - 1)),
        balanced_(balanced),
        weights_(hit_weights(y, n_classes, balanced)),
        correlation_(n_) {
    std::vector<double> indicator(y.size());
    for (int32_t c = 0; c < last_; ++c) {
      for (size_t t = 0; t < y.size(); ++t) indicator[t] = y[t] == c ? 1.0 : 0.0;
      correlation_.add_channel(indicator);
    }
  }

  // Writes the statistic at every shift of models `a` and (if not empty) `b`.
  void count(std::span<const int32_t> a, std::span<const int32_t> b, double* out_a, double* out_b) const {
    const auto total = correlation_.correlate([&](size_t channel, size_t t) {
      const auto c = static_cast<int32_t>(channel);
      return Complex{signed_weight(a[t], c), b.empty() ? 0.0 : signed_weight(b[t], c)};
    });
    const double constant_a = last_constant(a);
    const double constant_b = last_constant(b);
    for (size_t s = 0; s < total.size(); ++s) {
      out_a[s] = finish(total[s].real() + constant_a);
      if (out_b != nullptr) out_b[s] = finish(total[s].imag() + constant_b);
    }
  }

 private:
  double signed_weight(int32_t code, int32_t c) const {
    if (code == c) return weights_[static_cast<size_t>(c)];
    return code == last_ ? -weights_[static_cast<size_t>(last_)] : 0.0;
  }
  double last_constant(std::span<const int32_t> codes) const {
    return weights_[static_cast<size_t>(last_)] *
           static_cast<double>(std::count(codes.begin(), codes.end(), last_));
  }
  double finish(double hits) const { return (balanced_ ? hits : std::round(hits)) / static_cast<double>(n_); }

  int64_t n_;
  int32_t last_;
  bool balanced_;
  std::vector<double> weights_;
  ShiftCorrelation correlation_;
};

void check(std::span<const int32_t> y, MatrixView<const int32_t> predictions, int64_t n_classes) {
  const auto n = static_cast<int64_t>(y.size());
  if (n == 0) raise("InputError", "y_true must hold at least one row, but is empty.");
  if (predictions.rows == 0) raise("InputError", "predictions must hold at least one model, but has none.");
  if (predictions.cols != n) {
    raise("InputError", "predictions must have as many rows in time as y_true (", n, "), but has ",
          predictions.cols, ".");
  }
  std::vector<bool> seen(static_cast<size_t>(n_classes), false);
  for (const int32_t code : y) {
    if (code < 0 || code >= n_classes) {
      raise("InputError", "y_true must hold class codes 0 to ", n_classes - 1, ", but holds ", code, ".");
    }
    seen[static_cast<size_t>(code)] = true;
  }
  if (std::find(seen.begin(), seen.end(), false) != seen.end()) {
    raise("InputError", "every class code below ", n_classes, " must occur in y_true, but one is missing.");
  }
}

void check_rows(int64_t n, int64_t horizon) {
  if (horizon < 1) raise("InputError", "horizon must be at least 1 row, but is ", horizon, ".");
  const int64_t needed = 8 * std::min(horizon, std::numeric_limits<int64_t>::max() / 8);
  if (n < needed) {
    raise("TooFewRows", "the circular-shift test needs at least 8 x horizon = ", needed, " rows, but got ", n,
          ". Use more history or a shorter label.");
  }
}

// The p-value of statistics (models x n).
CircularShiftResult judge(const std::vector<double>& statistics, int64_t models, int64_t n, int64_t horizon,
                          double tolerance, const StopToken& stop) {
  const auto at = [&](int64_t m, int64_t s) { return statistics[static_cast<size_t>(m * n + s)]; };
  CircularShiftResult result{};
  result.stopped = stop.stop_requested();
  result.statistic = at(0, 0);
  for (int64_t m = 0; m < models; ++m) {
    result.model_statistics.push_back(at(m, 0));
    if (at(m, 0) > result.statistic) {
      result.statistic = at(m, 0);
      result.best_model = m;
    }
  }
  const double bound = result.statistic - tolerance * std::max(1.0, std::abs(result.statistic));
  int64_t reached = 0;
  double sum = 0.0;
  for (int64_t s = 4 * horizon; s <= n - 4 * horizon; ++s) {
    double best = at(0, s);
    for (int64_t m = 1; m < models; ++m) best = std::max(best, at(m, s));
    reached += best >= bound ? 1 : 0;
    sum += best;
    ++result.n_shifts;
  }
  result.p_value = static_cast<double>(1 + reached) / static_cast<double>(result.n_shifts + 1);
  result.null_mean = sum / static_cast<double>(result.n_shifts);
  return result;
}

// A statistic of scores is constant + sum over channels of label * model: what of it belongs to the labels...
struct ScoreLine {
  std::vector<std::vector<double>> labels;  // centred or 0/1
  double mean = 0.0;                        // R2: of the labels
  double squares = 0.0;                     // R2: around that mean
  double divisor = 0.0;                     // R2: around the training mean
};

// ... and what to one model.
struct ModelLine {
  std::vector<std::vector<double>> values;
  double constant = 0.0;
};

double mean_of(std::span<const double> values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Ranks minus their mean, divided by their length; 0 without spread.
std::vector<double> unit_ranks(std::span<const double> values) {
  auto ranks = average_ranks(values);
  const double middle = 0.5 * static_cast<double>(values.size() + 1);
  double squares = 0.0;
  for (double& rank : ranks) {
    rank -= middle;
    squares += rank * rank;
  }
  const double length = squares > 0.0 ? std::sqrt(squares) : 1.0;
  for (double& rank : ranks) rank /= length;
  return ranks;
}

ScoreLine auc_line(std::span<const double> y, MatrixView<const double> predictions) {
  const auto classes = static_cast<int64_t>(*std::max_element(y.begin(), y.end())) + 1;
  if (classes < 2) raise("InputError", "AUC needs at least 2 classes in y_true, but it holds one.");
  if (classes > 65536)
    raise("InputError", "y_true must hold class codes below 65536, but holds ", classes - 1, ".");
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
  if (!(line.divisor > 0.0)) raise("InputError", "R2 needs labels that vary, but all are ", train_mean, ".");
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
  std::vector<double> centred(score.begin(), score.end());
  for (double& value : centred) {
    value -= mean;
    squares += value * value;
    value *= 2.0 / line.divisor;
  }
  const double off = line.mean - mean;
  model.constant = 1.0 - (line.squares + squares + n * off * off) / line.divisor;
  model.values.push_back(std::move(centred));
}

}  // namespace

std::vector<double> shifted_statistics(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                                       int64_t n_classes, bool balanced, int threads, const StopToken& stop) {
  check(y, predictions, n_classes);
  const auto n = static_cast<int64_t>(y.size());
  const ShiftCounter counter(y, n_classes, balanced);
  std::vector<double> statistics(static_cast<size_t>(predictions.rows * n));
  parallel_for((predictions.rows + 1) / 2, threads, [&](int64_t pair) {
    if (stop.stop_requested()) return;
    const int64_t a = 2 * pair;
    const int64_t b = a + 1;
    const bool has_b = b < predictions.rows;
    counter.count(predictions.row(a), has_b ? predictions.row(b) : std::span<const int32_t>{},
                  statistics.data() + a * n, has_b ? statistics.data() + b * n : nullptr);
  });
  return statistics;
}

CircularShiftResult circular_shift_test(std::span<const int32_t> y, MatrixView<const int32_t> predictions,
                                        int64_t n_classes, int64_t horizon, bool balanced, int threads,
                                        const StopToken& stop) {
  check_rows(static_cast<int64_t>(y.size()), horizon);
  const auto statistics = shifted_statistics(y, predictions, n_classes, balanced, threads, stop);
  // Shares of equal integer counts are equal doubles, so accuracy needs no tolerance.
  return judge(statistics, predictions.rows, predictions.cols, horizon, balanced ? kTolerance : 0.0, stop);
}

std::vector<double> shifted_scores(std::span<const double> y, MatrixView<const double> predictions,
                                   ScoreStatistic statistic, double train_mean, int threads,
                                   const StopToken& stop) {
  const auto n = static_cast<int64_t>(y.size());
  if (n == 0) raise("InputError", "y_true must hold at least one row, but is empty.");
  if (predictions.rows == 0) raise("InputError", "predictions must hold at least one model, but has none.");
  if (predictions.cols != n) {
    raise("InputError", "predictions must have as many rows in time as y_true (", n, "), but has ",
          predictions.cols, ".");
  }
  const ScoreLine line = statistic == ScoreStatistic::kAuc  ? auc_line(y, predictions)
                         : statistic == ScoreStatistic::kIc ? ic_line(y)
                                                            : r2_line(y, train_mean);
  ShiftCorrelation correlation(n);
  for (const auto& channel : line.labels) correlation.add_channel(channel);
  const auto channels = static_cast<int64_t>(line.labels.size());
  const int64_t models = predictions.rows / channels;
  std::vector<double> out(static_cast<size_t>(models * n));
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
    for (size_t s = 0; s < total.size(); ++s) {
      out[static_cast<size_t>(a * n) + s] = lines[0].constant + total[s].real();
      if (b > a) out[static_cast<size_t>(b * n) + s] = lines[1].constant + total[s].imag();
    }
  });
  return out;
}

CircularShiftResult circular_shift_score_test(std::span<const double> y, MatrixView<const double> predictions,
                                              int64_t horizon, ScoreStatistic statistic, double train_mean,
                                              int threads, const StopToken& stop) {
  const auto n = static_cast<int64_t>(y.size());
  check_rows(n, horizon);
  const auto statistics = shifted_scores(y, predictions, statistic, train_mean, threads, stop);
  return judge(statistics, static_cast<int64_t>(statistics.size()) / n, n, horizon, kTolerance, stop);
}

}  // namespace smctrain::stats
