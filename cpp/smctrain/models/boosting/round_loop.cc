#include "smctrain/models/boosting/round_loop.h"

#include <algorithm>
#include <chrono>
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

void keep_rounds(RoundEngine& engine, FitJob& job, int64_t last) {
  TreeArrays more = engine.read(job.kept_rounds, last);
  if (job.kept_rounds == 0) {
    job.kept = std::move(more);
  } else {
    append_trees(job.kept, more);
  }
  job.kept_rounds = last;
}

BoostingFit finished_fit(const RoundSettings& settings, const BoostingTask& task, Rounds rounds,
                         TreeArrays kept, bool wide) {
  TreeArrays arrays = empty_ensemble(settings, task, wide);
  if (rounds.best_round > 0) {
    arrays = first_rounds(std::move(kept), rounds.best_round);
    // A leaf can overflow while the loss, which clips probabilities, still looks finite.
    if (const int64_t sound = finite_rounds(arrays); sound < rounds.best_round) {
      StepRecord overflow = rounds.history[static_cast<size_t>(sound)];
      overflow.train_loss = kInfinity;
      if (rounds.monitor.stop_reason() != "nan_loss") rounds.monitor.observe(overflow);
      rounds.best_round = sound;
      arrays = first_rounds(std::move(arrays), sound);
    }
  }
  if (task.init != nullptr) arrays = joined(task.init->arrays(), arrays);
  std::vector<double> importances = total_gain(arrays);
  double sum = 0.0;
  for (const double gain : importances) sum += gain;
  for (double& gain : importances) gain = sum > 0.0 ? gain / sum : 0.0;
  TreeEnsemble trees(std::move(arrays), "NativeLibraryError");
  const int64_t n_rounds = trees.n_rounds();
  return {std::move(trees),
          std::move(importances),
          std::move(rounds.history),
          std::move(rounds.val_metric),
          rounds.monitor.alarms(),
          rounds.monitor.stop_reason(),
          rounds.complete,
          n_rounds,
          {}};
}

}  // namespace

void run_rounds(RoundEngine& engine, FitJob& job) {
  using Clock = std::chrono::steady_clock;
  Rounds& result = job.rounds;
  const RoundSettings& settings = job.settings;
  const bool has_validation = engine.has_validation();
  const bool early_stopping = has_validation && settings.early_stopping_rounds > 0;
  const double sign = is_higher_better(metric_of(settings.eval_metric)) ? -1.0 : 1.0;
  double best = kInfinity;  // of sign * metric: lower is better
  for (int64_t round = 1; round <= settings.n_estimators; ++round) {
    if (const StopReason reason = job.stop.reason(); reason != StopReason::kNone) {
      result.monitor.record_stop(reason, round - 1);
      result.complete = false;
      break;
    }
    const Clock::time_point start = Clock::now();
    if (!engine.update(round)) break;
    const RoundScores scores = engine.scores(round);
    const std::chrono::duration<double> taken = Clock::now() - start;
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
    if (job.progress) job.progress(round, settings.n_estimators);
    if (must_stop || (early_stopping && round - result.best_round >= settings.early_stopping_rounds)) break;
    // Without a limit of its own the library's next round takes as long as this one did.
    if (taken.count() >= job.task.slow_round_s && round < settings.n_estimators)
      keep_rounds(engine, job, round);
  }
  if (job.kept_rounds < result.best_round) keep_rounds(engine, job, result.best_round);
}

std::vector<double> total_gain(const TreeArrays& trees) {
  std::vector<double> gains(static_cast<size_t>(trees.n_features), 0.0);
  for (size_t i = 0; i < trees.gain.size(); ++i) {
    if (trees.feature[i] >= 0)
      gains[static_cast<size_t>(trees.feature[i])] += static_cast<double>(trees.gain[i]);
  }
  return gains;
}

BoostingFit run_fit(const char* library, const RoundSettings& settings, const BoostingTask& task,
                    const StopToken& stop, const Progress& progress, bool wide, MakeEngine make) {
  auto job = std::make_shared<FitJob>();
  job->task = task;
  job->settings = settings;
  job->stop = stop;
  job->progress = progress;
  const auto work = [job, make = std::move(make)] {
    try {
      const std::unique_ptr<RoundEngine> engine = make(*job);
      run_rounds(*engine, *job);
    } catch (const Stopped& stopped) {  // before the first round
      job->rounds.monitor.record_stop(stopped.reason, 0);
      job->rounds.complete = false;
    }
  };
  const auto has_kept_all = [&] {
    return job->kept_rounds == static_cast<int64_t>(job->rounds.history.size());
  };
  if (run_leavable(stop, job->worker, work, has_kept_all)) {
    return finished_fit(settings, task, std::move(job->rounds), std::move(job->kept), wide);
  }
  // The thread that was left holds the job, but reads and writes none of this any more.
  Rounds rounds = std::move(job->rounds);
  const auto finished = static_cast<int64_t>(rounds.history.size());
  rounds.monitor.record_stop(stop.reason(), finished);
  rounds.complete = false;
  BoostingFit fit = finished_fit(settings, task, std::move(rounds), std::move(job->kept), wide);
  fit.notes.push_back(format("The fit was ended while ", library, " was at work after round ", finished,
                             "; that work cannot be interrupted, ends in the background, and its result is "
                             "dropped."));
  return fit;
}

}  // namespace smctrain::models::boosting
