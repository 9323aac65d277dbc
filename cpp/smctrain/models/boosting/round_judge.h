// The rules of the round loop for a package that runs its own rounds and asks after each of them.
//
//   begin     before the first round: false when the stop token has fired already.
//   observe   after each round: takes its scores, tells the monitor (step word "Round"), keeps the best
//   round,
//             asks the stop token; true when the fit must end now.
// Best round, patience, min_delta, alarms and stop reasons are those of round_loop.h.
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/models/boosting/round_loop.h"
#include "smctrain/models/monitor.h"

namespace smctrain::models::boosting {

struct JudgeSettings {
  int64_t early_stopping_rounds = 20;  // 0: off
  double min_delta = 0.0;
  bool higher_is_better = false;
  bool has_validation = false;
  double learning_rate = 0.1;
};

class RoundJudge {
 public:
  RoundJudge(const JudgeSettings& settings, const StopToken& stop) : settings_(settings), stop_(stop) {}

  bool begin();
  bool observe(const RoundScores& scores);

  const std::vector<StepRecord>& history() const { return history_; }
  const std::vector<double>& val_metric() const { return val_metric_; }
  const Monitor& monitor() const { return monitor_; }
  int64_t best_round() const { return best_round_; }
  bool complete() const { return complete_; }

 private:
  bool stopped();

  JudgeSettings settings_;
  StopToken stop_;
  Monitor monitor_{MonitorSettings{}, "Round"};
  std::vector<StepRecord> history_;
  std::vector<double> val_metric_;
  double best_ = std::numeric_limits<double>::infinity();
  int64_t best_round_ = 0;
  bool complete_ = true;
};

}  // namespace smctrain::models::boosting
