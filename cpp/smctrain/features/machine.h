// The contract every feature keeps: one streaming state machine, fed one finished bar at a time.
//
//   machine   reads bar t, updates its state, writes its columns' values for row t. It has seen bars 0..t and
//             nothing else, so a batch (the machine in a loop) cannot peek and equals the stream bit for bit.
//   context   values of the same bar that earlier machines computed and several machines need (ATR and
//   friends),
//             so that they are computed once and are the same numbers everywhere.
//   reset     forget everything: called at the start of each segment.
//
// Column metadata stands beside the code that computes it; a column without an entry cannot exist.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "smctrain/bars/bar.h"

namespace smctrain::features {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr int64_t kForever = -1;  // lookback or settle of a column that never forgets

struct ColumnInfo {
  std::string name;  // snake_case, parameters and unit included: "atr_wilder_14", "ob_bull_dist_atr"
  std::string
      family;  // "technical", "candle", "volatility", "volume", "calendar", "structure", "zones", "higher"
  std::string unit;        // "atr", "ratio", "bars", "flag", "price", "angle", ...
  std::string role;        // "feature" may reach a model; "level" (raw prices) never does
  int64_t lookback = 0;    // bars read, kForever for recursive columns
  int64_t warmup = 0;      // rows that are NaN at the start of a segment
  int64_t settle = 0;      // further rows until the start no longer shows (1e-6 relative), kForever if never
  std::string known_at;    // the rule in words: "close of the bar", "right pivot bars after the swing", ...
  std::string definition;  // one line
  std::vector<std::string> sources = {};  // columns a derived column is made of
};

// Values of the current bar shared by machines. `row` counts bars since the start of the segment.
struct Context {
  int64_t row = 0;
  double atr = kNaN;            // atr_wilder_14 of this bar
  double ema_first_50 = kNaN;   // of this bar
  double rsi_wilder_14 = kNaN;  // of this bar
};

class Machine {
 public:
  virtual ~Machine() = default;
  virtual const std::vector<ColumnInfo>& columns() const = 0;
  // Writes columns().size() values to out. Must not allocate on the steady path.
  virtual void push(const Bar& bar, const Context& context, double* out) = 0;
  virtual void reset() = 0;
};

}  // namespace smctrain::features
