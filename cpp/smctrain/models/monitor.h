// Training monitor: five alarms, each recorded as one sentence with the epoch or round; some of them stop the
// fit.
//
//   severe overfitting   training accuracy > 0.95 while validation accuracy < 0.60        warns once
//   divergence           validation loss rose `divergence_patience` epochs in a row       stops
//   NaN loss             training or validation loss not finite                            stops
//   exploding gradient   gradient norm above `max_grad_norm` (before clipping)            warns once, counts
//   time limit           the fit's time limit ran out (the stop token enforces it)        stops
//
// Iterative trainers (boosting rounds, epochs) call observe() once per step and obey its answer.
// Levels: document 001, "Early Warning System"; validation.md section 13.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "smctrain/base/stop.h"

namespace smctrain::models {

struct MonitorSettings {
  double overfit_train_accuracy = 0.95;
  double overfit_val_accuracy = 0.60;
  int divergence_patience = 10;
  double max_grad_norm = 10.0;
};

// One epoch or boosting round. NaN where the quantity does not exist.
struct StepRecord {
  int64_t step = 0;  // 1-based
  double train_loss;
  double val_loss;
  double train_accuracy;
  double val_accuracy;
  double grad_norm;
  double learning_rate;
};

struct Alarm {
  std::string kind;  // "overfitting", "divergence", "nan_loss", "exploding_gradient", "timeout"
  int64_t step;
  std::string message;
};

class Monitor {
 public:
  explicit Monitor(const MonitorSettings& settings, std::string step_word = "Epoch")
      : settings_(settings), step_word_(std::move(step_word)) {}

  // Records alarms of this step. True when training must stop now.
  bool observe(const StepRecord& record);
  // Call when the stop token ended the fit, so that the time limit appears among the alarms.
  void record_stop(StopReason reason, int64_t step);

  // A sentence of the trainer's own, such as "nan_recovery" or "restart".
  void note(const char* kind, int64_t step, std::string message) { add(kind, step, std::move(message)); }
  // Another attempt: forgets the validation losses so far and why the last one stopped. Alarms stay.
  void start_anew() {
    stop_reason_.clear();
    has_previous_ = false;
    rising_ = 0;
  }

  const std::vector<Alarm>& alarms() const { return alarms_; }
  // Empty while nothing stopped the fit; else "divergence", "nan_loss", "timeout", "cancelled",
  // "interrupted".
  const std::string& stop_reason() const { return stop_reason_; }

 private:
  void add(const char* kind, int64_t step, std::string message);

  MonitorSettings settings_;
  std::string step_word_;
  std::vector<Alarm> alarms_;
  std::string stop_reason_;
  double previous_val_loss_ = 0.0;
  bool has_previous_ = false;
  int rising_ = 0;
  bool overfit_reported_ = false;
  bool gradient_reported_ = false;
};

}  // namespace smctrain::models
