// Settings of the boosters, from the dictionaries of their Python trainers.
#include "bindings/boosting_settings.h"

#include <pybind11/stl.h>

#include <string>

#include "smctrain/base/error.h"

namespace smctrain::bindings {

namespace {

using models::boosting::XGBoostSettings;

models::boosting::Loss loss_of(const std::string& name) {
  using models::boosting::Loss;
  if (name == "classes") return Loss::kClasses;
  if (name == "squared") return Loss::kSquared;
  if (name == "absolute") return Loss::kAbsolute;
  if (name == "huber") return Loss::kHuber;
  if (name == "pseudo_huber") return Loss::kPseudoHuber;
  if (name == "quantile") return Loss::kQuantile;
  raise("InputError", "there is no loss '", name, "'.");
}

// Settings that every library shares; false when `name` is none of them.
bool take_round_setting(models::boosting::RoundSettings& s, const std::string& name,
                        const py::handle& value) {
  if (name == "n_estimators")
    s.n_estimators = py::cast<int64_t>(value);
  else if (name == "learning_rate")
    s.learning_rate = py::cast<double>(value);
  else if (name == "early_stopping_rounds")
    s.early_stopping_rounds = value.is_none() ? 0 : py::cast<int64_t>(value);
  else if (name == "min_delta")
    s.min_delta = py::cast<double>(value);
  else if (name == "eval_metric")
    s.eval_metric = value.is_none() ? std::string() : py::cast<std::string>(value);
  else if (name == "class_weight")
    s.balanced = !value.is_none();
  else if (name == "slope")
    s.slope = py::cast<double>(value);
  else if (name == "quantiles")
    s.quantiles = py::cast<std::vector<double>>(value);
  else if (name == "loss")
    s.loss = loss_of(py::cast<std::string>(value));
  else
    return false;
  return true;
}

}  // namespace

models::boosting::XGBoostSettings xgboost_settings(const py::dict& values) {
  XGBoostSettings s;
  for (const auto& [key, value] : values) {
    const auto name = py::cast<std::string>(key);
    const auto integer = [&] { return py::cast<int64_t>(value); };
    const auto real = [&] { return py::cast<double>(value); };
    if (take_round_setting(s, name, value)) continue;
    if (name == "max_depth")
      s.max_depth = integer();
    else if (name == "max_leaves")
      s.max_leaves = integer();
    else if (name == "grow_policy")
      s.grow_policy = py::cast<std::string>(value);
    else if (name == "subsample")
      s.subsample = real();
    else if (name == "colsample_bytree")
      s.colsample_bytree = real();
    else if (name == "colsample_bynode")
      s.colsample_bynode = real();
    else if (name == "min_child_weight")
      s.min_child_weight = real();
    else if (name == "gamma")
      s.gamma = real();
    else if (name == "reg_alpha")
      s.reg_alpha = real();
    else if (name == "reg_lambda")
      s.reg_lambda = real();
    else if (name == "max_bin")
      s.max_bin = integer();
    else
      raise("InputError", "XGBoost has no setting '", name, "'.");
  }
  return s;
}

models::boosting::LightGBMSettings lightgbm_settings(const py::dict& values) {
  models::boosting::LightGBMSettings s;
  for (const auto& [key, value] : values) {
    const auto name = py::cast<std::string>(key);
    const auto integer = [&] { return py::cast<int64_t>(value); };
    const auto real = [&] { return py::cast<double>(value); };
    if (take_round_setting(s, name, value)) continue;
    if (name == "num_leaves")
      s.num_leaves = integer();
    else if (name == "max_depth")
      s.max_depth = integer();
    else if (name == "min_child_weight")
      s.min_child_weight = real();
    else if (name == "min_child_samples")
      s.min_child_samples = integer();
    else if (name == "min_split_gain")
      s.min_split_gain = real();
    else if (name == "subsample")
      s.subsample = real();
    else if (name == "subsample_freq")
      s.subsample_freq = integer();
    else if (name == "colsample_bytree")
      s.colsample_bytree = real();
    else if (name == "colsample_bynode")
      s.colsample_bynode = real();
    else if (name == "reg_alpha")
      s.reg_alpha = real();
    else if (name == "reg_lambda")
      s.reg_lambda = real();
    else if (name == "max_bin")
      s.max_bin = integer();
    else if (name == "subsample_for_bin")
      s.subsample_for_bin = integer();
    else if (name == "zero_as_missing")
      s.zero_as_missing = py::cast<bool>(value);
    else
      raise("InputError", "LightGBM has no setting '", name, "'.");
  }
  return s;
}

}  // namespace smctrain::bindings
