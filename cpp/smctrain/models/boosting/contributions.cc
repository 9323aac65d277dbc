#include "smctrain/models/boosting/contributions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/base/error.h"

namespace smctrain::models::boosting {

namespace {

constexpr float kZero = 1e-35F;

struct PathElement {
  int32_t feature;
  double zero;  // share of rows that pass when the feature is unknown
  double one;   // 1 when this row passes
  double weight;
};

// Weights of subsets of every size, with one more feature on the path.
void extend(PathElement* path, int depth, double zero, double one, int32_t feature) {
  path[depth] = {feature, zero, one, depth == 0 ? 1.0 : 0.0};
  const double size = depth + 1;
  for (int i = depth - 1; i >= 0; --i) {
    path[i + 1].weight += one * path[i].weight * (i + 1) / size;
    path[i].weight = zero * path[i].weight * (depth - i) / size;
  }
}

// Takes entry `at` off the path again.
void unwind(PathElement* path, int depth, int at) {
  const double one = path[at].one;
  const double zero = path[at].zero;
  double next = path[depth].weight;
  for (int i = depth - 1; i >= 0; --i) {
    if (one != 0.0) {
      const double kept = path[i].weight;
      path[i].weight = next * (depth + 1) / ((i + 1) * one);
      next = kept - path[i].weight * zero * (depth - i) / (depth + 1);
    } else {
      path[i].weight = path[i].weight * (depth + 1) / (zero * (depth - i));
    }
  }
  for (int i = at; i < depth; ++i) {
    path[i].feature = path[i + 1].feature;
    path[i].zero = path[i + 1].zero;
    path[i].one = path[i + 1].one;
  }
}

// Sum of the weights that would remain without entry `at`.
double unwound_sum(const PathElement* path, int depth, int at) {
  const double one = path[at].one;
  const double zero = path[at].zero;
  double next = path[depth].weight;
  double total = 0.0;
  for (int i = depth - 1; i >= 0; --i) {
    if (one != 0.0) {
      const double part = next * (depth + 1) / ((i + 1) * one);
      total += part;
      next = path[i].weight - part * zero * (depth - i) / (depth + 1);
    } else if (zero != 0.0) {
      total += path[i].weight / (zero * (depth - i) / (depth + 1));
    }
  }
  return total;
}

class Explainer {
 public:
  Explainer(const TreeArrays& trees, const std::vector<double>& left_share)
      : trees_(trees), left_share_(left_share) {
    path_.resize(static_cast<size_t>(kMostLevels * (kMostLevels + 1) / 2 + kMostLevels + 2));
  }

  // Adds the contributions of tree t to out[feature * width].
  void explain(size_t t, const float* row, double* out, int64_t width) {
    first_ = static_cast<size_t>(trees_.tree_offset[t]);
    row_ = row;
    out_ = out;
    width_ = width;
    visit(0, 0, path_.data(), 1.0, 1.0, -1);
  }

 private:
  static constexpr int kMostLevels = 68;

  void visit(int32_t node, int depth, PathElement* parent, double zero, double one, int32_t feature) {
    PathElement* const path = parent + depth;  // each level works on a copy of its own
    if (depth > 0) std::copy(parent, parent + depth, path);
    extend(path, depth, zero, one, feature);
    const size_t at = first_ + static_cast<size_t>(node);
    const int32_t left = trees_.left[at];
    if (left < 0) {
      for (int i = 1; i <= depth; ++i) {
        out_[path[i].feature * width_] +=
            unwound_sum(path, depth, i) * (path[i].one - path[i].zero) * trees_.value[at];
      }
      return;
    }
    const int32_t split = trees_.feature[at];
    const float x = row_[split];
    const bool goes_left = std::isnan(x) ? trees_.default_left[at] == 1 : x < trees_.threshold[at];
    double old_zero = 1.0;
    double old_one = 1.0;
    int at_path = 0;
    while (at_path <= depth && path[at_path].feature != split) ++at_path;
    if (at_path <= depth) {
      old_zero = path[at_path].zero;
      old_one = path[at_path].one;
      unwind(path, depth, at_path);
      --depth;
    }
    const double share = left_share_[at];
    // A branch that no row can take in either way adds nothing, and its zero weights could not be unwound.
    const auto branch = [&](int32_t child, double child_share, bool taken) {
      const double child_zero = old_zero * child_share;
      const double child_one = taken ? old_one : 0.0;
      if (child_zero == 0.0 && child_one == 0.0) return;
      visit(child, depth + 1, path, child_zero, child_one, split);
    };
    branch(left, share, goes_left);
    branch(left + 1, 1.0 - share, !goes_left);
  }

  const TreeArrays& trees_;
  const std::vector<double>& left_share_;
  std::vector<PathElement> path_;
  size_t first_ = 0;
  const float* row_ = nullptr;
  double* out_ = nullptr;
  int64_t width_ = 1;
};

}  // namespace

std::vector<double> contributions(const TreeEnsemble& ensemble, MatrixView<const float> X,
                                  std::span<const int64_t> rows, const StopToken& stop) {
  const TreeArrays& trees = ensemble.arrays();
  check_rows(X, rows, trees.n_features, "rows");
  if (trees.cover.empty() && !trees.feature.empty()) {
    raise("InputError",
          "this model was stored without the cover of its nodes, which contributions need: fit it again.");
  }
  const size_t nodes = trees.feature.size();
  std::vector<double> left_share(nodes, 0.5);
  std::vector<double> mean(nodes, 0.0);  // expected value below the node
  const int64_t width = trees.width();
  std::vector<double> base(trees.base_margin);
  for (size_t t = 0; t < trees.tree_class.size(); ++t) {
    const auto first = static_cast<size_t>(trees.tree_offset[t]);
    for (size_t i = static_cast<size_t>(trees.tree_offset[t + 1]); i-- > first;) {
      if (trees.left[i] < 0) {
        mean[i] = trees.value[i];
        continue;
      }
      const size_t left = first + static_cast<size_t>(trees.left[i]);
      const double both = static_cast<double>(trees.cover[left]) + static_cast<double>(trees.cover[left + 1]);
      if (both > 0.0) left_share[i] = static_cast<double>(trees.cover[left]) / both;
      mean[i] = left_share[i] * mean[left] + (1.0 - left_share[i]) * mean[left + 1];
    }
    base[static_cast<size_t>(trees.tree_class[t])] += mean[first];
  }

  const auto d = static_cast<size_t>(trees.n_features);
  const auto w = static_cast<size_t>(width);
  std::vector<double> result(rows.size() * (d + 1) * w, 0.0);
  Explainer explainer(trees, left_share);
  std::vector<float> row(d);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j < d; ++j) {
      const float x = X(rows[i], static_cast<int64_t>(j));
      row[j] = trees.zero_is_missing && std::abs(x) <= kZero ? std::numeric_limits<float>::quiet_NaN() : x;
    }
    double* const out = result.data() + i * (d + 1) * w;
    for (size_t t = 0; t < trees.tree_class.size(); ++t) {
      if (t % 64 == 0 && stop.stop_requested()) {
        raise("InputError", "the contributions were stopped after ", i, " of ", rows.size(), " rows.");
      }
      explainer.explain(t, row.data(), out + trees.tree_class[t], width);
    }
    std::copy(base.begin(), base.end(), out + d * w);
  }
  return result;
}

SplitTotals split_totals(const TreeArrays& trees) {
  const auto d = static_cast<size_t>(trees.n_features);
  SplitTotals totals{std::vector<double>(d, 0.0), std::vector<double>(d, 0.0), std::vector<double>(d, 0.0)};
  if (trees.cover.empty() && !trees.feature.empty()) {
    raise("InputError", "this model was stored without gain and cover of its nodes: fit it again.");
  }
  for (size_t i = 0; i < trees.feature.size(); ++i) {
    if (trees.feature[i] < 0) continue;
    const auto j = static_cast<size_t>(trees.feature[i]);
    totals.weight[j] += 1.0;
    totals.gain[j] += static_cast<double>(trees.gain[i]);
    totals.cover[j] += static_cast<double>(trees.cover[i]);
  }
  return totals;
}

}  // namespace smctrain::models::boosting
