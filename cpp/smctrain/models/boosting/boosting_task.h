// What every boosting library is given: rows, labels, weights, and how rounds are judged.
//
//   loss      what the trees minimise, and the loss of the history: logistic (two classes) and softmax are
//   one
//             kind, kClasses; kSquared, kAbsolute, kHuber, kPseudoHuber and kQuantile are regressions.
//   metric    by which the best round is chosen; the loss unless another one is named.
//   weight    class balance (n / (classes present * rows of the class), as scikit-learn) times the task's row
//             weight. Losses and accuracies use the same weights on both sides, so that they can be compared.
//             A row of weight 0 is absent.
//   gradient  an objective of the caller: label and margin of every training row -> gradient and curvature,
//   which
//             are then multiplied by the row's weight. Link and metrics stay those of `loss`.
//   init      a model to continue: its margins are where the first new round starts.
//
// All checks happen before a library sees a byte: both train on too few rows or wrong labels without a word.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/boosting/tree_ensemble.h"

namespace smctrain::models::boosting {

class MatrixCache;

enum class Loss { kClasses, kSquared, kAbsolute, kHuber, kPseudoHuber, kQuantile };
enum class Metric { kLoss, kAccuracy, kBalancedAccuracy, kMse, kMae, kPinball };

// "log_loss" is the loss of a classification. Empty: the loss.
Metric metric_of(const std::string& name);
inline bool is_higher_better(Metric metric) {
  return metric == Metric::kAccuracy || metric == Metric::kBalancedAccuracy;
}

// Settings that mean the same for every library.
struct RoundSettings {
  int64_t n_estimators = 200;
  double learning_rate = 0.1;
  int64_t early_stopping_rounds = 20;  // 0: off
  double min_delta = 0.0;              // less of an improvement does not count
  std::string eval_metric;
  bool balanced = true;
  Loss loss = Loss::kClasses;
  double slope = 1.0;             // where Huber's loss turns linear
  std::vector<double> quantiles;  // kQuantile

  void add_problems(std::vector<std::string>& found) const;
};

// y, margins (rows, width) -> gradient and curvature, both (rows, width).
using Gradient = std::function<void(std::span<const float> y, std::span<const float> margins, int64_t width,
                                    std::vector<float>& gradient, std::vector<float>& curvature)>;

struct BoostingTask {
  MatrixView<const float> X;
  std::span<const int32_t> y;      // class codes
  std::span<const double> target;  // regression, where n_classes is 0
  std::span<const int64_t> rows;
  std::span<const int64_t> stop_rows;
  std::span<const double> weight;  // empty: all 1
  int64_t n_classes = 2;
  uint64_t seed = 42;
  int threads = 1;
  const TreeEnsemble* init = nullptr;
  Gradient gradient;
  std::shared_ptr<MatrixCache> matrices;  // shared with other fits on this X; null: the fit builds its own
  // A round that takes longer is slow: its trees are kept at once, so that the fit can end during the next
  // one.
  double slow_round_s = 0.03;
};

// Rows copied out of the shared matrix, in the types the libraries want.
struct Sample {
  std::vector<float> X;
  std::vector<float> y;
  std::vector<float> weight;
  std::vector<int64_t> from;   // row numbers of the task
  std::vector<double> margin;  // of the model to continue; empty without one
  int64_t rows() const { return static_cast<int64_t>(y.size()); }
  // Weights that are all 1 are as none: medians and quantiles of leaves are interpolated only without
  // weights.
  bool is_weighted() const;
};

// Margins a row: 1 for two classes, one a class for more, one a quantile, else 1.
int64_t width_of(const RoundSettings& settings, const BoostingTask& task);

// Raises InputError, OneClass, TooFewRows or TooFewColumns unless the task can be learned from.
void check_task(const RoundSettings& settings, const BoostingTask& task, const StopToken& stop);

// n / (classes present * rows of the class); 1 when not balanced; empty in regression.
std::vector<double> class_weights(const RoundSettings& settings, const BoostingTask& task);

// Labels and weights of the rows of positive weight; X stays empty.
Sample gather_labels(const BoostingTask& task, std::span<const int64_t> rows,
                     const std::vector<double>& class_weight);

// Values of the sample's rows first..last-1, in place of what `out` held.
void gather_values(const BoostingTask& task, const Sample& sample, int64_t first, int64_t last,
                   std::vector<float>& out);

// Margins of the model to continue, where there is one.
void gather_margins(const BoostingTask& task, Sample& sample, const StopToken& stop);

// All values of the sample's rows.
void gather_all_values(const BoostingTask& task, Sample& sample, const StopToken& stop);

// Seed of the fit. A continued fit draws other rows and columns than the rounds it continues.
uint64_t seed_of(const BoostingTask& task);

// The caller's gradient, checked and weighted.
void weighted_gradient(const BoostingTask& task, const Sample& sample, std::span<const float> margins,
                       int64_t width, std::vector<float>& gradient, std::vector<float>& curvature);

// "0.1" for 0.1: the shortest text that reads back to the same double, in no locale.
std::string number(double value);

}  // namespace smctrain::models::boosting
