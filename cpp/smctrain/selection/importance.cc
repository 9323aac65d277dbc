#include "smctrain/selection/importance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/models/forest/forest.h"

namespace smctrain::selection {

RowTarget rows_of(const Target& target, std::span<const int64_t> rows) {
  RowTarget taken;
  for (const int64_t row : rows) {
    const auto i = static_cast<size_t>(row);
    if (target.classes()) taken.codes.push_back(target.codes[i]);
    if (!target.classes()) taken.numbers.push_back(target.numbers[i]);
    if (!target.weights.empty()) taken.weights.push_back(target.weights[i]);
  }
  return taken;
}

bool forest_importance(const models::BinnedMatrix& binned, std::span<const int64_t> rows,
                       const Target& target, const SmallForest& settings, const StopToken& stop,
                       std::vector<double>& importance) {
  importance.assign(static_cast<size_t>(binned.cols), 0.0);
  if (rows.empty() || binned.cols == 0) return true;
  const bool varied = std::any_of(rows.begin(), rows.end(), [&](int64_t row) {
    const auto i = static_cast<size_t>(row);
    const auto first = static_cast<size_t>(rows.front());
    return target.classes() ? target.codes[i] != target.codes[first]
                            : target.numbers[i] != target.numbers[first];
  });
  if (!varied) return true;
  models::ForestSettings forest;
  forest.n_trees = settings.n_trees;
  forest.grow.max_depth = settings.max_depth;
  forest.grow.max_features =
      std::max<int64_t>(1, static_cast<int64_t>(std::sqrt(static_cast<double>(binned.cols))));
  forest.n_draw = static_cast<int64_t>(rows.size());
  forest.oob_score = false;
  forest.seed = settings.seed;
  forest.threads = 1;
  try {
    models::ForestFit fit =
        target.classes()
            ? models::fit_forest(binned, rows, target.codes, target.weights, target.n_classes, forest, stop)
            : models::fit_regression_forest(binned, rows, target.numbers, target.weights, forest, stop);
    if (fit.stop_reason != StopReason::kNone) return false;
    importance = std::move(fit.state.importances);
  } catch (const Error& error) {
    if (error.type() == "TrainingFailed" && stop.stop_requested()) return false;
    throw;
  }
  return true;
}

Prepared prepare(MatrixView<const float> X, const Target& target, int n_bins, int threads,
                 const StopToken& stop) {
  std::vector<int64_t> all(static_cast<size_t>(X.rows));
  std::iota(all.begin(), all.end(), 0);
  Prepared prepared;
  prepared.fine = models::bin_matrix(X, all, models::kMaxByteBins, threads, stop);
  prepared.coarse = models::bin_matrix(X, all, n_bins, threads, stop);
  if (target.classes()) {
    prepared.codes.assign(target.codes.begin(), target.codes.end());
    prepared.n_codes = target.n_classes;
  } else {
    prepared.codes = quantile_codes(target.numbers, n_bins);
    prepared.n_codes = n_bins;
  }
  return prepared;
}

std::vector<std::vector<double>> column_scores(MatrixView<const float> X, const Prepared& prepared,
                                               std::span<const int64_t> rows, const Target& target,
                                               const Methods& methods, const SmallForest& forest, int threads,
                                               const StopToken& stop) {
  std::vector<std::vector<double>> scores;
  if (methods.forest) {
    std::vector<double> importance;
    if (!forest_importance(prepared.fine, rows, target, forest, stop, importance)) return {};
    scores.push_back(std::move(importance));
  }
  if (methods.information) {
    scores.push_back(
        binned_information(prepared.coarse, rows, prepared.codes, prepared.n_codes, target.weights, threads));
  }
  if (methods.f) {
    const RowTarget taken = rows_of(target, rows);
    std::vector<float> values;
    values.reserve(rows.size() * static_cast<size_t>(X.cols));
    for (const int64_t row : rows) {
      const auto line = X.row(row);
      values.insert(values.end(), line.begin(), line.end());
    }
    const MatrixView<const float> part{values.data(), static_cast<int64_t>(rows.size()), X.cols, X.cols};
    scores.push_back(f_scores(part, taken.view(target.n_classes), threads, stop).f);
  }
  if (stop.stop_requested()) return {};
  return scores;
}

}  // namespace smctrain::selection
