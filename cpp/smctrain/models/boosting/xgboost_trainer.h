// One XGBoost fit: histogram trees, our own round loop.
//
//   round     one boosting iteration: one tree for two classes (binary:logistic), K trees for K >= 3
//   (multi:softprob). stop row  row held out for early stopping; the caller takes the purged, time-ordered
//   tail of the training part. weight    class balance (n / (classes present * rows of the class), as
//   scikit-learn) times the task's row weight.
//             Losses and accuracies of the history use the same weights on both sides, so that they can be
//             compared. A row of weight 0 is absent.
//   best      round with the lowest loss on the stop rows (strictly lower: the first of equals); without stop
//   rows
//             the last finished round whose loss is finite. Only rounds 1..best are kept.
//
// Each round: update, evaluate, tell the monitor (step word "Round"), ask the stop token. A round inside the
// library cannot be interrupted; at these sizes it takes milliseconds. All checks of input happen before the
// library sees a byte: it trains on 0 rows and accepts misspelt parameters without a word. Source: Chen and
// Guestrin, "XGBoost: a scalable tree boosting system", KDD 2016.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/boosting/tree_ensemble.h"
#include "smctrain/models/boosting/xgboost_library.h"
#include "smctrain/models/monitor.h"

namespace smctrain::models::boosting {

// XGBoost's names; defaults are those of document 001.
struct XGBoostSettings {
  int64_t n_estimators = 200;
  int64_t max_depth = 4;
  double learning_rate = 0.1;
  double subsample = 0.7;
  double colsample_bytree = 0.7;
  double min_child_weight = 5.0;
  double reg_alpha = 0.2;
  double reg_lambda = 2.0;
  int64_t early_stopping_rounds = 20;  // 0: off
  bool balanced = true;
  int64_t max_bin = 256;

  // One sentence for each setting out of range.
  std::vector<std::string> problems() const;
  // Raises InputError with all of them.
  void validate() const;
};

struct BoostingTask {
  MatrixView<const float> X;
  std::span<const int32_t> y;
  std::span<const int64_t> rows;
  std::span<const int64_t> stop_rows;
  std::span<const double> weight;  // empty: all 1
  int64_t n_classes = 2;
  uint64_t seed = 42;
  int threads = 1;
};

struct BoostingFit {
  TreeEnsemble trees;
  std::vector<double>
      importances;  // total gain over the kept rounds, sums to 1 (all 0 when nothing was split)
  std::vector<StepRecord> history;
  std::vector<Alarm> alarms;
  std::string stop_reason;
  bool complete = true;
  int64_t best_round = 0;
};

BoostingFit fit_xgboost(const XGBoostLibrary& library, const XGBoostSettings& settings,
                        const BoostingTask& task, const StopToken& stop,
                        const std::function<void(int64_t, int64_t)>& progress);

// "[9]\ttrain-mlogloss:0.26\ttrain-merror:0.1" -> {0.26, 0.1}. Locale plays no part.
std::vector<double> parse_evaluation(std::string_view line);

}  // namespace smctrain::models::boosting
