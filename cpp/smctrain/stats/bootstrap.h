// Stationary bootstrap of a mean: resamples blocks of random length, so that dependence inside a block
// survives.
//
//   start    i_0 = floor(u n); after each row, with probability 1/L a new start floor(u' n), else (i + 1) mod
//   n L        mean block length; max(2h, 2) for labels of h rows
//
// Draw r uses the stream (seed, "stationary_bootstrap/r"), so results do not depend on the thread count.
// O(draws n). Source: Politis and Romano (1994).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/base/stop.h"

namespace smctrain::stats {

// Mean of each of `draws` resamples.
std::vector<double> bootstrap_means(std::span<const double> values, double mean_block, int64_t draws,
                                    uint64_t seed, int threads, const StopToken& stop);

}  // namespace smctrain::stats
