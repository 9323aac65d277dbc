// Stability selection: which columns are chosen again and again on halves of the past?
//
//   block     neighbouring rows that stay together, because their labels overlap and markets have moods
//   sample    a random half of the blocks; its complement is the next sample (Shah and Samworth, 2013); with
//             an odd number of blocks one random block sits out
//   choice    of a sample: the q columns with the best consensus of ranks (earlier column first in a tie)
//
// With frequencies of at least t, the expected number of noise columns kept is at most q^2 / ((2t - 1) p)
// where noise columns are exchangeable (Meinshausen and Buehlmann, 2010).
//
// Samples are independent and written to slots; a stop request keeps the finished pairs from the first on.
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/selection/importance.h"

namespace smctrain::selection {

struct StabilitySettings {
  int64_t block = 1;
  int64_t pairs = 25;
  int64_t n_select = 5;
  Methods methods;
  SmallForest forest;  // its seed is not used
  int n_bins = 16;
  uint64_t seed = 0;
  int threads = 1;
};

struct StabilityResult {
  int64_t samples = 0;            // finished
  std::vector<int64_t> chosen;    // of each column: samples that chose it
  std::vector<double> consensus;  // mean over samples, 0..1
  StopReason stop_reason = StopReason::kNone;
};

// Rows of the two complementary halves of pair number `pair`, ascending.
std::vector<std::vector<int64_t>> half_samples(int64_t rows, int64_t block, int64_t pair, uint64_t seed);

// Raises TooFewRows below 2 blocks.
StabilityResult stability_selection(MatrixView<const float> X, const Target& target,
                                    const StabilitySettings& settings, const StopToken& stop);

}  // namespace smctrain::selection
