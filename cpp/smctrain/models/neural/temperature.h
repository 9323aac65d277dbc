// Temperature scaling: one number that logits are divided by, so that probabilities match frequencies.
//
// The temperature minimises the weighted log loss of given logits; accuracy stays as it is. The loss is
// convex in 1 / T, so bisection of its slope finds the one minimum, within [1/20, 20]. O(rows * classes) a
// step. Source: Guo et al., "On calibration of modern neural networks", ICML 2017.
#pragma once

#include <cstdint>
#include <span>

namespace smctrain::models::neural {

// logits (rows, classes). 1 where nothing can be told (no rows, no weight, or logits that are all alike).
double best_temperature(std::span<const float> logits, std::span<const int32_t> labels,
                        std::span<const double> weights, int64_t classes);

}  // namespace smctrain::models::neural
