#include "smctrain/selection/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/stats/beta.h"

namespace smctrain::selection {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Score {
  double f = 0.0;
  double p = 1.0;
};

// Sums that are zero but for rounding: n additions of values of this size.
bool is_rounding(double sum_of_squares, double size, double rows) {
  return sum_of_squares <= size * size * rows * 1e-28;
}

Score anova(MatrixView<const float> X, int64_t j, const Target& target, std::vector<double>& mass,
            std::vector<double>& sum) {
  const auto n = X.rows;
  std::fill(mass.begin(), mass.end(), 0.0);
  std::fill(sum.begin(), sum.end(), 0.0);
  double total = 0.0;
  double total_mass = 0.0;
  double largest = 0.0;
  const auto weight = [&](int64_t i) {
    return target.weights.empty() ? 1.0 : target.weights[static_cast<size_t>(i)];
  };
  for (int64_t i = 0; i < n; ++i) {
    const double x = X(i, j);
    if (!std::isfinite(x)) continue;
    const double w = weight(i);
    const auto c = static_cast<size_t>(target.codes[static_cast<size_t>(i)]);
    mass[c] += w;
    sum[c] += w * x;
    total += w * x;
    total_mass += w;
    largest = std::max(largest, std::abs(x));
  }
  const auto present = std::count_if(mass.begin(), mass.end(), [](double m) { return m > 0.0; });
  const double freedom = total_mass - static_cast<double>(present);
  if (present < 2 || freedom <= 0.0) return {};
  const double mean = total / total_mass;
  double between = 0.0;
  for (size_t c = 0; c < mass.size(); ++c) {
    if (mass[c] <= 0.0) continue;
    sum[c] /= mass[c];  // the class mean from here on
    between += mass[c] * (sum[c] - mean) * (sum[c] - mean);
  }
  double within = 0.0;
  for (int64_t i = 0; i < n; ++i) {
    const double x = X(i, j);
    if (!std::isfinite(x)) continue;
    const double d = x - sum[static_cast<size_t>(target.codes[static_cast<size_t>(i)])];
    within += weight(i) * d * d;
  }
  if (is_rounding(between, largest, total_mass)) return {};
  if (is_rounding(within, largest, total_mass)) return {kInfinity, 0.0};
  const double df = static_cast<double>(present - 1);
  const double f = (between / df) / (within / freedom);
  return {f, stats::f_survival(f, df, freedom)};
}

Score regression(MatrixView<const float> X, int64_t j, const Target& target) {
  double mass = 0.0;
  double sum_x = 0.0;
  double sum_y = 0.0;
  double largest_x = 0.0;
  double largest_y = 0.0;
  const auto each = [&](auto&& use) {
    for (int64_t i = 0; i < X.rows; ++i) {
      const double x = X(i, j);
      if (!std::isfinite(x)) continue;
      use(target.weights.empty() ? 1.0 : target.weights[static_cast<size_t>(i)], x,
          target.numbers[static_cast<size_t>(i)]);
    }
  };
  each([&](double w, double x, double y) {
    mass += w;
    sum_x += w * x;
    sum_y += w * y;
    largest_x = std::max(largest_x, std::abs(x));
    largest_y = std::max(largest_y, std::abs(y));
  });
  if (mass <= 2.0) return {};
  const double mean_x = sum_x / mass;
  const double mean_y = sum_y / mass;
  double xx = 0.0;
  double yy = 0.0;
  double xy = 0.0;
  each([&](double w, double x, double y) {
    xx += w * (x - mean_x) * (x - mean_x);
    yy += w * (y - mean_y) * (y - mean_y);
    xy += w * (x - mean_x) * (y - mean_y);
  });
  if (is_rounding(xx, largest_x, mass) || is_rounding(yy, largest_y, mass)) return {};
  const double r2 = xy * xy / (xx * yy);
  if (1.0 - r2 <= 1e-15) return {kInfinity, 0.0};
  const double f = r2 / (1.0 - r2) * (mass - 2.0);
  return {f, stats::f_survival(f, 1.0, mass - 2.0)};
}

}  // namespace

void check_target(const Target& target, int64_t rows) {
  if (rows < 2) raise("TooFewRows", "feature selection needs at least 2 rows, but got ", rows, ".");
  if (target.rows() != rows) {
    raise("InputError", "y must have ", rows, " entries, one for each row of X, but has ", target.rows(),
          ".");
  }
  if (!target.weights.empty() && static_cast<int64_t>(target.weights.size()) != rows) {
    raise("InputError", "weight must have ", rows, " entries, one for each row of X, but has ",
          target.weights.size(), ".");
  }
  for (int64_t i = 0; i < rows; ++i) {
    const auto k = static_cast<size_t>(i);
    if (target.classes() && (target.codes[k] < 0 || target.codes[k] >= target.n_classes)) {
      raise("InputError", "y must hold class codes 0..", target.n_classes - 1, ", but is ", target.codes[k],
            " in row ", i, ".");
    }
    if (!target.classes() && !std::isfinite(target.numbers[k])) {
      raise("InputError", "y must be finite, but is ", target.numbers[k], " in row ", i, ".");
    }
    if (!target.weights.empty() && !(target.weights[k] > 0.0 && std::isfinite(target.weights[k]))) {
      raise("InputError", "weight must be positive and finite, but is ", target.weights[k], " in row ", i,
            ".");
    }
  }
}

FScores f_scores(MatrixView<const float> X, const Target& target, int threads, const StopToken& stop) {
  check_target(target, X.rows);
  FScores scores{std::vector<double>(static_cast<size_t>(X.cols), 0.0),
                 std::vector<double>(static_cast<size_t>(X.cols), 1.0)};
  parallel_for(X.cols, threads, [&](int64_t j) {
    if (stop.stop_requested()) return;
    Score score;
    if (target.classes()) {
      std::vector<double> mass(static_cast<size_t>(target.n_classes));
      std::vector<double> sum(static_cast<size_t>(target.n_classes));
      score = anova(X, j, target, mass, sum);
    } else {
      score = regression(X, j, target);
    }
    scores.f[static_cast<size_t>(j)] = score.f;
    scores.p[static_cast<size_t>(j)] = score.p;
  });
  return scores;
}

std::vector<int32_t> quantile_codes(std::span<const double> numbers, int n_bins) {
  std::vector<double> sorted(numbers.begin(), numbers.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> edges;  // the largest value of each bin but the last
  const auto n = static_cast<int64_t>(sorted.size());
  for (int k = 1; k < n_bins; ++k) {
    const int64_t position = k * n / n_bins;
    if (position < 1) continue;
    const double edge = sorted[static_cast<size_t>(position - 1)];
    if ((edges.empty() || edge > edges.back()) && edge < sorted.back()) edges.push_back(edge);
  }
  std::vector<int32_t> codes(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    codes[i] = static_cast<int32_t>(std::lower_bound(edges.begin(), edges.end(), numbers[i]) - edges.begin());
  }
  return codes;
}

std::vector<double> binned_information(const models::BinnedMatrix& binned, std::span<const int64_t> rows,
                                       std::span<const int32_t> codes, int64_t n_codes,
                                       std::span<const double> weights, int threads) {
  double mass = static_cast<double>(rows.size());
  double effective = mass;
  if (!weights.empty()) {
    double squares = 0.0;
    mass = 0.0;
    for (const int64_t row : rows) {
      const double w = weights[static_cast<size_t>(row)];
      mass += w;
      squares += w * w;
    }
    effective = squares > 0.0 ? mass * mass / squares : 0.0;
  }
  std::vector<double> information(static_cast<size_t>(binned.cols), 0.0);
  if (rows.empty() || !(mass > 0.0)) return information;
  parallel_for(binned.cols, threads, [&](int64_t j) {
    const uint8_t* column = binned.column<uint8_t>(j);
    constexpr size_t kCells = 256;
    std::vector<double> cell(kCells * static_cast<size_t>(n_codes), 0.0);
    for (const int64_t row : rows) {
      const auto at = static_cast<size_t>(row);
      cell[static_cast<size_t>(column[row]) * static_cast<size_t>(n_codes) +
           static_cast<size_t>(codes[at])] += weights.empty() ? 1.0 : weights[at];
    }
    std::vector<double> of_bin(kCells, 0.0);
    std::vector<double> of_code(static_cast<size_t>(n_codes), 0.0);
    int64_t occupied = 0;
    for (size_t b = 0; b < kCells; ++b) {
      for (size_t c = 0; c < static_cast<size_t>(n_codes); ++c) {
        const double m = cell[b * static_cast<size_t>(n_codes) + c];
        of_bin[b] += m;
        of_code[c] += m;
        occupied += m > 0.0 ? 1 : 0;
      }
    }
    double sum = 0.0;
    for (size_t b = 0; b < kCells; ++b) {
      for (size_t c = 0; c < static_cast<size_t>(n_codes); ++c) {
        const double m = cell[b * static_cast<size_t>(n_codes) + c];
        if (m > 0.0) sum += m / mass * std::log(m * mass / (of_bin[b] * of_code[c]));
      }
    }
    const auto held = [](const std::vector<double>& masses) {
      return std::count_if(masses.begin(), masses.end(), [](double m) { return m > 0.0; });
    };
    const auto bias = static_cast<double>(held(of_bin) + held(of_code) - occupied - 1) / (2.0 * effective);
    information[static_cast<size_t>(j)] = std::max(0.0, sum + bias);
  });
  return information;
}

std::vector<double> ranks_of(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&](size_t j) { return std::isnan(values[j]) ? -kInfinity : values[j]; };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) > key(b); });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && key(order[end]) == key(order[begin])) ++end;
    for (size_t k = begin; k < end; ++k) ranks[order[k]] = static_cast<double>(begin + 1 + end) / 2.0;
    begin = end;
  }
  return ranks;
}

std::vector<double> rank_consensus(const std::vector<std::vector<double>>& scores) {
  if (scores.empty()) return {};
  const auto p = scores.front().size();
  std::vector<double> consensus(p, 0.0);
  for (const auto& list : scores) {
    if (list.size() != p) raise("InputError", "all lists of scores must have the same length.");
    const auto ranks = ranks_of(list);
    for (size_t j = 0; j < p; ++j) {
      consensus[j] += p > 1 ? (static_cast<double>(p) - ranks[j]) / static_cast<double>(p - 1) : 1.0;
    }
  }
  for (double& value : consensus) value /= static_cast<double>(scores.size());
  return consensus;
}

}  // namespace smctrain::selection
