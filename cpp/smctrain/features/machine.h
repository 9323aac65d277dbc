// The contract every feature keeps: one streaming state machine, fed finished bars in order.
//
//   machine   reads bar t, updates its state, writes its columns' values for row t. It has seen bars 0..t and
//             nothing else, so a batch (the machine over an array) cannot peek and equals the stream bit for
//             bit.
//   block     several bars of one segment handed over at once, because that is faster than one by one. Where
//             one block ends and the next begins never shows in a value: a stream is the same machine fed
//             blocks of one bar.
//   context   values of the same bar that earlier machines computed and several machines need (ATR and
//             friends), so that they are computed once and are the same numbers everywhere.
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
inline constexpr int kBlockBars = 512;   // bars of a block at most
// Columns of a block stand a little further apart than a power of two, so that the values of one bar do not
// compete for the same lines of the cache.
inline constexpr size_t kColumnStride = kBlockBars + 8;  // at least kSpare of technical/kernels.h more
// The same where blocks have at most `most_bars`: short columns fit into few pages.
constexpr size_t column_stride(int most_bars) { return static_cast<size_t>(most_bars) + 8; }

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
  double atr = kNaN;            // scale of the *_atr columns: atr_wilder_14 unless the settings say otherwise
  double atr_wilder_14 = kNaN;  // of this bar
  double ema_first_50 = kNaN;   // of this bar
  double rsi_wilder_14 = kNaN;  // of this bar
};

// Consecutive bars of one segment and what machines share of them, as columns: entry i is bar row + i.
//
//   past     prices, volume and the columns of Context also hold the kPast bars before the block, at the
//            indices -kPast..-1; NaN where the segment had not begun
//   prices   a bar with a non-finite price has NaN for all four
//   plain    no bar of the block and of the past misses a price, and all prices are far from overflow: what
//            is recursive in prices alone needs no check of its own
struct Block {
  static constexpr int kPast = 128;
  int n = 0;
  int64_t row = 0;  // of entry 0, counted since the start of the segment
  bool plain = false;
  const int64_t* ts_open = nullptr;
  const int64_t* ts_close = nullptr;
  const double* open = nullptr;
  const double* high = nullptr;
  const double* low = nullptr;
  const double* close = nullptr;
  const double* volume = nullptr;  // NaN where unknown
  const double* spread = nullptr;
  const double* atr = nullptr;  // the columns of Context
  const double* atr_wilder_14 = nullptr;
  const double* ema_first_50 = nullptr;
  const double* rsi_wilder_14 = nullptr;

  Bar bar(int i) const {
    return {ts_open[i], ts_close[i], open[i], high[i], low[i], close[i], volume[i], spread[i]};
  }
  Context context(int i) const {
    return {row + i, atr[i], atr_wilder_14[i], ema_first_50[i], rsi_wilder_14[i]};
  }
};

class Machine {
 public:
  virtual ~Machine() = default;
  virtual const std::vector<ColumnInfo>& columns() const = 0;
  // A machine implements one of the two that follow; neither may allocate on the steady path.
  // Writes columns().size() values to out.
  virtual void push(const Bar& bar, const Context& context, double* out);
  // The same for block.n bars: the values of column c go to out[c][0..n-1]; out[c] is null, for the life of
  // the machine, where nobody wants column c. What out points to has room for column_stride(block.n) values.
  // Unless a machine has a faster way, push() in a loop.
  virtual void push_block(const Block& block, double* const* out);
  virtual void reset() = 0;

 private:
  std::vector<double> rows_;  // of the loop in push_block
};

}  // namespace smctrain::features
