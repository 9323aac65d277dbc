// Settings of the features between Python and the core.
#pragma once

#include <pybind11/pybind11.h>

#include "smctrain/features/settings.h"

namespace smctrain::bindings {

namespace py = pybind11;

// A mapping of key to value; raises InputError with all faults. Messages name keys, or the arguments of the
// functions of `st.smc`.
features::Settings settings_from(const py::dict& given, features::Naming naming = features::Naming::kKeys);

// The zone of a session or a roll; null if there is none of that name.
std::shared_ptr<const features::Zone> zone_of(const std::string& name);

void bind_feature_settings(py::module_& m);

}  // namespace smctrain::bindings
