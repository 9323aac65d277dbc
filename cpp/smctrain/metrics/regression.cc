#include "smctrain/metrics/regression.h"

#include <cmath>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/metrics/ranks.h"

namespace smctrain::metrics {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void check_finite(std::span<const double> values, const char* name) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      raise("InputError", name, " must be finite, but row ", i,
            " is not. Leave out rows without a prediction.");
    }
  }
}

void check_pair(std::span<const double> y, std::span<const double> forecast) {
  if (y.size() != forecast.size()) {
    raise("InputError", "y_pred must have the ", y.size(), " rows of y_true, but has ", forecast.size(), ".");
  }
  check_finite(y, "y_true");
  check_finite(forecast, "y_pred");
}

// Mean 0, variance 1; empty without spread.
std::vector<double> standardised(std::vector<double> values) {
  if (all_equal(values)) return {};
  const auto n = static_cast<double>(values.size());
  double mean = 0.0;
  for (const double value : values) mean += value;
  mean /= n;
  double squares = 0.0;
  for (double& value : values) {
    value -= mean;
    squares += value * value;
  }
  const double deviation = std::sqrt(squares / n);
  if (!(deviation > 0.0)) return {};
  for (double& value : values) value /= deviation;
  return values;
}

double correlation(const std::vector<double>& u, const std::vector<double>& v) {
  if (u.empty() || v.empty()) return kNaN;
  double sum = 0.0;
  for (size_t i = 0; i < u.size(); ++i) sum += u[i] * v[i];
  return std::clamp(sum / static_cast<double>(u.size()), -1.0, 1.0);
}

}  // namespace

RegressionMetrics regression_metrics(std::span<const double> y_true, std::span<const double> forecast,
                                     double train_mean) {
  check_pair(y_true, forecast);
  RegressionMetrics m{kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, {}};
  if (y_true.empty()) return m;
  const auto n = static_cast<double>(y_true.size());
  double squares = 0.0;
  double absolute = 0.0;
  double error = 0.0;
  double reference = 0.0;
  double largest = std::abs(train_mean);
  for (size_t i = 0; i < y_true.size(); ++i) {
    const double miss = forecast[i] - y_true[i];
    squares += miss * miss;
    absolute += std::abs(miss);
    error += miss;
    reference += (y_true[i] - train_mean) * (y_true[i] - train_mean);
    largest = std::max(largest, std::abs(y_true[i]));
  }
  // Labels that all equal the training mean leave nothing but the rounding of that mean, of about n sums.
  const double rounding = std::max(n, 4.0) * std::numeric_limits<double>::epsilon() * largest;
  if (reference > n * rounding * rounding) m.r2 = 1.0 - squares / reference;
  m.rmse = std::sqrt(squares / n);
  m.mae = absolute / n;
  m.bias = error / n;
  m.pearson = correlation(standardised({y_true.begin(), y_true.end()}),
                          standardised({forecast.begin(), forecast.end()}));
  const auto u = standardised(ranks(y_true));
  const auto v = standardised(ranks(forecast));
  m.ic = correlation(u, v);
  if (!std::isnan(m.ic)) {
    m.influence.resize(u.size());
    for (size_t i = 0; i < u.size(); ++i)
      m.influence[i] = u[i] * v[i] - 0.5 * m.ic * (u[i] * u[i] + v[i] * v[i]);
  }
  return m;
}

StampIc rank_ic(std::span<const double> y_true, std::span<const double> forecast,
                std::span<const int64_t> stamp, int64_t min_rows) {
  check_pair(y_true, forecast);
  if (stamp.size() != y_true.size()) {
    raise("InputError", "stamps must have ", y_true.size(), " entries, but has ", stamp.size(), ".");
  }
  std::vector<size_t> order(stamp.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return stamp[a] < stamp[b]; });
  StampIc result;
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    std::vector<double> truth;
    std::vector<double> guess;
    for (; end < order.size() && stamp[order[end]] == stamp[order[begin]]; ++end) {
      truth.push_back(y_true[order[end]]);
      guess.push_back(forecast[order[end]]);
    }
    if (static_cast<int64_t>(end - begin) >= min_rows) {
      result.stamp.push_back(stamp[order[begin]]);
      result.rows.push_back(static_cast<int64_t>(end - begin));
      result.ic.push_back(correlation(standardised(ranks(truth)), standardised(ranks(guess))));
    }
    begin = end;
  }
  return result;
}

QuantileMetrics quantile_metrics(std::span<const double> y_true, MatrixView<const double> forecasts,
                                 std::span<const double> levels) {
  const auto n = static_cast<int64_t>(y_true.size());
  const auto count = static_cast<int64_t>(levels.size());
  if (forecasts.rows != n || forecasts.cols != count) {
    raise("InputError", "quantiles must have shape (", n, ", ", count, "), but has (", forecasts.rows, ", ",
          forecasts.cols, ").");
  }
  for (size_t j = 0; j < levels.size(); ++j) {
    if (!(levels[j] > 0.0 && levels[j] < 1.0) || (j > 0 && !(levels[j] > levels[j - 1]))) {
      raise("InputError", "levels must ascend between 0 and 1, but entry ", j, " is ", levels[j], ".");
    }
  }
  check_finite(y_true, "y_true");
  QuantileMetrics m{std::vector<double>(levels.size(), n == 0 ? kNaN : 0.0),
                    std::vector<double>(levels.size(), n == 0 ? kNaN : 0.0), 0};
  for (int64_t i = 0; i < n; ++i) {
    const auto row = forecasts.row(i);
    bool crosses = false;
    for (size_t j = 0; j < levels.size(); ++j) {
      if (!std::isfinite(row[j])) {
        raise("InputError", "quantiles must be finite, but row ", i,
              " is not. Leave out rows without a prediction.");
      }
      const double above = y_true[static_cast<size_t>(i)] - row[j];
      m.pinball[j] += std::max(levels[j] * above, (levels[j] - 1.0) * above) / static_cast<double>(n);
      m.coverage[j] += above <= 0.0 ? 1.0 : 0.0;
      crosses = crosses || (j > 0 && row[j] < row[j - 1]);
    }
    m.crossings += crosses ? 1 : 0;
  }
  for (double& share : m.coverage) share /= static_cast<double>(n);
  return m;
}

}  // namespace smctrain::metrics
