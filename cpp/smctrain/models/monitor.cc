#include "smctrain/models/monitor.h"

#include <cmath>
#include <cstdio>

namespace smctrain::models {

namespace {

std::string fixed(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f", value);
  return text;
}

}  // namespace

void Monitor::add(const char* kind, int64_t step, std::string message) {
  alarms_.push_back({kind, step, step_word_ + " " + std::to_string(step) + ": " + std::move(message)});
}

bool Monitor::observe(const StepRecord& r) {
  if (std::isinf(r.train_loss) || std::isinf(r.val_loss) || std::isnan(r.train_loss)) {
    add("nan_loss", r.step, "the loss is not finite - training stopped");
    stop_reason_ = "nan_loss";
    return true;
  }
  if (!overfit_reported_ && r.train_accuracy > settings_.overfit_train_accuracy &&
      r.val_accuracy < settings_.overfit_val_accuracy) {
    overfit_reported_ = true;
    add("overfitting", r.step,
        "severe overfitting (train=" + fixed(r.train_accuracy) + ", val=" + fixed(r.val_accuracy) + ")");
  }
  if (!gradient_reported_ && r.grad_norm > settings_.max_grad_norm) {
    gradient_reported_ = true;
    add("exploding_gradient", r.step, "exploding gradient (norm=" + fixed(r.grad_norm) + ")");
  }
  if (!std::isnan(r.val_loss)) {
    rising_ = has_previous_ && r.val_loss > previous_val_loss_ ? rising_ + 1 : 0;
    previous_val_loss_ = r.val_loss;
    has_previous_ = true;
    if (rising_ >= settings_.divergence_patience) {
      add("divergence", r.step,
          "validation loss rose " + std::to_string(rising_) + " times in a row - training stopped");
      stop_reason_ = "divergence";
      return true;
    }
  }
  return false;
}

void Monitor::record_stop(StopReason reason, int64_t step) {
  if (reason == StopReason::kNone) return;
  stop_reason_ = to_string(reason);
  if (reason == StopReason::kTimeout) add("timeout", step, "the time limit ran out - training stopped");
}

}  // namespace smctrain::models
