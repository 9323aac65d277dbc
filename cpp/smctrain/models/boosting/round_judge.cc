#include "smctrain/models/boosting/round_judge.h"

#include <cmath>
#include <limits>

namespace smctrain::models::boosting {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

bool RoundJudge::stopped() {
  const StopReason reason = stop_.reason();
  if (reason == StopReason::kNone) return false;
  monitor_.record_stop(reason, static_cast<int64_t>(history_.size()));
  complete_ = false;
  return true;
}

bool RoundJudge::begin() { return !stopped(); }

bool RoundJudge::observe(const RoundScores& scores) {
  const bool validates = settings_.has_validation;
  const auto round = static_cast<int64_t>(history_.size()) + 1;
  const StepRecord record{round,
                          scores.train_loss,
                          validates ? scores.val_loss : kNaN,
                          scores.train_accuracy,
                          validates ? scores.val_accuracy : kNaN,
                          kNaN,
                          settings_.learning_rate};
  history_.push_back(record);
  val_metric_.push_back(validates ? scores.val_metric : kNaN);
  // NaN means "no validation" to the monitor: a validation loss that is NaN is shown to it as infinite.
  StepRecord shown = record;
  if (validates && std::isnan(record.val_loss)) shown.val_loss = kInfinity;
  const bool must_stop = monitor_.observe(shown);
  const bool finite = std::isfinite(record.train_loss) && (!validates || std::isfinite(record.val_loss));
  const bool early = validates && settings_.early_stopping_rounds > 0;
  if (early) {
    const double metric = settings_.higher_is_better ? -scores.val_metric : scores.val_metric;
    if (finite && (std::isinf(best_) ? metric < best_ : best_ - metric > settings_.min_delta)) {
      best_ = metric;
      best_round_ = round;
    }
  } else if (finite) {
    best_round_ = round;
  }
  if (must_stop || (early && round - best_round_ >= settings_.early_stopping_rounds)) return true;
  return stopped();
}

}  // namespace smctrain::models::boosting
