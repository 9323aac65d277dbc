// One LightGBM fit: leaf-wise histogram trees under our own round loop (round_loop.h).
//
// Losses and metrics are made from the booster's own scores of both sets, which it keeps up to date. Several
// quantiles are several boosters on one binned matrix, a round of all of them at a time. One thread:
// LightGBM's thread count is one for the process. Values of settings are checked here: parameters travel as
// one text. Source: Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", NIPS 2017.
#pragma once

#include <string>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/models/boosting/boosting_task.h"
#include "smctrain/models/boosting/lightgbm_library.h"
#include "smctrain/models/boosting/round_loop.h"

namespace smctrain::models::boosting {

// LightGBM's names (of its scikit-learn face); defaults regularise for market data.
struct LightGBMSettings : RoundSettings {
  int64_t num_leaves = 15;
  int64_t max_depth = -1;
  double min_child_weight = 1e-3;
  int64_t min_child_samples = 20;
  double min_split_gain = 0.0;
  double subsample = 0.7;
  int64_t subsample_freq = 1;
  double colsample_bytree = 0.7;
  double colsample_bynode = 1.0;
  double reg_alpha = 0.2;
  double reg_lambda = 2.0;
  int64_t max_bin = 255;
  int64_t subsample_for_bin = 200'000;
  bool zero_as_missing = false;

  // One sentence for each setting out of range.
  std::vector<std::string> problems() const;
  // Raises InputError with all of them.
  void validate() const;
};

BoostingFit fit_lightgbm(const LightGBMLibrary& library, const LightGBMSettings& settings,
                         const BoostingTask& task, const StopToken& stop, const Progress& progress);

}  // namespace smctrain::models::boosting
