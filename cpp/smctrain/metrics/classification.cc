#include "smctrain/metrics/classification.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/metrics/ranks.h"

namespace smctrain::metrics {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kSmallestProbability = 1e-15;
constexpr int64_t kBins = 10;

double ratio_or_zero(double numerator, double denominator) {
  return denominator == 0.0 ? 0.0 : numerator / denominator;
}

void check(std::span<const int32_t> y_true, MatrixView<const double> proba) {
  if (proba.cols < 2) raise("InputError", "proba must have at least 2 columns, but has ", proba.cols, ".");
  if (static_cast<int64_t>(y_true.size()) != proba.rows) {
    raise("InputError", "proba must have the ", y_true.size(), " rows of y_true, but has ", proba.rows, ".");
  }
  for (int64_t i = 0; i < proba.rows; ++i) {
    const int32_t label = y_true[static_cast<size_t>(i)];
    if (label < 0 || label >= proba.cols) {
      raise("InputError", "y_true must lie in 0..", proba.cols - 1, ", but is ", label, " in row ", i, ".");
    }
    double sum = 0.0;
    for (const double p : proba.row(i)) {
      if (!(p >= -1e-9 && p <= 1.0 + 1e-9)) {
        raise("InputError", "proba must lie in 0..1, but is ", p, " in row ", i,
              ". Leave out rows without a prediction.");
      }
      sum += p;
    }
    if (std::abs(sum - 1.0) > 1e-5) {
      raise("InputError", "each row of proba must sum to 1, but row ", i, " sums to ", sum, ".");
    }
  }
}

struct ClassCounts {
  std::vector<double> hit, truth, predicted;
};

ClassCounts count(const std::vector<int64_t>& confusion, size_t classes) {
  ClassCounts counts{std::vector<double>(classes), std::vector<double>(classes),
                     std::vector<double>(classes)};
  for (size_t a = 0; a < classes; ++a) {
    counts.hit[a] = static_cast<double>(confusion[a * classes + a]);
    for (size_t b = 0; b < classes; ++b) {
      counts.truth[a] += static_cast<double>(confusion[a * classes + b]);
      counts.predicted[b] += static_cast<double>(confusion[a * classes + b]);
    }
  }
  return counts;
}

// Gorodkin's multiclass correlation (Comput. Biol. Chem. 28, 2004); for two classes Matthews' own.
double matthews(const ClassCounts& counts, double n) {
  double hits = 0.0;
  double cross = 0.0;
  double truth2 = 0.0;
  double predicted2 = 0.0;
  for (size_t c = 0; c < counts.hit.size(); ++c) {
    hits += counts.hit[c];
    cross += counts.truth[c] * counts.predicted[c];
    truth2 += counts.truth[c] * counts.truth[c];
    predicted2 += counts.predicted[c] * counts.predicted[c];
  }
  const double denominator = std::sqrt((n * n - truth2) * (n * n - predicted2));
  return ratio_or_zero(hits * n - cross, denominator);
}

double calibration_error(const std::vector<double>& confidence, const std::vector<uint8_t>& correct) {
  const auto n = static_cast<int64_t>(confidence.size());
  std::vector<int64_t> order(confidence.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return confidence[static_cast<size_t>(a)] < confidence[static_cast<size_t>(b)];
  });
  double error = 0.0;
  for (int64_t bin = 0; bin < kBins; ++bin) {
    double difference = 0.0;
    for (int64_t i = n * bin / kBins; i < n * (bin + 1) / kBins; ++i) {
      const auto row = static_cast<size_t>(order[static_cast<size_t>(i)]);
      difference += static_cast<double>(correct[row]) - confidence[row];
    }
    error += std::abs(difference);
  }
  return error / static_cast<double>(n);
}

double macro_auc(std::span<const int32_t> y_true, MatrixView<const double> proba) {
  const size_t n = y_true.size();
  std::vector<uint8_t> is_positive(n);
  std::vector<double> score(n);
  double sum = 0.0;
  int64_t defined = 0;
  // Two classes: one curve says all.
  for (int64_t c = proba.cols == 2 ? 1 : 0; c < proba.cols; ++c) {
    for (size_t i = 0; i < n; ++i) {
      is_positive[i] = y_true[i] == c ? 1 : 0;
      score[i] = proba(static_cast<int64_t>(i), c);
    }
    const double value = auc(is_positive, score);
    if (std::isnan(value)) continue;
    sum += value;
    ++defined;
  }
  return defined == 0 ? kNaN : sum / static_cast<double>(defined);
}

}  // namespace

double auc(std::span<const uint8_t> is_positive, std::span<const double> score) {
  const size_t n = score.size();
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return score[a] < score[b]; });
  // Twice the average rank is an integer, so that the sum is exact.
  int64_t positives = 0;
  int64_t doubled_ranks = 0;
  for (size_t begin = 0; begin < n;) {
    size_t end = begin + 1;
    while (end < n && score[order[end]] == score[order[begin]]) ++end;
    const auto doubled = static_cast<int64_t>(begin + end + 1);
    for (size_t i = begin; i < end; ++i) {
      if (is_positive[order[i]] == 0) continue;
      ++positives;
      doubled_ranks += doubled;
    }
    begin = end;
  }
  const int64_t negatives = static_cast<int64_t>(n) - positives;
  if (positives == 0 || negatives == 0) return kNaN;
  const auto wins2 = static_cast<double>(doubled_ranks - positives * (positives + 1));
  return wins2 / (2.0 * static_cast<double>(positives) * static_cast<double>(negatives));
}

ClassificationMetrics classification_metrics(std::span<const int32_t> y_true,
                                             MatrixView<const double> proba) {
  check(y_true, proba);
  const auto classes = static_cast<size_t>(proba.cols);
  const size_t rows = y_true.size();
  ClassificationMetrics m{
      kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, std::vector<int64_t>(classes * classes, 0)};
  if (rows == 0) return m;

  const auto n = static_cast<double>(rows);
  std::vector<double> confidence(rows);
  std::vector<uint8_t> correct(rows);
  double log_sum = 0.0;
  double square_sum = 0.0;
  int64_t hits = 0;
  for (size_t i = 0; i < rows; ++i) {
    const auto p = proba.row(static_cast<int64_t>(i));
    const auto label = static_cast<size_t>(y_true[i]);
    const auto best = static_cast<size_t>(std::max_element(p.begin(), p.end()) - p.begin());
    ++m.confusion[label * classes + best];
    confidence[i] = p[best];
    correct[i] = best == label ? 1 : 0;
    hits += correct[i];
    log_sum -= std::log(std::clamp(p[label], kSmallestProbability, 1.0));
    double square = 0.0;
    for (size_t c = 0; c < classes; ++c) {
      const double miss = p[c] - (c == label ? 1.0 : 0.0);
      square += miss * miss;
    }
    square_sum += square;
  }
  m.accuracy = static_cast<double>(hits) / n;
  m.log_loss = log_sum / n;
  m.brier = square_sum / n;
  m.ece = calibration_error(confidence, correct);
  m.auc = macro_auc(y_true, proba);

  const ClassCounts counts = count(m.confusion, classes);
  m.mcc = matthews(counts, n);
  double true_classes = 0.0;
  double seen_classes = 0.0;
  double recall_sum = 0.0;
  double precision_sum = 0.0;
  double f1_sum = 0.0;
  for (size_t c = 0; c < classes; ++c) {
    true_classes += counts.truth[c] > 0.0 ? 1.0 : 0.0;
    seen_classes += counts.truth[c] > 0.0 || counts.predicted[c] > 0.0 ? 1.0 : 0.0;
    recall_sum += ratio_or_zero(counts.hit[c], counts.truth[c]);
    precision_sum += ratio_or_zero(counts.hit[c], counts.predicted[c]);
    f1_sum += ratio_or_zero(2.0 * counts.hit[c], counts.truth[c] + counts.predicted[c]);
  }
  m.balanced_accuracy = recall_sum / true_classes;
  m.recall = recall_sum / seen_classes;
  m.precision = precision_sum / seen_classes;
  m.f1_score = f1_sum / seen_classes;
  return m;
}

std::vector<double> auc_influence(std::span<const int32_t> y_true, MatrixView<const double> proba) {
  check(y_true, proba);
  const size_t n = y_true.size();
  std::vector<double> influence(n, 0.0);
  double defined = 0.0;
  for (int64_t c = proba.cols == 2 ? 1 : 0; c < proba.cols; ++c) {
    std::vector<double> all(n);
    std::vector<double> own[2];  // scores of negatives, of positives
    for (size_t i = 0; i < n; ++i) {
      all[i] = proba(static_cast<int64_t>(i), c);
      own[y_true[i] == c ? 1 : 0].push_back(all[i]);
    }
    const auto negatives = static_cast<double>(own[0].size());
    const auto positives = static_cast<double>(own[1].size());
    if (negatives == 0.0 || positives == 0.0) continue;
    defined += 1.0;
    const auto overall = ranks(all);
    const std::vector<double> within[2] = {ranks(own[0]), ranks(own[1])};
    size_t seen[2] = {0, 0};
    std::vector<double> placed(n);  // share of the other kind that this row stands right of
    double wins = 0.0;
    for (size_t i = 0; i < n; ++i) {
      const size_t kind = y_true[i] == c ? 1 : 0;
      const double below = overall[i] - within[kind][seen[kind]++];  // of the other kind, ties half
      placed[i] = kind == 1 ? below / negatives : 1.0 - below / positives;
      if (kind == 1) wins += placed[i];
    }
    const double area = wins / positives;
    for (size_t i = 0; i < n; ++i) {
      influence[i] += (placed[i] - area) * static_cast<double>(n) / (y_true[i] == c ? positives : negatives);
    }
  }
  if (defined == 0.0) return {};
  for (double& value : influence) value /= defined;
  return influence;
}

}  // namespace smctrain::metrics
