// The round loop that every boosting library runs under.
//
//   round   update, judge, tell the monitor (step word "Round"), ask the stop token. A round inside a library
//           cannot be interrupted; at these sizes it takes milliseconds.
//   best    the round with the best metric on the stop rows, better than the best before it by more than
//   min_delta;
//           without stop rows or without early stopping the last round whose loss is finite.
//   end     n_estimators rounds, `early_stopping_rounds` rounds without a new best, an alarm of the monitor,
//   the stop
//           token, or a library that finds no split any more.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/models/boosting/boosting_task.h"
#include "smctrain/models/monitor.h"

namespace smctrain::models::boosting {

struct RoundScores {
  double train_loss = 0.0;
  double val_loss = 0.0;
  double train_accuracy = 0.0;
  double val_accuracy = 0.0;
  double val_metric = 0.0;
};

// One booster at work. Values without stop rows, and accuracies of a regression, are NaN.
class RoundEngine {
 public:
  RoundEngine() = default;
  RoundEngine(const RoundEngine&) = delete;
  RoundEngine& operator=(const RoundEngine&) = delete;
  virtual ~RoundEngine() = default;
  // False when nothing could be split, so that there is no such round.
  virtual bool update(int64_t round) = 0;
  virtual RoundScores scores(int64_t round) = 0;
};

using Progress = std::function<void(int64_t, int64_t)>;

struct Rounds {
  std::vector<StepRecord> history;
  std::vector<double> val_metric;  // by which the best round was chosen
  Monitor monitor{MonitorSettings{}, "Round"};
  int64_t best_round = 0;
  bool complete = true;
};

Rounds run_rounds(RoundEngine& engine, const RoundSettings& settings, bool has_validation,
                  const StopToken& stop, const Progress& progress);

struct BoostingFit {
  TreeEnsemble trees;
  std::vector<double>
      importances;  // share in the total gain of the kept rounds (all 0 when nothing was split)
  std::vector<StepRecord> history;
  std::vector<double> val_metric;
  std::vector<Alarm> alarms;
  std::string stop_reason;
  bool complete = true;
  int64_t best_round = 0;  // rounds of the model, those it continued included
};

// Total gain of every feature.
std::vector<double> total_gain(const TreeArrays& trees);

// `read(rounds)` makes the arrays of the first rounds. Puts them after the model that was continued, if any.
BoostingFit finished_fit(const RoundSettings& settings, const BoostingTask& task, Rounds rounds,
                         const std::function<TreeArrays(int64_t rounds)>& read, bool wide);

}  // namespace smctrain::models::boosting
