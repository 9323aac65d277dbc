#include "smctrain/labels/barrier/check.h"

#include "smctrain/base/error.h"

namespace smctrain::labels::barrier {

namespace {

void check_length(const char* name, size_t found, size_t wanted, const char* what) {
  if (found == wanted) return;
  raise("InputError", name, " must have one value a ", what, " (", wanted, "), but has ", found, ".");
}

}  // namespace

void check(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
           const BarrierOptions& options, const LabelColumns& out) {
  const auto n = static_cast<size_t>(bars.size());
  if (options.horizon < 1) raise("InputError", "horizon must be at least 1, but is ", options.horizon, ".");
  if (!options.scale.empty()) check_length("scale", options.scale.size(), n, "bar");
  if (!options.session.empty()) check_length("session", options.session.size(), n, "bar");
  if (!options.quarantine.empty()) check_length("quarantine", options.quarantine.size(), n, "bar");
  if (!options.window_end.empty()) {
    check_length("window_end", options.window_end.size(), n, "bar");
    check_length("window_status", options.window_status.size(), n, "bar");
    if (options.entry == Entry::kRetest) raise("InputError", "window_end has no meaning for a retest.");
    for (size_t t = 0; t < n; ++t) {
      if (options.window_status[t] != static_cast<uint8_t>(Status::kOk)) continue;
      const int64_t end = options.window_end[t];
      if (end <= static_cast<int64_t>(t) || end >= bars.size()) {
        raise("InputError", "window_end must lie after its row and before row ", n, ", but is ", end,
              " at row ", t, ".");
      }
    }
  }
  if (options.bid_ask) {
    check_length("spread", bars.spread.size(), n, "bar");
    if (!(options.point > 0.0)) raise("InputError", "point must be above 0, but is ", options.point, ".");
  }
  if (options.entry == Entry::kRetest) {
    if (options.wait < 1) raise("InputError", "wait must be at least 1, but is ", options.wait, ".");
    check_length("limit", options.limit.size(), rows.size(), "decision row");
  }
  if (!options.stop_price.empty()) {
    check_length("stop_price", options.stop_price.size(), rows.size(), "decision row");
  }
  if (options.tie == Tie::kLower) {
    if (options.lower == nullptr) raise("InputError", "tie at the lower timeframe needs its bars.");
    check_length("ts_open", bars.ts_open.size(), n, "bar");
    check_length("ts_close", bars.ts_close.size(), n, "bar");
  }
  check_length("side", side.size(), rows.size(), "decision row");
  check_length("out", out.t1.size(), rows.size(), "decision row");
  for (size_t k = 0; k < rows.size(); ++k) {
    if (rows[k] < 0 || rows[k] >= bars.size()) {
      raise("InputError", "rows must lie in 0..", bars.size() - 1, ", but entry ", k, " is ", rows[k], ".");
    }
    if (side[k] != 1 && side[k] != -1) {
      raise("InputError", "side must be +1 or -1, but entry ", k, " is ", static_cast<int>(side[k]), ".");
    }
  }
}

}  // namespace smctrain::labels::barrier
