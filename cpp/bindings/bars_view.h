// Bars at the border: views of the arrays that `Bars.native()` hands over.
#pragma once

#include "bindings/numpy.h"
#include "smctrain/bars/bar.h"

namespace smctrain::bindings {

// Views of one `Bars.native()` dict; valid while its arrays live. Every column must have as many rows as
// `close`.
inline BarsView bars_view(const py::dict& native) {
  const auto column = [&](const char* name) { return py::cast<py::array>(native[name]); };
  BarsView bars;
  bars.close = vector_view<double>(column("close"), "close");
  const int64_t n = bars.size();
  bars.ts_open = vector_view<int64_t>(column("ts_open"), "ts_open", n);
  bars.ts_close = vector_view<int64_t>(column("ts_close"), "ts_close", n);
  bars.open = vector_view<double>(column("open"), "open", n);
  bars.high = vector_view<double>(column("high"), "high", n);
  bars.low = vector_view<double>(column("low"), "low", n);
  bars.volume = optional_vector_view<double>(native["volume"], "volume", n);
  bars.spread = optional_vector_view<double>(native["spread"], "spread", n);
  bars.segment = vector_view<int32_t>(column("segment"), "segment", n);
  return bars;
}

}  // namespace smctrain::bindings
