// The market simulator.
#include <string>
#include <utility>

#include "bindings/numpy.h"
#include "bindings/run.h"
#include "smctrain/bars/simulate.h"

namespace smctrain::bindings {

namespace {

py::dict simulate_bars(int64_t n, uint64_t seed, const std::string& purpose, bool planted, double drift,
                       double mean_spell, double leak, double sigma, int64_t bars_per_week,
                       double start_price) {
  MarketProcess process;
  process.drift = drift;
  process.mean_spell = mean_spell;
  process.leak = leak;
  process.sigma = sigma;
  process.bars_per_week = bars_per_week;
  process.start_price = start_price;
  SimulatedBars bars = run_native(py::none(), 0.0, [&](const StopToken& token) {
    return smctrain::simulate_bars(process, n, seed, purpose, planted, token);
  });
  py::dict out;
  out["open"] = to_array(std::move(bars.open));
  out["high"] = to_array(std::move(bars.high));
  out["low"] = to_array(std::move(bars.low));
  out["close"] = to_array(std::move(bars.close));
  out["volume"] = to_array(std::move(bars.volume));
  out["state"] = to_array(std::move(bars.state));
  out["volatility"] = to_array(std::move(bars.volatility));
  out["digits"] = process.digits;
  return out;
}

}  // namespace

void bind_market(py::module_& m) {
  m.def("simulate_bars", &simulate_bars, py::arg("n"), py::arg("seed"), py::arg("purpose"),
        py::arg("planted"), py::arg("drift"), py::arg("mean_spell"), py::arg("leak"), py::arg("sigma"),
        py::arg("bars_per_week"), py::arg("start_price"));
}

}  // namespace smctrain::bindings
