// Learning to learn from few rows: an initialisation from which a few gradient steps suit a symbol never
// seen.
//
//   symbol       rows that share a group id, in time order
//   episode      support rows of one symbol in a row, then query rows behind them: the first `query_rows`
//   rows
//                later than every label of the support is known (t1), so that no query row was in reach of it
//   adaptation   `inner_steps` plain gradient steps on all support rows at `inner_rate`, the gradient cut to
//                length kInnerClip
//   held out     symbols that no outer step sees; their episodes judge an epoch
//
//   1. an outer step draws `meta_batch` symbols and an episode of each, and adapts a copy of the weights to
//   each
//   2. first order MAML: the gradient of the query loss at the adapted weights, summed over episodes, moves
//   the
//      initialisation (Finn, Abbeel and Levine, "Model-agnostic meta-learning", ICML 2017, section 5.2)
//      Reptile: adapt to support and query rows together; the initialisation moves towards the adapted
//      weights (Nichol, Achiam and Schulman, "On first-order meta-learning algorithms", 2018)
//   3. after `steps_per_epoch` outer steps: mean query loss of fixed episodes of the held-out symbols after
//      adaptation; the best weights are kept, patience counts, the monitor is asked
//
// The net has no BatchNorm (NetShape::norm): with a handful of support rows its batch statistics would be
// noise, and running ones would mix the symbols; without it a row's output depends on that row alone. A
// regression target is standardised over all training rows; adapted weights are scaled back. Every random
// stream is addressed by (seed, purpose), one LibTorch thread a fit. Cost of an outer step: meta_batch *
// (inner_steps + 1) passes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/monitor.h"
#include "smctrain/models/neural/layout.h"
#include "smctrain/models/neural/settings.h"

namespace smctrain::models::neural {

constexpr double kInnerClip = 10.0;
constexpr int64_t kValidationEpisodes = 8;  // of a held-out symbol, evenly spaced

struct MetaSettings {
  int64_t support_rows = 50;
  int64_t query_rows = 50;
  int64_t inner_steps = 5;
  double inner_rate = 0.1;
  int64_t meta_batch = 8;
  int64_t steps_per_epoch = 20;
  double validation_share = 0.2;  // of the symbols; at least one when above 0
  bool reptile = false;

  std::vector<std::string> validate() const;
};

struct MetaInput {
  MatrixView<const float> X;
  std::span<const int32_t> y;      // a classification
  std::span<const double> target;  // a regression
  std::span<const int64_t> rows;
  std::span<const double> weight;  // empty: all 1
  std::span<const int32_t> group;
  std::span<const int64_t> t1;  // row of X at which a row's label is known; empty: the row itself
  NetShape shape;
  TrainingSettings settings;  // of the outer loop
  MetaSettings meta;
  MonitorSettings monitor;
  uint64_t seed = 42;
};

struct MetaOutput {
  NetWeights weights;  // the initialisation; answers in standardised units
  double target_mean = 0.0;
  double target_scale = 1.0;
  std::vector<StepRecord> history;
  std::vector<double> val_loss_before;  // of the same query rows without adaptation
  std::vector<int32_t> held_out;        // groups
  std::vector<int32_t> too_short;       // groups without a single episode
  std::vector<Alarm> alarms;
  std::string stop_reason;
  int64_t best_epoch = 0;
  double best_loss = 0.0;  // NaN without held-out symbols
};

MetaOutput fit_meta(const MetaInput& input, const StopToken& stop,
                    const std::function<void(int64_t, int64_t)>& progress);

// Weights after adaptation to input.rows (group and t1 are not read), answering in units of y.
NetWeights adapt(const MetaInput& input, const NetWeights& start, double target_mean, double target_scale,
                 const StopToken& stop);

}  // namespace smctrain::models::neural
