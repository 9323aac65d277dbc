// One training loop for every network.
//
//   1. class weights (balanced) times row weights; rows without a full window are left out and counted
//   2. per epoch: rows in a seeded order, batches (a rest of one row joins the batch before it), forward,
//   loss,
//      backward, norm of the gradient, clipping, AdamW
//   3. validation loss on the stop rows; the best weights are copied, patience counts, the monitor is asked
//   4. the best copy is put back
//
//   loss             cross entropy against smoothed targets (1 - s) * onehot + s / classes, averaged with the
//   weights train_loss       of the epoch's batches, with dropout on train_accuracy   without dropout, on at
//   most kAccuracyRows evenly spaced training rows grad_norm        largest of the epoch, before clipping
//   best             epoch with the lowest validation loss; without stop rows the last epoch whose numbers
//   are finite
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

constexpr int64_t kAccuracyRows = 2000;

struct FitInput {
  MatrixView<const float> X;
  std::span<const int32_t> y;
  std::span<const int64_t> rows;
  std::span<const int64_t> stop_rows;
  std::span<const double> weight;    // empty: all 1
  std::span<const int32_t> segment;  // empty: one stretch
  NetShape shape;
  TrainingSettings settings;
  MonitorSettings monitor;
  uint64_t seed = 42;
};

struct FitOutput {
  NetWeights weights;
  std::vector<StepRecord> history;
  std::vector<Alarm> alarms;
  std::string stop_reason;
  int64_t best_epoch = 0;  // 0: no epoch was completed with finite numbers
  double best_loss = 0.0;  // validation loss of best_epoch, NaN without stop rows
  int64_t left_out = 0;    // training rows without a full window
  int64_t left_out_stop = 0;
  int64_t n_steps = 0;
};

// progress(epoch, max_epochs) after each epoch, on the calling thread.
FitOutput fit_net(const FitInput& input, const StopToken& stop,
                  const std::function<void(int64_t, int64_t)>& progress);

// Loss and gradient of one batch at given weights, dropout off: what the tests compare with autograd.
struct LossAndGradient {
  double loss = 0.0;
  std::vector<float> gradient;
};
LossAndGradient loss_and_gradient(const FitInput& input, const NetWeights& weights);

}  // namespace smctrain::models::neural
