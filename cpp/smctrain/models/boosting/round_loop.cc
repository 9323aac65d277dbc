#include "smctrain/models/boosting/round_loop.h"

#include <algorithm>
#include <cmath>

#include "smctrain/base/error.h"

namespace smctrain::models::boosting {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Rounds before the first leaf that is not finite.
int64_t finite_rounds(const TreeArrays& trees) {
  for (int64_t t = 0; t < trees.n_trees(); ++t) {
    const auto first = trees.value.begin() + trees.tree_offset[static_cast<size_t>(t)];
    const auto last = trees.value.begin() + trees.tree_offset[static_cast<size_t>(t) + 1];
    if (!std::all_of(first, last, [](double value) { return std::isfinite(value); }))
      return t / trees.width();
  }
  return trees.n_trees() / trees.width();
}

// No round finished: equal probabilities (or 0), said openly through `complete` and `stop_reason`.
TreeArrays empty_ensemble(const RoundSettings& settings, const BoostingTask& task, bool wide) {
  TreeArrays arrays;
  arrays.n_features = task.X.cols;
  arrays.n_classes = task.n_classes;
  arrays.wide = wide;
  arrays.base_margin.assign(static_cast<size_t>(width_of(settings, task)), 0.0);
  return arrays;
}

}  // namespace

Rounds run_rounds(RoundEngine& engine, const RoundSettings& settings, bool has_validation,
                  const StopToken& stop, const Progress& progress) {
  Rounds result;
  const bool early_stopping = has_validation && settings.early_stopping_rounds > 0;
  const double sign = is_higher_better(metric_of(settings.eval_metric)) ? -1.0 : 1.0;
  double best = kInfinity;  // of sign * metric: lower is better
  for (int64_t round = 1; round <= settings.n_estimators; ++round) {
    if (const StopReason reason = stop.reason(); reason != StopReason::kNone) {
      result.monitor.record_stop(reason, round - 1);
      result.complete = false;
      break;
    }
    if (!engine.update(round)) break;
    const RoundScores scores = engine.scores(round);
    const StepRecord record{round,
                            scores.train_loss,
                            has_validation ? scores.val_loss : kNaN,
                            scores.train_accuracy,
                            has_validation ? scores.val_accuracy : kNaN,
                            kNaN,
                            settings.learning_rate};
    result.history.push_back(record);
    result.val_metric.push_back(has_validation ? scores.val_metric : kNaN);
    // NaN means "no validation" to the monitor, so that a validation loss that is NaN is shown to it as
    // infinite.
    StepRecord shown = record;
    if (has_validation && std::isnan(record.val_loss)) shown.val_loss = kInfinity;
    const bool must_stop = result.monitor.observe(shown);
    const bool finite =
        std::isfinite(record.train_loss) && (!has_validation || std::isfinite(record.val_loss));
    if (early_stopping) {
      const double metric = sign * scores.val_metric;
      if (finite && (std::isinf(best) ? metric < best : best - metric > settings.min_delta)) {
        best = metric;
        result.best_round = round;
      }
    } else if (finite) {
      result.best_round = round;
    }
    if (progress) progress(round, settings.n_estimators);
    if (must_stop || (early_stopping && round - result.best_round >= settings.early_stopping_rounds)) break;
  }
  return result;
}

std::vector<double> total_gain(const TreeArrays& trees) {
  std::vector<double> gains(static_cast<size_t>(trees.n_features), 0.0);
  for (size_t i = 0; i < trees.gain.size(); ++i) {
    if (trees.feature[i] >= 0)
      gains[static_cast<size_t>(trees.feature[i])] += static_cast<double>(trees.gain[i]);
  }
  return gains;
}

BoostingFit finished_fit(const RoundSettings& settings, const BoostingTask& task, Rounds rounds,
                         const std::function<TreeArrays(int64_t rounds)>& read, bool wide) {
  TreeArrays arrays = empty_ensemble(settings, task, wide);
  if (rounds.best_round > 0) {
    arrays = read(rounds.best_round);
    // A leaf can overflow while the loss, which clips probabilities, still looks finite.
    if (const int64_t sound = finite_rounds(arrays); sound < rounds.best_round) {
      StepRecord overflow = rounds.history[static_cast<size_t>(sound)];
      overflow.train_loss = kInfinity;
      if (rounds.monitor.stop_reason() != "nan_loss") rounds.monitor.observe(overflow);
      rounds.best_round = sound;
      arrays = read(rounds.best_round);
    }
  }
  if (task.init != nullptr) arrays = joined(task.init->arrays(), arrays);
  std::vector<double> importances = total_gain(arrays);
  double sum = 0.0;
  for (const double gain : importances) sum += gain;
  for (double& gain : importances) gain = sum > 0.0 ? gain / sum : 0.0;
  TreeEnsemble trees(std::move(arrays), "NativeLibraryError");
  const int64_t n_rounds = trees.n_rounds();
  return {std::move(trees),          std::move(importances),
          std::move(rounds.history), std::move(rounds.val_metric),
          rounds.monitor.alarms(),   rounds.monitor.stop_reason(),
          rounds.complete,           n_rounds};
}

}  // namespace smctrain::models::boosting
