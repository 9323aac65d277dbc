// How the learning rate moves.
//
//   epochs gone   epochs finished plus the share of the running one, so that every step has its own rate
//   constant      base
//   plateau       halved after `plateau_epochs` epochs without a better validation loss; exhausted below the
//                 least rate
//   exponential   base * decay^(epochs finished)
//   cosine        from base to 0 along half a cosine over all epochs
//   one cycle     base / 25 up to base over the first 30 % of all epochs, down to base / 250,000 over the
//   rest,
//                 both along half a cosine (Smith and Topin, "Super-convergence", 2018, as torch does it)
//   warm-up       in front of each: linear from 0 over `warmup_epochs`
//   slowed        every rate times 1/4 for each recovery from a loss that was not finite
//
// O(1) a step.
#pragma once

#include <cstdint>

#include "smctrain/models/neural/settings.h"

namespace smctrain::models::neural {

class LearningRate {
 public:
  explicit LearningRate(const TrainingSettings& settings) : settings_(settings) {}

  double at(double epochs_gone) const;
  // After each judged epoch.
  void observe(bool better);
  void slow_down() { factor_ *= 0.25; }
  // A new attempt from other weights starts anew, at half the rate of the attempt before.
  void restart();
  bool exhausted() const;

 private:
  const TrainingSettings& settings_;
  double factor_ = 1.0;  // of restarts and recoveries
  double plateau_factor_ = 1.0;
  double restart_factor_ = 1.0;
  int64_t flat_ = 0;
};

}  // namespace smctrain::models::neural
