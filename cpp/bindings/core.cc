// The _core module: one bind_<room>.cc per room, listed here.
#include <pybind11/pybind11.h>

#include "bindings/errors.h"

namespace smctrain::bindings {

namespace py = pybind11;

void bind_base(py::module_& m);
void bind_bars(py::module_& m);
void bind_features(py::module_& m);
void bind_feature_settings(py::module_& m);
void bind_labels(py::module_& m);
void bind_splits(py::module_& m);
void bind_augment(py::module_& m);
void bind_prepare(py::module_& m);
void bind_forest(py::module_& m);
void bind_boosting(py::module_& m);
void bind_adapters(py::module_& m);
void bind_linear(py::module_& m);
void bind_net_predictor(py::module_& m);
void bind_vae_codes(py::module_& m);
void bind_explain(py::module_& m);
void bind_metrics(py::module_& m);
void bind_stats(py::module_& m);
void bind_agreement(py::module_& m);
void bind_market(py::module_& m);
void bind_smc(py::module_& m);
void bind_panel(py::module_& m);
void bind_selection(py::module_& m);
void bind_audit(py::module_& m);

PYBIND11_MODULE(_core, m) {
  m.doc() =
      "Native core of smctrain: everything tabular. Use the typed faces in the package, not this module.";
  m.attr("__version__") = SMCTRAIN_VERSION;
  register_errors();
  bind_base(m);
  bind_bars(m);
  bind_features(m);
  bind_feature_settings(m);
  bind_labels(m);
  bind_splits(m);
  bind_augment(m);
  bind_prepare(m);
  bind_forest(m);
  bind_boosting(m);
  bind_adapters(m);
  bind_linear(m);
  bind_net_predictor(m);
  bind_vae_codes(m);
  bind_explain(m);
  bind_metrics(m);
  bind_stats(m);
  bind_agreement(m);
  bind_market(m);
  bind_smc(m);
  bind_panel(m);
  bind_selection(m);
  bind_audit(m);
}

}  // namespace smctrain::bindings
