#include "smctrain/audit/column_auc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"

namespace smctrain::audit {

namespace {

constexpr float kMissing = -std::numeric_limits<float>::infinity();
constexpr int kLeaves = 4;

// Learning rows of one fold in the order of the column.
struct Sorted {
  std::vector<float> value;
  std::vector<int32_t> code;
};

struct Cut {
  int64_t place = -1;  // first row of the right half; -1 without a cut
};

// The split of [first, last) with the largest drop of the Gini impurity.
Cut best_cut(const Sorted& s, int64_t first, int64_t last, int32_t n_classes, int64_t min_leaf) {
  std::vector<int64_t> left(static_cast<size_t>(n_classes), 0);
  std::vector<int64_t> right(static_cast<size_t>(n_classes), 0);
  for (int64_t i = first; i < last; ++i) ++right[static_cast<size_t>(s.code[static_cast<size_t>(i)])];
  // Sums of squares are kept up to date: moving a row of class c changes them by 2 count + 1.
  int64_t left_squares = 0;
  int64_t right_squares = 0;
  for (const int64_t count : right) right_squares += count * count;
  const auto n = static_cast<double>(last - first);
  double best = static_cast<double>(right_squares) / n * (1.0 + 1e-12);
  Cut cut;
  for (int64_t i = first; i + 1 < last; ++i) {
    const auto c = static_cast<size_t>(s.code[static_cast<size_t>(i)]);
    left_squares += 2 * left[c] + 1;
    right_squares -= 2 * right[c] - 1;
    ++left[c];
    --right[c];
    if (s.value[static_cast<size_t>(i)] == s.value[static_cast<size_t>(i + 1)]) continue;
    const int64_t in_left = i + 1 - first;
    const int64_t in_right = last - i - 1;
    if (in_left < min_leaf || in_right < min_leaf) continue;
    const double score = static_cast<double>(left_squares) / static_cast<double>(in_left) +
                         static_cast<double>(right_squares) / static_cast<double>(in_right);
    if (score > best) {
      best = score;
      cut.place = i + 1;
    }
  }
  return cut;
}

// One against the rest: P(score of a member > score of another) + ties / 2. `members`, `all`: per score
// group.
double one_auc(const std::vector<double>& score, const std::vector<int64_t>& members,
               const std::vector<int64_t>& all) {
  std::vector<size_t> order(score.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return score[a] < score[b]; });
  double inside = 0.0;
  double outside = 0.0;
  double wins = 0.0;
  for (size_t i = 0; i < order.size();) {
    double tied_in = 0.0;
    double tied_out = 0.0;
    const double value = score[order[i]];
    for (; i < order.size() && score[order[i]] == value; ++i) {
      tied_in += static_cast<double>(members[order[i]]);
      tied_out += static_cast<double>(all[order[i]] - members[order[i]]);
    }
    wins += tied_in * (outside + 0.5 * tied_out);
    inside += tied_in;
    outside += tied_out;
  }
  return inside > 0 && outside > 0 ? wins / (inside * outside) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

std::vector<double> column_auc(MatrixView<const float> X, std::span<const int64_t> rows,
                               std::span<const int32_t> codes, int32_t n_classes,
                               const std::vector<Fold>& folds, int64_t min_leaf, int threads) {
  const auto n = static_cast<int64_t>(rows.size());
  if (n_classes < 2) raise("InputError", "n_classes must be at least 2, but is ", n_classes, ".");
  if (min_leaf < 1) raise("InputError", "min_leaf must be at least 1, but is ", min_leaf, ".");
  for (const int64_t row : rows) {
    if (row < 0 || row >= X.rows)
      raise("InputError", "rows: there is no row ", row, " in X (", X.rows, " rows).");
  }
  for (const int32_t code : codes) {
    if (code < 0 || code >= n_classes)
      raise("InputError", "codes must lie in 0..", n_classes - 1, ", but one is ", code, ".");
  }
  for (const Fold& fold : folds) {
    for (const auto& side : {fold.train, fold.test}) {
      for (const int64_t place : side) {
        if (place < 0 || place >= n) raise("InputError", "folds: there is no position ", place, ".");
      }
    }
  }
  std::vector<double> out(static_cast<size_t>(X.cols) * folds.size(),
                          std::numeric_limits<double>::quiet_NaN());
  parallel_for(X.cols, threads, [&](int64_t j) {
    std::vector<float> value(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      const float v = X(rows[static_cast<size_t>(i)], j);
      value[static_cast<size_t>(i)] = std::isfinite(v) ? v : kMissing;
    }
    std::vector<int32_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      return value[static_cast<size_t>(a)] < value[static_cast<size_t>(b)];
    });
    const auto k = static_cast<size_t>(n_classes);
    std::vector<uint8_t> learns(static_cast<size_t>(n));
    for (size_t f = 0; f < folds.size(); ++f) {
      std::fill(learns.begin(), learns.end(), uint8_t{0});
      for (const int64_t place : folds[f].train) learns[static_cast<size_t>(place)] = 1;
      Sorted s;
      s.value.reserve(folds[f].train.size());
      s.code.reserve(folds[f].train.size());
      for (const int32_t place : order) {
        if (!learns[static_cast<size_t>(place)]) continue;
        s.value.push_back(value[static_cast<size_t>(place)]);
        s.code.push_back(codes[static_cast<size_t>(place)]);
      }
      const auto m = static_cast<int64_t>(s.value.size());
      if (m == 0) continue;
      std::vector<std::vector<double>> score(k, std::vector<double>(kLeaves, 0.0));
      std::vector<std::vector<int64_t>> members(k, std::vector<int64_t>(kLeaves, 0));
      std::vector<int64_t> all(kLeaves, 0);
      std::vector<int64_t> cuts;
      const Cut root = best_cut(s, 0, m, n_classes, min_leaf);
      if (root.place >= 0) {
        const Cut low = best_cut(s, 0, root.place, n_classes, min_leaf);
        const Cut high = best_cut(s, root.place, m, n_classes, min_leaf);
        if (low.place >= 0) cuts.push_back(low.place);
        cuts.push_back(root.place);
        if (high.place >= 0) cuts.push_back(high.place);
      }
      std::vector<float> edges;  // a row belongs to the leaf of the first edge above it
      for (size_t leaf = 0; leaf <= cuts.size(); ++leaf) {
        const int64_t first = leaf == 0 ? 0 : cuts[leaf - 1];
        const int64_t last = leaf == cuts.size() ? m : cuts[leaf];
        if (leaf < cuts.size()) {
          const float below = s.value[static_cast<size_t>(last - 1)];
          const float above = s.value[static_cast<size_t>(last)];
          // The middle, or the upper value where the middle is not a float between the two.
          const float middle =
              below == kMissing ? above : static_cast<float>(0.5 * (double{below} + double{above}));
          edges.push_back(middle > below ? middle : above);
        }
        std::vector<int64_t> count(k, 0);
        for (int64_t i = first; i < last; ++i) ++count[static_cast<size_t>(s.code[static_cast<size_t>(i)])];
        for (size_t c = 0; c < k; ++c)
          score[c][leaf] = static_cast<double>(count[c]) / static_cast<double>(last - first);
      }
      for (const int64_t place : folds[f].test) {
        const float v = value[static_cast<size_t>(place)];
        const auto leaf =
            static_cast<size_t>(std::upper_bound(edges.begin(), edges.end(), v) - edges.begin());
        ++all[leaf];
        ++members[static_cast<size_t>(codes[static_cast<size_t>(place)])][leaf];
      }
      double sum = 0.0;
      int counted = 0;
      for (size_t c = 0; c < k; ++c) {
        const double auc = one_auc(score[c], members[c], all);
        if (std::isnan(auc)) continue;
        sum += auc;
        ++counted;
      }
      if (counted > 0) out[static_cast<size_t>(j) * folds.size() + f] = sum / counted;
    }
  });
  return out;
}

}  // namespace smctrain::audit
