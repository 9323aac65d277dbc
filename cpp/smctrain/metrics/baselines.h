// What can be had without a model, on the same rows as the model's own numbers.
//
//   majority     always the most frequent class of the training part (the lowest code among equals)
//   prior        draws from the training shares: expected accuracy sum_c pi_train(c) pi_test(c); as constant
//                probabilities it has a log-loss and a Brier score
//   last label   for each row the label of the newest row whose outcome was known by then (its t1 <= t0 of
//   the row);
//                the majority class while there is none
//
// Cost O(n log n). Quantities that do not exist are NaN. Definitions: validation.md section 4.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace smctrain::metrics {

struct Baselines {
  double majority;
  int32_t majority_class;  // -1 without training rows
  double prior;
  double prior_log_loss;
  double prior_brier;
  double last_label;  // NaN when the intervals are not given
};

// `t0` belongs to y_true; `t1` and `all_y` to all rows in time order, code -1 where a row has no label. Both
// empty: no last label. Raises InputError on negative codes in y_true or y_train.
Baselines baselines(std::span<const int32_t> y_true, std::span<const int32_t> y_train,
                    std::span<const int64_t> t0, std::span<const int64_t> t1, std::span<const int32_t> all_y);

// The last-label answer of each row of `t0`; `fallback` while nothing is resolved.
std::vector<int32_t> last_resolved_labels(std::span<const int64_t> t0, std::span<const int64_t> t1,
                                          std::span<const int32_t> all_y, int32_t fallback);

}  // namespace smctrain::metrics
