#include "smctrain/metrics/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/metrics/ranks.h"

namespace smctrain::metrics {

namespace {

constexpr int kSteps = 100;
constexpr double kLargestSlope = 1e6;  // of standardised scores

std::vector<size_t> order_of(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  return order;
}

void check(std::span<const double> score, std::span<const uint8_t> is_positive) {
  if (score.size() != is_positive.size()) {
    raise("InputError", "y must have the ", score.size(), " rows of the scores, but has ", is_positive.size(),
          ".");
  }
  int64_t positives = 0;
  for (size_t i = 0; i < score.size(); ++i) {
    if (!std::isfinite(score[i])) raise("InputError", "scores must be finite, but row ", i, " is not.");
    positives += is_positive[i] != 0 ? 1 : 0;
  }
  if (positives == 0 || positives == static_cast<int64_t>(score.size())) {
    raise("InputError", "a calibration needs rows of both kinds, but all ", score.size(), " are ",
          positives == 0 ? "negative" : "positive", ".");
  }
}

// log(1 + exp(x)) without overflow.
double soft_plus(double x) { return x > 0.0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

}  // namespace

ReliabilityTable reliability_table(std::span<const double> confidence, std::span<const uint8_t> correct,
                                   int64_t bins) {
  const auto n = static_cast<int64_t>(confidence.size());
  if (confidence.size() != correct.size())
    raise("InputError", "confidence and correct must have the same length.");
  if (bins < 1) raise("InputError", "n_bins must be at least 1, but is ", bins, ".");
  const auto order = order_of(confidence);
  ReliabilityTable table;
  for (int64_t bin = 0; bin < bins; ++bin) {
    const int64_t begin = n * bin / bins;
    const int64_t end = n * (bin + 1) / bins;
    if (begin == end) continue;
    double sum = 0.0;
    double hits = 0.0;
    for (int64_t i = begin; i < end; ++i) {
      const size_t row = order[static_cast<size_t>(i)];
      sum += confidence[row];
      hits += correct[row] != 0 ? 1.0 : 0.0;
    }
    const auto rows = static_cast<double>(end - begin);
    table.rows.push_back(end - begin);
    table.confidence.push_back(sum / rows);
    table.accuracy.push_back(hits / rows);
    table.lowest.push_back(confidence[order[static_cast<size_t>(begin)]]);
    table.highest.push_back(confidence[order[static_cast<size_t>(end - 1)]]);
  }
  return table;
}

namespace {

// Mean log-loss of a logistic curve a x + b on standardised scores, where Newton's steps are well scaled.
class LogisticLoss {
 public:
  LogisticLoss(std::span<const double> score, std::span<const uint8_t> is_positive)
      : score_(score), is_positive_(is_positive), n_(static_cast<double>(score.size())) {
    for (const double s : score) mean_ += s / n_;
    double variance = 0.0;
    for (const double s : score) variance += (s - mean_) * (s - mean_) / n_;
    deviation_ = std::sqrt(variance);
  }

  double mean() const { return mean_; }
  double deviation() const { return deviation_; }

  double at(double a, double b) const {
    double sum = 0.0;
    for (size_t i = 0; i < score_.size(); ++i) {
      const double z = a * x(i) + b;
      sum += soft_plus(z) - (is_positive_[i] != 0 ? z : 0.0);
    }
    return sum / n_;
  }

  struct Step {
    double a, b;     // to be taken off
    double promise;  // squared length in the metric of the curvature; NaN where there is no curvature
  };

  Step newton(double a, double b) const {
    double ga = 0.0;
    double gb = 0.0;
    double haa = 0.0;
    double hab = 0.0;
    double hbb = 0.0;
    for (size_t i = 0; i < score_.size(); ++i) {
      const double at_row = x(i);
      const double p = 1.0 / (1.0 + std::exp(-(a * at_row + b)));
      const double miss = p - (is_positive_[i] != 0 ? 1.0 : 0.0);
      const double weight = p * (1.0 - p);
      ga += miss * at_row / n_;
      gb += miss / n_;
      haa += weight * at_row * at_row / n_;
      hab += weight * at_row / n_;
      hbb += weight / n_;
    }
    const double determinant = haa * hbb - hab * hab;
    if (!(determinant > 1e-300)) return {0.0, 0.0, std::numeric_limits<double>::quiet_NaN()};
    const double da = (hbb * ga - hab * gb) / determinant;
    const double db = (haa * gb - hab * ga) / determinant;
    return {da, db, ga * da + gb * db};
  }

 private:
  double x(size_t i) const { return (score_[i] - mean_) / deviation_; }

  std::span<const double> score_;
  std::span<const uint8_t> is_positive_;
  double n_;
  double mean_ = 0.0;
  double deviation_ = 0.0;
};

}  // namespace

PlattFit fit_platt(std::span<const double> score, std::span<const uint8_t> is_positive) {
  check(score, is_positive);
  const LogisticLoss loss(score, is_positive);
  double positives = 0.0;
  for (const uint8_t yes : is_positive) positives += yes != 0 ? 1.0 : 0.0;
  const double share = positives / static_cast<double>(score.size());
  double a = 0.0;
  double b = std::log(share / (1.0 - share));
  if (all_equal(score) || !(loss.deviation() > 0.0)) return {0.0, b, true};

  double now = loss.at(a, b);
  bool is_finite = false;
  for (int step = 0; step < kSteps; ++step) {
    const auto newton = loss.newton(a, b);
    if (std::isnan(newton.promise)) break;
    if (newton.promise < 1e-24) {
      is_finite = true;
      break;
    }
    double scale = 1.0;
    double next = loss.at(a - newton.a, b - newton.b);
    while (!(next <= now) && scale > 1e-10) {
      scale *= 0.5;
      next = loss.at(a - scale * newton.a, b - scale * newton.b);
    }
    if (!(next <= now)) {
      is_finite = true;  // no step helps any more: the minimum to rounding
      break;
    }
    a -= scale * newton.a;
    b -= scale * newton.b;
    now = next;
    if (std::abs(a) > kLargestSlope) break;
  }
  // Scores that part the classes: the loss falls towards 0 without end.
  if (now < 1e-9) is_finite = false;
  return {a / loss.deviation(), b - a * loss.mean() / loss.deviation(), is_finite};
}

IsotonicFit fit_isotonic(std::span<const double> score, std::span<const uint8_t> is_positive) {
  check(score, is_positive);
  struct Pool {
    double sum;
    double weight;
    double first;  // scores it spans
    double last;
    double value() const { return sum / weight; }
  };
  std::vector<Pool> pools;
  const auto order = order_of(score);
  for (size_t begin = 0; begin < order.size();) {
    const double at = score[order[begin]];
    double sum = 0.0;
    size_t end = begin;
    for (; end < order.size() && score[order[end]] == at; ++end)
      sum += is_positive[order[end]] != 0 ? 1.0 : 0.0;
    pools.push_back({sum, static_cast<double>(end - begin), at, at});
    begin = end;
    while (pools.size() > 1 && pools[pools.size() - 2].value() >= pools.back().value()) {
      const Pool last = pools.back();
      pools.pop_back();
      pools.back().sum += last.sum;
      pools.back().weight += last.weight;
      pools.back().last = last.last;
    }
  }
  IsotonicFit fit;
  for (const Pool& pool : pools) {
    fit.score.push_back(pool.first);
    fit.value.push_back(pool.value());
    if (pool.last > pool.first) {
      fit.score.push_back(pool.last);
      fit.value.push_back(pool.value());
    }
  }
  return fit;
}

double fit_temperature(MatrixView<const double> log_proba, std::span<const int32_t> y_true) {
  const int64_t n = log_proba.rows;
  if (n == 0 || static_cast<int64_t>(y_true.size()) != n) {
    raise("InputError", "y must have the rows of the probabilities (at least one): ", n, ", but has ",
          y_true.size(), ".");
  }
  for (int64_t i = 0; i < n; ++i) {
    const int32_t label = y_true[static_cast<size_t>(i)];
    if (label < 0 || label >= log_proba.cols) {
      raise("InputError", "y must lie in 0..", log_proba.cols - 1, ", but is ", label, " in row ", i, ".");
    }
    for (const double z : log_proba.row(i)) {
      if (!std::isfinite(z)) raise("InputError", "log-probabilities must be finite, but row ", i, " is not.");
    }
  }
  constexpr double kLowest = 1e-3;
  constexpr double kHighest = 1e3;
  // The slope of the loss in beta = 1/T rises with beta: bracketed Newton.
  const auto slopes = [&](double beta) {
    double slope = 0.0;
    double curvature = 0.0;
    for (int64_t i = 0; i < n; ++i) {
      const auto z = log_proba.row(i);
      const double top = *std::max_element(z.begin(), z.end());
      double total = 0.0;
      double first = 0.0;
      double second = 0.0;
      for (const double value : z) {
        const double weight = std::exp(beta * (value - top));
        total += weight;
        first += weight * value;
        second += weight * value * value;
      }
      first /= total;
      second /= total;
      slope += first - z[static_cast<size_t>(y_true[static_cast<size_t>(i)])];
      curvature += second - first * first;
    }
    return std::pair{slope / static_cast<double>(n), curvature / static_cast<double>(n)};
  };
  double low = kLowest;
  double high = kHighest;
  if (slopes(low).first >= 0.0) return 1.0 / low;
  if (slopes(high).first <= 0.0) return 1.0 / high;
  double beta = 1.0;
  for (int step = 0; step < 200 && high - low > 1e-14 * high; ++step) {
    const auto [slope, curvature] = slopes(beta);
    if (slope == 0.0) break;
    (slope < 0.0 ? low : high) = beta;
    const double newton = beta - slope / curvature;
    const double next = curvature > 0.0 && newton > low && newton < high ? newton : std::sqrt(low * high);
    if (std::abs(next - beta) <= 1e-15 * beta) break;
    beta = next;
  }
  return 1.0 / beta;
}

}  // namespace smctrain::metrics
