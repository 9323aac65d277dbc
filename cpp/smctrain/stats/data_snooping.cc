#include "smctrain/stats/data_snooping.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/stats/autocovariance.h"

namespace smctrain::stats {

namespace {

constexpr int64_t kFewestRows = 8;

void check(MatrixView<const double> values, const char* name) {
  if (values.cols < 1) raise("InputError", name, " must hold at least one model, but has none.");
  if (values.rows < kFewestRows) {
    raise("TooFewRows", name, " must hold at least ", kFewestRows, " periods, but has ", values.rows, ".");
  }
  for (int64_t t = 0; t < values.rows; ++t) {
    for (int64_t m = 0; m < values.cols; ++m) {
      if (!std::isfinite(values(t, m))) {
        raise("InputError", name, " must be finite, but period ", t, " of model ", m, " is not.");
      }
    }
  }
}

// A model that never differs from the benchmark has no spread: it is infinitely sure of its mean.
double studentised(double value, double omega) {
  if (omega > 0.0) return value / omega;
  if (value == 0.0) return 0.0;
  return value > 0.0 ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
}

double p_of(int64_t reached, int64_t draws) {
  return static_cast<double>(1 + reached) / static_cast<double>(draws + 1);
}

// StepM on studentised statistics and centred, studentised resamples (draws x k).
void step_down(SnoopingResult& result, const std::vector<double>& statistic,
               const std::vector<double>& resampled, double level, int64_t draws, const StopToken& stop) {
  const size_t k = statistic.size();
  result.is_superior.assign(k, 0);
  std::vector<double> largest(static_cast<size_t>(draws));
  while (!stop.stop_requested()) {
    for (size_t b = 0; b < largest.size(); ++b) {
      double best = -std::numeric_limits<double>::infinity();
      for (size_t m = 0; m < k; ++m) {
        if (result.is_superior[m] == 0) best = std::max(best, resampled[b * k + m]);
      }
      largest[b] = best;
    }
    // The smallest value that at most `level` of draws + 1 (the data among them) exceed.
    const auto rank =
        static_cast<int64_t>(std::ceil((1.0 - level) * static_cast<double>(draws + 1) - 1e-9)) - 1;
    double critical = std::numeric_limits<double>::infinity();
    if (rank < draws) {
      const auto place = largest.begin() + std::max<int64_t>(rank, 0);
      std::nth_element(largest.begin(), place, largest.end());
      critical = *place;
    }
    result.critical_values.push_back(critical);
    bool added = false;
    bool left = false;
    for (size_t m = 0; m < k; ++m) {
      if (result.is_superior[m] != 0) continue;
      if (statistic[m] > critical) {
        result.is_superior[m] = 1;
        added = true;
      } else {
        left = true;
      }
    }
    if (!added || !left) return;
  }
}

}  // namespace

double stationary_bootstrap_variance(std::span<const double> values, double mean_block) {
  const auto n = static_cast<int64_t>(values.size());
  const auto rows = static_cast<double>(n);
  if (std::all_of(values.begin(), values.end(), [&](double value) { return value == values[0]; })) return 0.0;
  const auto products = lagged_products(centre(values).values, n - 1);
  const double keep = 1.0 - 1.0 / mean_block;
  double variance = products[0] / rows;
  for (int64_t lag = 1; lag < n; ++lag) {
    const double share = static_cast<double>(lag) / rows;
    const double kappa = (1.0 - share) * std::pow(keep, static_cast<double>(lag)) +
                         share * std::pow(keep, static_cast<double>(n - lag));
    variance += 2.0 * kappa * products[static_cast<size_t>(lag)] / rows;
  }
  return std::max(variance, 0.0);
}

SnoopingResult data_snooping(MatrixView<const double> advantage, double level,
                             const BootstrapSettings& settings, const StopToken& stop) {
  check(advantage, "advantage");
  if (!(level > 0.0 && level < 1.0))
    raise("InputError", "level must lie between 0 and 1, but is ", level, ".");
  const int64_t n = advantage.rows;
  const auto k = static_cast<size_t>(advantage.cols);
  auto resampled = bootstrap_column_means(advantage, settings, stop);
  SnoopingResult result;
  result.mean.assign(k, 0.0);
  result.omega.assign(k, 0.0);
  parallel_for(advantage.cols, settings.threads, [&](int64_t m) {
    std::vector<double> column(static_cast<size_t>(n));
    double sum = 0.0;
    for (int64_t t = 0; t < n; ++t) sum += column[static_cast<size_t>(t)] = advantage(t, m);
    result.mean[static_cast<size_t>(m)] = sum / static_cast<double>(n);
    result.omega[static_cast<size_t>(m)] =
        std::sqrt(stationary_bootstrap_variance(column, settings.mean_block));
  });

  const double root = std::sqrt(static_cast<double>(n));
  const double too_bad = -std::sqrt(2.0 * std::log(std::log(static_cast<double>(n))));
  std::vector<double> statistic(k);
  std::vector<double> lower(k);
  std::vector<double> consistent(k);
  result.white_statistic = -std::numeric_limits<double>::infinity();
  for (size_t m = 0; m < k; ++m) {
    statistic[m] = studentised(root * result.mean[m], result.omega[m]);
    lower[m] = std::max(result.mean[m], 0.0);
    consistent[m] = statistic[m] >= too_bad ? result.mean[m] : 0.0;
    result.white_statistic = std::max(result.white_statistic, root * result.mean[m]);
    if (statistic[m] > statistic[static_cast<size_t>(result.best_model)])
      result.best_model = static_cast<int64_t>(m);
  }
  result.spa_statistic = std::max(0.0, statistic[static_cast<size_t>(result.best_model)]);

  int64_t white = 0;
  int64_t spa_lower = 0;
  int64_t spa = 0;
  int64_t spa_upper = 0;
  for (int64_t b = 0; b < settings.draws && !stop.stop_requested(); ++b) {
    double* row = resampled.data() + b * advantage.cols;
    double best_white = -std::numeric_limits<double>::infinity();
    double best_lower = 0.0;
    double best_spa = 0.0;
    double best_upper = 0.0;
    for (size_t m = 0; m < k; ++m) {
      const double scale = result.omega[m] > 0.0 ? root / result.omega[m] : 0.0;
      best_white = std::max(best_white, root * (row[m] - result.mean[m]));
      best_lower = std::max(best_lower, scale * (row[m] - lower[m]));
      best_spa = std::max(best_spa, scale * (row[m] - consistent[m]));
      best_upper = std::max(best_upper, scale * (row[m] - result.mean[m]));
      row[m] = scale * (row[m] - result.mean[m]);
    }
    white += best_white >= result.white_statistic ? 1 : 0;
    spa_lower += best_lower >= result.spa_statistic ? 1 : 0;
    spa += best_spa >= result.spa_statistic ? 1 : 0;
    spa_upper += best_upper >= result.spa_statistic ? 1 : 0;
  }
  result.white_p = p_of(white, settings.draws);
  result.spa_lower_p = p_of(spa_lower, settings.draws);
  result.spa_p = p_of(spa, settings.draws);
  result.spa_upper_p = p_of(spa_upper, settings.draws);
  step_down(result, statistic, resampled, level, settings.draws, stop);
  return result;
}

std::vector<double> model_confidence_set(MatrixView<const double> losses, const BootstrapSettings& settings,
                                         const StopToken& stop) {
  check(losses, "losses");
  const auto k = static_cast<size_t>(losses.cols);
  const auto draws = static_cast<size_t>(settings.draws);
  const auto resampled = bootstrap_column_means(losses, settings, stop);
  std::vector<double> mean(k, 0.0);
  for (int64_t t = 0; t < losses.rows; ++t) {
    for (size_t m = 0; m < k; ++m) mean[m] += losses(t, static_cast<int64_t>(m));
  }
  for (double& m : mean) m /= static_cast<double>(losses.rows);

  std::vector<double> p(k, 1.0);
  std::vector<size_t> set(k);
  for (size_t m = 0; m < k; ++m) set[m] = m;
  double so_far = 0.0;
  while (set.size() > 1 && !stop.stop_requested()) {
    const auto size = static_cast<double>(set.size());
    // Everything relative to one member: models that are equal in every period then differ by exactly 0, and
    // not by rounding, which in units of itself would be anything.
    const size_t first = set[0];
    double centre = 0.0;
    for (const size_t m : set) centre += (mean[m] - mean[first]) / size;
    std::vector<double> deviation(draws * set.size());
    std::vector<double> variance(set.size(), 0.0);
    for (size_t b = 0; b < draws; ++b) {
      double middle = 0.0;
      const double* row = resampled.data() + b * k;
      for (const size_t m : set) middle += (row[m] - row[first]) / size;
      for (size_t i = 0; i < set.size(); ++i) {
        const double value = ((row[set[i]] - row[first]) - middle) - ((mean[set[i]] - mean[first]) - centre);
        deviation[b * set.size() + i] = value;
        variance[i] += value * value;
      }
    }
    std::vector<double> statistic(set.size());
    size_t worst = 0;
    for (size_t i = 0; i < set.size(); ++i) {
      variance[i] = std::sqrt(variance[i] / static_cast<double>(draws));
      statistic[i] = studentised((mean[set[i]] - mean[first]) - centre, variance[i]);
      if (statistic[i] > statistic[worst]) worst = i;
    }
    int64_t reached = 0;
    for (size_t b = 0; b < draws; ++b) {
      double largest = -std::numeric_limits<double>::infinity();
      for (size_t i = 0; i < set.size(); ++i) {
        const double value = variance[i] > 0.0 ? deviation[b * set.size() + i] / variance[i] : 0.0;
        largest = std::max(largest, value);
      }
      reached += largest >= statistic[worst] ? 1 : 0;
    }
    so_far = std::max(so_far, p_of(reached, settings.draws));
    p[set[worst]] = so_far;
    set.erase(set.begin() + static_cast<int64_t>(worst));
  }
  return p;
}

}  // namespace smctrain::stats
