// Settings of a network fit: value types that say everything that is wrong with them at once.
//
//   shape      what is built: family, sizes of the layers, window length, number of classes (0: a regression)
//   lookback   rows of one window, the decision row included (1 for the MLP)
//   schedule   how the learning rate moves, see schedule.h
//   visible    epoch from which a column is shown to the net in training; before it the column is 0, its mean
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "smctrain/base/error.h"

namespace smctrain::models::neural {

enum class NetKind { kMlp, kLstm, kGru, kCnn, kTransformer, kVae };

enum class OptimiserKind { kAdamW, kSgd };
enum class ScheduleKind { kConstant, kPlateau, kExponential, kCosine, kOneCycle };
// The hand-written passes, or LibTorch with autograd: the reference, and the way to another device.
enum class ForwardPath { kFused, kTorch };
enum class RegressionLoss { kSquared, kHuber };

constexpr int64_t kMinRows = 4;  // fewer training rows than this are TooFewRows

struct NetShape {
  NetKind kind = NetKind::kMlp;
  int64_t n_features = 0;
  // MLP: one entry a block. Others: one entry a layer; all equal in a Transformer.
  std::vector<int64_t> hidden;
  int64_t lookback = 1;
  int64_t kernel_size = 0;   // CNN: taps of a convolution
  int64_t num_heads = 0;     // Transformer
  int64_t feed_forward = 0;  // Transformer: width between the two maps of a layer
  int64_t latent = 0;        // VAE: latent units
  int64_t n_classes = 0;     // 0: one number instead of class probabilities
  // Several targets (MLP only; n_classes is 0): classes of each, 0 for a number. The last hidden block is the
  // tasks' own, an equal share of its units each; see task_slices() in layout.h.
  std::vector<int64_t> tasks;
  bool norm = true;  // MLP: BatchNorm in each block

  bool multi_task() const { return !tasks.empty(); }
  bool regression() const { return n_classes == 0; }
  int64_t n_outputs() const {
    if (!multi_task()) return regression() ? 1 : n_classes;
    int64_t sum = 0;
    for (const int64_t classes : tasks) sum += classes == 0 ? 1 : classes;
    return sum;
  }

  std::vector<std::string> validate() const {
    std::vector<std::string> errors;
    if (n_features < 1 || n_features > 1'000'000)
      errors.push_back(format("n_features must be 1 to 1,000,000, but is ", n_features));
    if (hidden.empty() || hidden.size() > 64)
      errors.push_back(format("there must be 1 to 64 hidden layers, but there are ", hidden.size()));
    for (const int64_t width : hidden) {
      if (width < 1 || width > 65'536)
        errors.push_back(format("a hidden layer must be 1 to 65,536 wide, but is ", width));
    }
    if (lookback < 1 || lookback > 10'000)
      errors.push_back(format("lookback must be 1 to 10,000, but is ", lookback));
    if ((kind == NetKind::kMlp || kind == NetKind::kVae) && lookback != 1)
      errors.push_back(format("lookback of an MLP or VAE must be 1, but is ", lookback));
    if (kind == NetKind::kVae && (latent < 1 || latent > 65'536))
      errors.push_back(format("a VAE must have 1 to 65,536 latent units, but has ", latent));
    if (kind == NetKind::kCnn && (kernel_size < 1 || kernel_size > 1'000))
      errors.push_back(format("kernel_size must be 1 to 1,000, but is ", kernel_size));
    if (kind == NetKind::kTransformer && !hidden.empty()) {
      for (const int64_t width : hidden) {
        if (width != hidden.front())
          errors.push_back(
              format("all layers of a Transformer must be ", hidden.front(), " wide, but one is ", width));
      }
      if (num_heads < 1 || hidden.front() % num_heads != 0)
        errors.push_back(format("num_heads must divide the width ", hidden.front(), ", but is ", num_heads));
      if (feed_forward < 1 || feed_forward > 65'536)
        errors.push_back(format("feed_forward must be 1 to 65,536, but is ", feed_forward));
    }
    if (n_classes != 0 && (n_classes < 2 || n_classes > 10'000))
      errors.push_back(format("n_classes must be 2 to 10,000, or 0 for a regression, but is ", n_classes));
    if (!norm && kind != NetKind::kMlp) errors.emplace_back("only an MLP can do without norm");
    if (!multi_task()) return errors;
    if (kind != NetKind::kMlp || n_classes != 0 || !norm)
      errors.emplace_back("tasks belong to an MLP with norm and n_classes 0");
    for (const int64_t classes : tasks) {
      if (classes != 0 && (classes < 2 || classes > 10'000))
        errors.push_back(
            format("a task must have 2 to 10,000 classes, or 0 for a number, but one has ", classes));
    }
    if (!hidden.empty() && hidden.back() % static_cast<int64_t>(tasks.size()) != 0)
      errors.push_back(format("the last hidden block must have an equal share of units for each of the ",
                              tasks.size(), " tasks, but has ", hidden.back()));
    return errors;
  }
};

struct TrainingSettings {
  double dropout = 0.0;
  double weight_decay = 0.0;
  double label_smoothing = 0.0;
  double learning_rate = 0.001;
  int64_t batch_size = 64;
  int64_t max_epochs = 50;
  int64_t patience = 8;
  double min_delta = 0.0;
  double clip_norm = 1.0;  // 0 switches clipping off
  bool balanced = true;    // class weights n / (classes present x rows of the class)
  OptimiserKind optimiser = OptimiserKind::kAdamW;
  double momentum = 0.9;  // of SGD (Nesterov)
  RegressionLoss regression_loss = RegressionLoss::kSquared;

  ScheduleKind schedule = ScheduleKind::kConstant;
  int64_t plateau_epochs = 3;
  double decay = 0.95;  // kExponential: factor of an epoch
  double warmup_epochs = 0.0;
  double min_learning_rate = 0.0;  // kPlateau: the fit ends when the rate would fall below

  // Epoch from which each column is visible, at least 1; empty: all from the first.
  std::vector<int64_t> visible_from;
  int64_t freeze_layers = 0;  // the first layers keep their weights after ...
  int64_t freeze_after = 0;   // ... this epoch; 0: never

  int64_t nan_recoveries = 2;
  int64_t restarts = 0;
  bool calibrate_temperature = false;
  // Rows of a batch are drawn as runs of so many neighbours, whose windows share the input part of their
  // first layer (recurrent nets); 0: one by one, each window on its own.
  int64_t block_rows = 0;
  int64_t accuracy_rows = 2000;  // most training rows that an epoch's train_accuracy is taken from

  ForwardPath path = ForwardPath::kFused;
  bool cuda = false;  // kTorch only
  // Of each task; empty: one target.
  std::vector<double> task_weights;
  std::vector<std::string> task_names;

  // VAE: head_weight * head loss + (reconstruction_weight * reconstruction + kl_weight * KL) / columns. The
  // KL part rises linearly from 0 over the warm-up.
  double head_weight = 1.0;
  double reconstruction_weight = 1.0;
  double kl_weight = 0.1;
  double kl_warmup_epochs = 0.0;

  std::vector<std::string> validate() const {
    std::vector<std::string> errors;
    const auto need = [&errors](bool ok, const char* rule, double value) {
      if (!ok) errors.push_back(format(rule, ", but is ", value));
    };
    need(dropout >= 0.0 && dropout < 1.0, "dropout must be at least 0 and below 1", dropout);
    need(weight_decay >= 0.0 && std::isfinite(weight_decay), "weight_decay must be at least 0", weight_decay);
    need(label_smoothing >= 0.0 && label_smoothing < 1.0, "label_smoothing must be at least 0 and below 1",
         label_smoothing);
    need(learning_rate > 0.0 && std::isfinite(learning_rate), "learning_rate must be above 0", learning_rate);
    need(batch_size >= 2 && batch_size <= 1'000'000, "batch_size must be 2 to 1,000,000",
         static_cast<double>(batch_size));
    need(max_epochs >= 1, "max_epochs must be at least 1", static_cast<double>(max_epochs));
    need(patience >= 1, "patience must be at least 1", static_cast<double>(patience));
    need(min_delta >= 0.0 && std::isfinite(min_delta), "min_delta must be at least 0", min_delta);
    need(clip_norm >= 0.0 && std::isfinite(clip_norm), "clip_norm must be at least 0 (0: no clipping)",
         clip_norm);
    need(momentum >= 0.0 && momentum < 1.0, "momentum must be at least 0 and below 1", momentum);
    need(plateau_epochs >= 1, "plateau_epochs must be at least 1", static_cast<double>(plateau_epochs));
    need(decay > 0.0 && decay <= 1.0, "decay must be above 0 and at most 1", decay);
    need(warmup_epochs >= 0.0 && std::isfinite(warmup_epochs), "warmup_epochs must be at least 0",
         warmup_epochs);
    need(min_learning_rate >= 0.0 && std::isfinite(min_learning_rate), "min_learning_rate must be at least 0",
         min_learning_rate);
    need(freeze_layers >= 0, "freeze_layers must be at least 0", static_cast<double>(freeze_layers));
    need(freeze_after >= 0, "freeze_after must be at least 0", static_cast<double>(freeze_after));
    need(nan_recoveries >= 0, "nan_recoveries must be at least 0", static_cast<double>(nan_recoveries));
    need(restarts >= 0, "restarts must be at least 0", static_cast<double>(restarts));
    for (const double weight : task_weights)
      need(weight > 0.0 && std::isfinite(weight), "the loss weight of a task must be above 0", weight);
    need(block_rows >= 0 && block_rows <= 1'000'000, "block_rows must be 0 to 1,000,000",
         static_cast<double>(block_rows));
    need(accuracy_rows >= 1, "accuracy_rows must be at least 1", static_cast<double>(accuracy_rows));
    const auto need_weight = [&need](const char* rule, double value) {
      need(value >= 0.0 && std::isfinite(value), rule, value);
    };
    need_weight("head_weight must be at least 0", head_weight);
    need_weight("reconstruction_weight must be at least 0", reconstruction_weight);
    need_weight("kl_weight must be at least 0", kl_weight);
    need_weight("kl_warmup_epochs must be at least 0", kl_warmup_epochs);
    for (const int64_t epoch : visible_from) {
      need(epoch >= 1 && epoch <= max_epochs, "visible_from must hold epochs from 1 to max_epochs",
           static_cast<double>(epoch));
    }
    return errors;
  }
};

// Raises one InputError that lists all errors.
inline void require_valid(const std::vector<std::string>& errors) {
  if (errors.empty()) return;
  std::string text;
  for (const auto& error : errors) text += (text.empty() ? "" : "; ") + error;
  raise("InputError", text, ".");
}

}  // namespace smctrain::models::neural
