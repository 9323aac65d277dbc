#include "smctrain/models/forest/shap.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numbers>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"

namespace smctrain::models {

namespace {

constexpr int64_t kBlock = 64;  // rows that share the tables of a tree

// Points and weights of Gauss-Legendre quadrature on 0..1.
void quadrature(int n, double* points, double* weights) {
  for (int i = 0; i < n; ++i) {
    double x = std::cos(std::numbers::pi * (i + 0.75) / (n + 0.5));
    double slope = 1.0;
    for (int iteration = 0; iteration < 100; ++iteration) {
      double previous = 1.0;
      double value = x;
      for (int k = 2; k <= n; ++k) {
        const double next = ((2 * k - 1) * x * value - (k - 1) * previous) / k;
        previous = value;
        value = next;
      }
      slope = n * (x * value - previous) / (x * x - 1.0);
      const double change = value / slope;
      x -= change;
      if (std::abs(change) < 1e-16) break;
    }
    points[i] = (1.0 + x) / 2.0;
    weights[i] = 1.0 / ((1.0 - x * x) * slope * slope);
  }
}

// Everything about a tree's edges that no row changes, and room for what a row does.
class TreeTables {
 public:
  void prepare(const ForestState& state, size_t tree);
  // Adds the tree's contributions, unscaled, to phi ((n_features + 1) x n_classes).
  void explain(const float* x, double* phi);

 private:
  template <int Q>
  void explain_with(const float* x, double* phi);

  struct Edge {
    int32_t parent;
    int32_t above;  // -1: none
    int32_t column;
    double shrink;  // z / z of the edge above: the factor where the row left the path before
  };
  // Factors of an edge at the points, by whether the row takes it (it took the edge above): what it
  // multiplies into the path's product, and what it adds to its column.
  double* ratio(size_t node, int taken) {
    return tables_.data() + (node * 4 + static_cast<size_t>(taken)) * width_;
  }
  double* gain(size_t node, int taken) {
    return tables_.data() + (node * 4 + 2 + static_cast<size_t>(taken)) * width_;
  }

  const ForestState* state_ = nullptr;
  size_t begin_ = 0;
  size_t n_nodes_ = 0;
  size_t n_values_ = 1;  // classes explained: the last is what the others leave
  size_t n_classes_ = 1;
  size_t width_ = 2;  // points, padded to an even number
  std::vector<Edge> edges_;
  std::vector<uint8_t> taken_;
  std::vector<double> tables_, products_, sums_, leaf_values_, z_, base_;
};

void TreeTables::prepare(const ForestState& state, size_t tree) {
  state_ = &state;
  begin_ = static_cast<size_t>(state.node_start[tree]);
  n_nodes_ = static_cast<size_t>(state.node_start[tree + 1]) - begin_;
  n_classes_ = static_cast<size_t>(state.n_classes);
  n_values_ = n_classes_ > 1 ? n_classes_ - 1 : 1;
  edges_.assign(n_nodes_, {-1, -1, -1, 1.0});
  z_.assign(n_nodes_, 1.0);
  std::vector<int> path_columns(n_nodes_, 0);
  int most = 1;
  for (size_t k = 0; k < n_nodes_; ++k) {
    const int32_t column = state.feature[begin_ + k];
    if (column < 0) continue;
    int32_t above = static_cast<int32_t>(k);
    while (above > 0 && edges_[static_cast<size_t>(above)].column != column)
      above = edges_[static_cast<size_t>(above)].parent;
    if (above == 0) above = -1;
    for (int side = 0; side < 2; ++side) {
      const auto child = static_cast<size_t>(state.left[begin_ + k] + side);
      const double share = state.cover[begin_ + child] / state.cover[begin_ + k];
      edges_[child] = {static_cast<int32_t>(k), above, column, share};
      z_[child] = share * (above >= 0 ? z_[static_cast<size_t>(above)] : 1.0);
      path_columns[child] = path_columns[k] + (above < 0 ? 1 : 0);
      most = std::max(most, path_columns[child]);
    }
  }
  const auto points = static_cast<size_t>((most + 1) / 2);
  width_ = points + points % 2;
  std::vector<double> t(width_, 0.5);
  std::vector<double> weight(width_, 0.0);
  quadrature(static_cast<int>(points), t.data(), weight.data());
  tables_.resize(n_nodes_ * 4 * width_);
  for (size_t k = 1; k < n_nodes_; ++k) {
    const Edge& edge = edges_[k];
    const double z = z_[k];
    const double z_above = edge.above >= 0 ? z_[static_cast<size_t>(edge.above)] : 1.0;
    for (size_t q = 0; q < width_; ++q) {
      const double f_above = t[q] + (1.0 - t[q]) * z_above;  // 1 where there is none
      const double f_taken = t[q] + (1.0 - t[q]) * z;
      const double gain_above = (1.0 - z_above) / f_above;  // 0 where there is none
      ratio(k, 1)[q] = f_taken / f_above;
      ratio(k, 0)[q] = (1.0 - t[q]) * z / f_above;
      gain(k, 1)[q] = (1.0 - z) / f_taken - gain_above;
      gain(k, 0)[q] = -1.0 / (1.0 - t[q]) - gain_above;
    }
  }
  products_.resize(n_nodes_ * width_);
  std::copy(weight.begin(), weight.end(), products_.begin());
  sums_.resize(n_nodes_ * n_values_ * width_);
  taken_.assign(n_nodes_, 1);
  base_.assign(n_classes_, 0.0);
  leaf_values_.resize(n_nodes_ * n_values_);
  for (size_t k = 0; k < n_nodes_; ++k) {
    if (state.feature[begin_ + k] >= 0) continue;
    const double* value = state.leaf_share.data() +
                          static_cast<size_t>(state.leaf_start[tree] + state.left[begin_ + k]) * n_classes_;
    std::copy_n(value, n_values_, leaf_values_.begin() + static_cast<int64_t>(k * n_values_));
    const double share = state.cover[begin_ + k] / state.cover[begin_];
    for (size_t c = 0; c < n_classes_; ++c) base_[c] += share * value[c];
  }
}

// Q: padded number of points, 0 = ask at run time.
template <int Q>
void TreeTables::explain_with(const float* x, double* phi) {
  const size_t w = Q > 0 ? static_cast<size_t>(Q) : width_;
  const ForestState& state = *state_;
  for (size_t k = 0; k < n_nodes_; ++k) {
    const int32_t column = state.feature[begin_ + k];
    const double* path = products_.data() + k * w;
    if (column < 0) {
      const double* value = leaf_values_.data() + k * n_values_;
      double* sum = sums_.data() + k * n_values_ * w;
      for (size_t c = 0; c < n_values_; ++c) {
        for (size_t q = 0; q < w; ++q) sum[c * w + q] = value[c] * path[q];
      }
      continue;
    }
    const float at = x[column];
    const bool left =
        std::isnan(at) ? state.missing_left[begin_ + k] != 0 : at <= state.threshold[begin_ + k];
    for (int side = 0; side < 2; ++side) {
      const auto child = static_cast<size_t>(state.left[begin_ + k] + side);
      const Edge& edge = edges_[child];
      double* product = products_.data() + child * w;
      if (edge.above >= 0 && taken_[static_cast<size_t>(edge.above)] == 0) {
        taken_[child] = 0;
        for (size_t q = 0; q < w; ++q) product[q] = path[q] * edge.shrink;
        continue;
      }
      const int taken = left == (side == 0) ? 1 : 0;
      taken_[child] = static_cast<uint8_t>(taken);
      const double* factor = ratio(child, taken);
      for (size_t q = 0; q < w; ++q) product[q] = path[q] * factor[q];
    }
  }
  for (size_t k = n_nodes_; k-- > 0;) {
    double* sum = sums_.data() + k * n_values_ * w;
    if (state.feature[begin_ + k] >= 0) {
      const double* left = sums_.data() + static_cast<size_t>(state.left[begin_ + k]) * n_values_ * w;
      const double* right = left + n_values_ * w;
      for (size_t i = 0; i < n_values_ * w; ++i) sum[i] = left[i] + right[i];
    }
    if (k == 0) break;
    const Edge& edge = edges_[k];
    // Where the row left the path at the edge above, both gains are -1 / (1 - t): nothing is left to add.
    if (edge.above >= 0 && taken_[static_cast<size_t>(edge.above)] == 0) continue;
    const double* weight = gain(k, taken_[k]);
    double* target = phi + static_cast<size_t>(edge.column) * n_classes_;
    for (size_t c = 0; c < n_values_; ++c) {
      double even = 0.0;
      double odd = 0.0;
      for (size_t q = 0; q < w; q += 2) {
        even += sum[c * w + q] * weight[q];
        odd += sum[c * w + q + 1] * weight[q + 1];
      }
      target[c] += even + odd;
    }
  }
}

void TreeTables::explain(const float* x, double* phi) {
  switch (width_) {
    case 2:
      explain_with<2>(x, phi);
      break;
    case 4:
      explain_with<4>(x, phi);
      break;
    case 6:
      explain_with<6>(x, phi);
      break;
    case 8:
      explain_with<8>(x, phi);
      break;
    default:
      explain_with<0>(x, phi);
      break;
  }
  double* base = phi + static_cast<size_t>(state_->n_features) * n_classes_;
  for (size_t c = 0; c < n_classes_; ++c) base[c] += base_[c];
}

}  // namespace

bool shap_values(const Forest& forest, MatrixView<const float> X, int threads, const StopToken& stop,
                 double* out) {
  const ForestState& state = forest.state();
  if (state.cover.empty()) {
    raise("InputError", "this forest was stored without node masses, which SHAP values need: fit it again.");
  }
  if (X.cols != state.n_features) {
    raise("InputError", "X must have ", state.n_features, " columns, as in training, but has ", X.cols, ".");
  }
  const int64_t k = state.n_classes;
  const int64_t width = (state.n_features + 1) * k;
  std::fill_n(out, X.rows * width, 0.0);
  std::atomic<bool> stopped{false};
  parallel_for((X.rows + kBlock - 1) / kBlock, threads, [&](int64_t block) {
    TreeTables tables;
    const int64_t begin = block * kBlock;
    const int64_t end = std::min(X.rows, begin + kBlock);
    for (int64_t tree = 0; tree < forest.n_trees(); ++tree) {
      if (stop.stop_requested()) {
        stopped.store(true, std::memory_order_relaxed);
        return;
      }
      tables.prepare(state, static_cast<size_t>(tree));
      for (int64_t i = begin; i < end; ++i) tables.explain(X.data + i * X.row_stride, out + i * width);
    }
    const auto trees = static_cast<double>(forest.n_trees());
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < state.n_features; ++j) {
        double* phi = out + i * width + j * k;
        double rest = 0.0;
        for (int64_t c = 0; c + 1 < k; ++c) rest -= phi[c];
        if (k > 1) phi[k - 1] = rest;  // class shares sum to 1, so contributions sum to 0
      }
      for (int64_t c = 0; c < width; ++c) out[i * width + c] /= trees;
    }
  });
  return !stopped.load();
}

}  // namespace smctrain::models
