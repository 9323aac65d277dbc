// Settings of the networks' training loops, from Python to C++.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "smctrain/models/neural/settings.h"

namespace smctrain::bindings {

namespace py = pybind11;
namespace neural = models::neural;

inline neural::ScheduleKind to_schedule(const std::string& name) {
  if (name == "plateau") return neural::ScheduleKind::kPlateau;
  if (name == "exponential") return neural::ScheduleKind::kExponential;
  if (name == "cosine") return neural::ScheduleKind::kCosine;
  if (name == "one_cycle") return neural::ScheduleKind::kOneCycle;
  return neural::ScheduleKind::kConstant;
}

inline neural::TrainingSettings to_settings(const py::dict& config) {
  neural::TrainingSettings s;
  s.dropout = config["dropout"].cast<double>();
  s.weight_decay = config["weight_decay"].cast<double>();
  s.label_smoothing = config["label_smoothing"].cast<double>();
  s.learning_rate = config["learning_rate"].cast<double>();
  s.batch_size = config["batch_size"].cast<int64_t>();
  s.max_epochs = config["max_epochs"].cast<int64_t>();
  s.patience = config["patience"].cast<int64_t>();
  s.min_delta = config["min_delta"].cast<double>();
  s.clip_norm = config["clip_norm"].cast<double>();
  s.balanced = config["balanced"].cast<bool>();
  s.optimiser = config["optimizer"].cast<std::string>() == "sgd" ? neural::OptimiserKind::kSgd
                                                                 : neural::OptimiserKind::kAdamW;
  s.momentum = config["momentum"].cast<double>();
  s.regression_loss = config["loss"].cast<std::string>() == "huber" ? neural::RegressionLoss::kHuber
                                                                    : neural::RegressionLoss::kSquared;
  s.schedule = to_schedule(config["schedule"].cast<std::string>());
  s.plateau_epochs = config["plateau_epochs"].cast<int64_t>();
  s.decay = config["decay"].cast<double>();
  s.warmup_epochs = config["warmup_epochs"].cast<double>();
  s.min_learning_rate = config["min_learning_rate"].cast<double>();
  s.visible_from = config["visible_from"].cast<std::vector<int64_t>>();
  s.freeze_layers = config["freeze_layers"].cast<int64_t>();
  s.freeze_after = config["freeze_after"].cast<int64_t>();
  s.nan_recoveries = config["nan_recoveries"].cast<int64_t>();
  s.restarts = config["restarts"].cast<int64_t>();
  s.calibrate_temperature = config["calibrate_temperature"].cast<bool>();
  if (config.contains("accuracy_rows")) s.accuracy_rows = config["accuracy_rows"].cast<int64_t>();
  if (config.contains("block_rows")) s.block_rows = config["block_rows"].cast<int64_t>();
  if (config.contains("kl_weight")) {  // a VAE
    s.head_weight = config["head_weight"].cast<double>();
    s.reconstruction_weight = config["reconstruction_weight"].cast<double>();
    s.kl_weight = config["kl_weight"].cast<double>();
    s.kl_warmup_epochs = config["kl_warmup_epochs"].cast<double>();
  }
  if (config.contains("task_weights")) s.task_weights = config["task_weights"].cast<std::vector<double>>();
  if (config.contains("task_names")) s.task_names = config["task_names"].cast<std::vector<std::string>>();
  if (config.contains("path") && config["path"].cast<std::string>() == "torch")
    s.path = neural::ForwardPath::kTorch;
  if (config.contains("device") && config["device"].cast<std::string>() == "cuda") {
    s.path = neural::ForwardPath::kTorch;
    s.cuda = true;
  }
  return s;
}

}  // namespace smctrain::bindings
