#include "smctrain/models/neural/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace smctrain::models::neural {

namespace {

constexpr double kOneCycleStart = 1.0 / 25.0;
constexpr double kOneCycleEnd = kOneCycleStart / 1e4;
constexpr double kOneCycleRise = 0.3;

double along_cosine(double from, double to, double share) {
  return to + (from - to) * 0.5 * (1.0 + std::cos(std::numbers::pi * std::clamp(share, 0.0, 1.0)));
}

}  // namespace

double LearningRate::at(double epochs_gone) const {
  const double share = epochs_gone / static_cast<double>(settings_.max_epochs);
  double shape = 1.0;
  switch (settings_.schedule) {
    case ScheduleKind::kConstant:
      break;
    case ScheduleKind::kPlateau:
      shape = plateau_factor_;
      break;
    case ScheduleKind::kExponential:
      shape = std::pow(settings_.decay, std::floor(epochs_gone));
      break;
    case ScheduleKind::kCosine:
      shape = along_cosine(1.0, 0.0, share);
      break;
    case ScheduleKind::kOneCycle:
      shape = share < kOneCycleRise
                  ? along_cosine(kOneCycleStart, 1.0, share / kOneCycleRise)
                  : along_cosine(1.0, kOneCycleEnd, (share - kOneCycleRise) / (1.0 - kOneCycleRise));
      break;
  }
  if (epochs_gone < settings_.warmup_epochs) shape *= epochs_gone / settings_.warmup_epochs;
  return settings_.learning_rate * factor_ * shape;
}

void LearningRate::observe(bool better) {
  flat_ = better ? 0 : flat_ + 1;
  if (settings_.schedule == ScheduleKind::kPlateau && flat_ >= settings_.plateau_epochs) {
    plateau_factor_ *= 0.5;
    flat_ = 0;
  }
}

void LearningRate::restart() {
  restart_factor_ *= 0.5;
  factor_ = restart_factor_;
  plateau_factor_ = 1.0;
  flat_ = 0;
}

bool LearningRate::exhausted() const {
  return settings_.schedule == ScheduleKind::kPlateau &&
         settings_.learning_rate * factor_ * plateau_factor_ < settings_.min_learning_rate;
}

}  // namespace smctrain::models::neural
