// What the circular-shift test keeps: the best of all models at every shift, and each model's own statistic.
//
// Models are folded in as they are measured, in any order and from any thread: a maximum does not depend on
// it. Memory is two series of n numbers, however many models there are.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "smctrain/stats/circular_shift.h"

namespace smctrain::stats {

// Raises InputError above 1,000 classes: each costs a spectrum of the whole length.
void check_class_count(int64_t classes);

// Raises TooFewRows below 8 x horizon rows.
void check_shift_rows(int64_t n, int64_t horizon);

class ShiftMaxima {
 public:
  ShiftMaxima(int64_t models, int64_t n);

  // Statistics of one model at the shifts 0..n-1.
  void fold(int64_t model, std::span<const double> statistics);

  // `tolerance`: relative above 1; 0 where equal statistics are equal numbers.
  // `judged`: only the best of the first so many models (0: of all) is put against the maxima.
  CircularShiftResult result(int64_t horizon, double tolerance, int64_t judged, const StopToken& stop) const;

 private:
  std::mutex mutex_;
  std::vector<double> best_;
  std::vector<double> own_;
};

}  // namespace smctrain::stats
