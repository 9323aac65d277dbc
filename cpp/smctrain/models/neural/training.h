// One training loop for every network.
//
//   1. class weights (balanced) times row weights, or a standardised target (objective.h); rows without a
//   full
//      window, or without any of several targets (multi_task.h), are left out and counted
//   2. per epoch: rows in a seeded order, batches (a rest of one row joins the batch before it), forward,
//   loss,
//      backward, length of the gradient, one step of the optimiser at the schedule's rate (schedule.h)
//   3. validation loss on the stop rows; the best weights are copied, patience counts, the monitor is asked
//   4. the best copy is put back
//
//   train_loss       of the epoch's batches, with dropout on
//   train_accuracy   without dropout, on at most accuracy_rows evenly spaced training rows; NaN in a
//   regression grad_norm        largest of the epoch, before clipping best             epoch with the lowest
//   validation loss; without stop rows the last epoch whose numbers are
//                    finite
//   curriculum       columns that are not visible yet are 0 everywhere, in validation too; epochs count as
//   best
//                    only when all columns are visible
//   VAE              its loss is that of settings.h; train_loss and val_loss count KL at its full weight
//   whatever the
//                    warm-up, so that epochs compare, and patience is not used up before the warm-up ends
//   recovery         a loss or gradient that is not finite puts back the weights of the last sound epoch,
//   forgets
//                    all momentum and quarters the rate, `nan_recoveries` times; then the fit ends
//   restart          a fit that ended with its best epoch among the first kTooEarly begins anew from other
//                    weights at half the rate, `restarts` times; the best epoch of all attempts is kept
//   temperature      of the restored weights' logits on the stop rows (temperature.h), folded into the head
//
// Every random stream is addressed by (seed, purpose); one LibTorch thread per fit. So the result depends
// neither on the thread count nor on what runs beside it. Cost: one batch of workspace, four copies of the
// weights.
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

constexpr int64_t kTooEarly = 3;

struct FitInput {
  MatrixView<const float> X;
  std::span<const int32_t> y;        // a classification
  std::span<const double> target;    // a regression
  MatrixView<const double> targets;  // several tasks, a column each; NaN, or a code below 0: missing
  std::span<const int64_t> rows;
  std::span<const int64_t> stop_rows;
  std::span<const double> weight;    // empty: all 1
  std::span<const int32_t> segment;  // empty: one stretch
  NetShape shape;
  TrainingSettings settings;
  MonitorSettings monitor;
  uint64_t seed = 42;
};

// One value an epoch of one of several tasks.
struct TaskHistory {
  std::vector<double> train_loss;  // with dropout on
  std::vector<double> val_loss;
  std::vector<double> train_score;  // accuracy or R2, as train_accuracy
  std::vector<double> val_score;
};

// Parts of a VAE's loss in one epoch: of the training batches and of the stop rows (NaN without).
struct VaeRecord {
  double train_reconstruction;
  double val_reconstruction;
  double train_kl;
  double val_kl;
  double train_head;
  double val_head;
  double kl_weight;  // at the epoch's end
};

struct FitOutput {
  NetWeights weights;
  std::vector<StepRecord> history;
  std::vector<int64_t> columns_visible;  // of each epoch
  std::vector<int64_t> layers_frozen;
  std::vector<TaskHistory> tasks;      // empty: one target
  std::vector<VaeRecord> vae_history;  // empty for other kinds
  std::vector<Alarm> alarms;
  std::string stop_reason;
  int64_t best_epoch = 0;  // 0: no epoch was completed with finite numbers
  double best_loss = 0.0;  // validation loss of best_epoch, NaN without stop rows
  int64_t left_out = 0;    // training rows without a full window, or without any target
  int64_t left_out_stop = 0;
  int64_t n_steps = 0;
  double temperature = 1.0;  // already in the weights
};

// progress(epoch, max_epochs) after each epoch, on the calling thread.
FitOutput fit_net(const FitInput& input, const StopToken& stop,
                  const std::function<void(int64_t, int64_t)>& progress);

// Loss and gradient of one batch at given weights, dropout drawn from the seed: what the tests compare with
// autograd.
struct LossAndGradient {
  double loss = 0.0;
  std::vector<float> gradient;
};
LossAndGradient loss_and_gradient(const FitInput& input, const NetWeights& weights);

}  // namespace smctrain::models::neural
