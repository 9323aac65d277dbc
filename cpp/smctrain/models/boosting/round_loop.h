// The round loop that every boosting library runs under.
//
//   round   update, judge, tell the monitor (step word "Round"), ask the stop token.
//   best    the round with the best metric on the stop rows, better than the best before it by more than
//           min_delta; without stop rows or without early stopping the last round whose loss is finite.
//   end     n_estimators rounds, `early_stopping_rounds` rounds without a new best, an alarm of the monitor,
//           the stop token, or a library that finds no split any more.
//   slow    a round inside a library cannot be interrupted. So the whole loop runs on a thread of its own
//   (leavable.h)
//           that owns booster and matrices; after a slow round its trees are kept beside the booster, and a
//           stop during the next one hands out what was kept and leaves the thread to end by itself. Fast
//           rounds keep nothing and are waited for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "smctrain/base/leavable.h"
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
  // Trees of the rounds after `first` up to `last`; the rounds exist.
  virtual TreeArrays read(int64_t first, int64_t last) = 0;
  virtual bool has_validation() const = 0;
};

using Progress = std::function<void(int64_t, int64_t)>;

struct Rounds {
  std::vector<StepRecord> history;
  std::vector<double> val_metric;  // by which the best round was chosen
  Monitor monitor{MonitorSettings{}, "Round"};
  int64_t best_round = 0;
  bool complete = true;
};

// What a fit's thread and the one who waits for it share. The waiter reads it when the thread is done or
// left.
struct FitJob {
  BoostingTask task;  // its spans are the caller's: not to be read inside a foreign call
  RoundSettings settings;
  StopToken stop;
  Progress progress;
  std::shared_ptr<Leavable> worker = std::make_shared<Leavable>();
  Rounds rounds;
  TreeArrays kept;  // of the rounds finished so far, while rounds are slow
  int64_t kept_rounds = 0;
};

// Fills rounds and, at the end, `kept` with the trees of the best round.
void run_rounds(RoundEngine& engine, FitJob& job);

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
  std::vector<std::string> notes;
};

// Total gain of every feature.
std::vector<double> total_gain(const TreeArrays& trees);

using MakeEngine = std::function<std::unique_ptr<RoundEngine>(FitJob&)>;

// One fit: makes the engine and runs its rounds, both on a thread that can be left, and puts the result
// together. `make` owns what it needs. The settings and the task must have been checked.
BoostingFit run_fit(const char* library, const RoundSettings& settings, const BoostingTask& task,
                    const StopToken& stop, const Progress& progress, bool wide, MakeEngine make);

}  // namespace smctrain::models::boosting
