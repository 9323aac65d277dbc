// Settings of the boosters, from the dictionaries of their Python trainers: every key is one field of the
// settings; an unknown key is an error of the face, not of its user.
#pragma once

#include <pybind11/pybind11.h>

#include "smctrain/models/boosting/lightgbm_trainer.h"
#include "smctrain/models/boosting/xgboost_trainer.h"

namespace smctrain::bindings {

namespace py = pybind11;

models::boosting::XGBoostSettings xgboost_settings(const py::dict& values);
models::boosting::LightGBMSettings lightgbm_settings(const py::dict& values);

}  // namespace smctrain::bindings
