#include "smctrain/metrics/baselines.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "smctrain/base/error.h"

namespace smctrain::metrics {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void check(std::span<const int32_t> codes, const char* name) {
  for (size_t i = 0; i < codes.size(); ++i) {
    // The bound keeps the count table small; it is far above any number of classes.
    if (codes[i] < 0 || codes[i] >= 65536) {
      raise("InputError", name, " must lie in 0..65535, but is ", codes[i], " in row ", i, ".");
    }
  }
}

std::vector<double> shares(std::span<const int32_t> codes, size_t classes) {
  std::vector<double> result(classes, 0.0);
  for (const int32_t code : codes) result[static_cast<size_t>(code)] += 1.0;
  for (double& share : result) share /= static_cast<double>(codes.size());
  return result;
}

template <class Key>
std::vector<int64_t> sorted_order(size_t n, Key key) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return key[static_cast<size_t>(a)] < key[static_cast<size_t>(b)];
  });
  return order;
}

}  // namespace

std::vector<int32_t> last_resolved_labels(std::span<const int64_t> t0, std::span<const int64_t> t1,
                                          std::span<const int32_t> all_y, int32_t fallback) {
  const auto by_end = sorted_order(t1.size(), t1);
  const auto by_decision = sorted_order(t0.size(), t0);
  std::vector<int32_t> answers(t0.size(), fallback);
  size_t resolved = 0;
  int64_t newest = -1;
  for (const int64_t row : by_decision) {
    const int64_t now = t0[static_cast<size_t>(row)];
    for (; resolved < by_end.size() && t1[static_cast<size_t>(by_end[resolved])] <= now; ++resolved) {
      const int64_t candidate = by_end[resolved];
      if (all_y[static_cast<size_t>(candidate)] >= 0) newest = std::max(newest, candidate);
    }
    if (newest >= 0) answers[static_cast<size_t>(row)] = all_y[static_cast<size_t>(newest)];
  }
  return answers;
}

Baselines baselines(std::span<const int32_t> y_true, std::span<const int32_t> y_train,
                    std::span<const int64_t> t0, std::span<const int64_t> t1,
                    std::span<const int32_t> all_y) {
  check(y_true, "y_true");
  check(y_train, "y_train");
  Baselines result{kNaN, -1, kNaN, kNaN, kNaN, kNaN};
  if (y_train.empty()) return result;
  size_t classes = 0;
  for (const auto codes : {y_true, y_train}) {
    for (const int32_t code : codes) classes = std::max(classes, static_cast<size_t>(code) + 1);
  }
  const std::vector<double> train = shares(y_train, classes);
  result.majority_class = static_cast<int32_t>(std::max_element(train.begin(), train.end()) - train.begin());
  if (y_true.empty()) return result;

  const std::vector<double> test = shares(y_true, classes);
  result.majority = test[static_cast<size_t>(result.majority_class)];
  double squares = 0.0;
  for (const double share : train) squares += share * share;
  result.prior = 0.0;
  result.prior_log_loss = 0.0;
  result.prior_brier = 0.0;
  for (size_t c = 0; c < classes; ++c) {
    result.prior += train[c] * test[c];
    result.prior_log_loss -= test[c] * std::log(std::clamp(train[c], 1e-15, 1.0));
    // sum_k (p_k - [k = c])^2 = sum_k p_k^2 - 2 p_c + 1
    result.prior_brier += test[c] * (squares - 2.0 * train[c] + 1.0);
  }
  if (!t0.empty()) {
    const auto answers = last_resolved_labels(t0, t1, all_y, result.majority_class);
    int64_t hits = 0;
    for (size_t i = 0; i < answers.size(); ++i) hits += answers[i] == y_true[i] ? 1 : 0;
    result.last_label = static_cast<double>(hits) / static_cast<double>(answers.size());
  }
  return result;
}

}  // namespace smctrain::metrics
