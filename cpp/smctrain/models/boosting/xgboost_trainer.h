// One XGBoost fit: histogram trees under our own round loop (round_loop.h).
//
//   round     one boosting iteration: one tree for each margin (binary:logistic, multi:softprob, the reg:
//   family).
//
// A round's losses come from the library's own evaluation; a metric that it does not have is made from its
// predictions of the stop rows. The library accepts misspelt parameters without a word: names are ours,
// values are checked here. Source: Chen and Guestrin, "XGBoost: a scalable tree boosting system", KDD 2016.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/models/boosting/boosting_task.h"
#include "smctrain/models/boosting/round_loop.h"
#include "smctrain/models/boosting/xgboost_library.h"

namespace smctrain::models::boosting {

// XGBoost's names; defaults are those of document 001.
struct XGBoostSettings : RoundSettings {
  int64_t max_depth = 4;  // 0: no limit
  int64_t max_leaves = 0;
  std::string grow_policy = "depthwise";
  double subsample = 0.7;
  double colsample_bytree = 0.7;
  double colsample_bynode = 1.0;
  double min_child_weight = 5.0;
  double gamma = 0.0;
  double reg_alpha = 0.2;
  double reg_lambda = 2.0;
  int64_t max_bin = 256;

  // One sentence for each setting out of range.
  std::vector<std::string> problems() const;
  // Raises InputError with all of them.
  void validate() const;
};

BoostingFit fit_xgboost(const XGBoostLibrary& library, const XGBoostSettings& settings,
                        const BoostingTask& task, const StopToken& stop, const Progress& progress);

// "[9]\ttrain-mlogloss:0.26\ttrain-merror:0.1" -> {0.26, 0.1}. Locale plays no part.
std::vector<double> parse_evaluation(std::string_view line);

}  // namespace smctrain::models::boosting
