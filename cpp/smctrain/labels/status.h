// Whether a decision row has a label, and if not, why. The order is that of `STATUSES` in Python.
#pragma once

#include <cstdint>

namespace smctrain::labels {

enum class Status : uint8_t {
  kOk,
  kOpen,         // the longest window the label may look at does not fit into the segment
  kUnfilled,     // a limit order that nothing reached
  kBadRisk,      // a barrier at no distance, or at one outside the limits
  kQuarantine,   // a row that the data check took out
  kTieDrop,      // both barriers in one bar, and the caller drops such rows
  kTimeoutDrop,  // time ran out, and the caller drops such rows
  kMissing,      // a bar, price, volatility or benchmark that the label needs is not there
  kNeutral,      // inside the caller's band
};

}  // namespace smctrain::labels
