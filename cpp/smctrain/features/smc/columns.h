// Columns of the machine: what they are called and what they say about the newest bar.
//
// For each family `define_*` and `write_*` stand together in one file and keep one order. The settle figures
// are measured: state machines have no exact memory length, and after this many bars two starts agree on real
// data.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "smctrain/features/machine.h"
#include "smctrain/features/smc/engine.h"
#include "smctrain/features/smc/track.h"

namespace smctrain::features::smc {

using Columns = std::vector<ColumnInfo>;

inline double flag(bool is_set) { return static_cast<double>(is_set); }

// `prefix` names a further scale, "" the main one.
void define_swings(Columns& columns, const std::string& prefix, int left, int right);
void define_structure(Columns& columns, const std::string& prefix, int left, int right);
void define_range_position(Columns& columns, const std::string& prefix, int left, int right);
void define_zigzag(Columns& columns, int left, int right);
void define_range_break(Columns& columns);
void define_zones(Columns& columns, EventKind kind, int side, int max_age_bars);
void define_liquidity(Columns& columns, int max_age_bars);

// ---- writing. The engine runs over a block first and what changes now and then is written down (track.h);
// then every column is written as a whole. A column nobody wants is null.

// What many columns of a block need.
struct BlockRows {
  int n = 0;
  const double* now = nullptr;  // bars since the start of the segment
  const double* close = nullptr;
  const double* minus_close = nullptr;  // as the short side sees it
  const double* atr = nullptr;
  const double* within_3 = nullptr;         // largest distance that is at most 3 once divided by the ATR
  std::array<const double*, 2> is_valid{};  // whether zones of a side may be traded, long side first; or null
};

// Columns that are made of the same runs: each is asked for, then all are written in one pass. A column that
// is null is left out.
class HeldColumns {
 public:
  HeldColumns(const Runs& runs, const BlockRows& rows) : runs_(runs), rows_(rows) {}
  // Field `field` of the runs; bars since it; in ATR.
  void hold(int field, double* out) { add(field, Step::kNone, nullptr, out); }
  void since(int field, double* out) { add(field, Step::kSince, nullptr, out); }
  void in_atr(int field, double* out) { add(field, Step::kInAtr, nullptr, out); }
  // (field - price) / ATR and (price - field) / ATR
  void above(int field, const double* price, double* out) { add(field, Step::kAbove, price, out); }
  void below(int field, const double* price, double* out) { add(field, Step::kBelow, price, out); }
  void write() {
    runs_.write({fields_.data(), count_}, rows_.n, out_.data());
    for (size_t i = 0; i < count_; ++i) finish(steps_[i], prices_[i], out_[i]);
    count_ = 0;
  }

 private:
  static constexpr size_t kMost = 32;
  enum class Step : uint8_t { kNone, kSince, kInAtr, kAbove, kBelow };

  void add(int field, Step step, const double* price, double* out) {
    if (out == nullptr) return;
    if (count_ == kMost) write();
    fields_[count_] = field;
    steps_[count_] = step;
    prices_[count_] = price;
    out_[count_++] = out;
  }
  void finish(Step step, const double* price, double* out) const {
    const Kernels& k = kernels();
    switch (step) {
      case Step::kNone:
        return;
      case Step::kSince:
        return k.difference(rows_.now, out, rows_.n, out);
      case Step::kInAtr:
        return k.scaled_ratio(out, rows_.atr, 1.0, rows_.n, out);
      case Step::kAbove:
        return k.difference_ratio(out, price, rows_.atr, 1.0, rows_.n, out);
      case Step::kBelow:
        return k.difference_ratio(price, out, rows_.atr, 1.0, rows_.n, out);
    }
  }

  const Runs& runs_;
  const BlockRows& rows_;
  size_t count_ = 0;
  std::array<int, kMost> fields_;
  std::array<Step, kMost> steps_;
  std::array<const double*, kMost> prices_;
  std::array<double*, kMost> out_;
};

// Of each of n bars; -1 where dividing by the ATR has no meaning.
void find_within_3(const double* atr, int n, double* out);

using Scratch = std::array<double, kColumnStride>;

// The columns of the machine from some bar of a block on, in their order.
class Outputs {
 public:
  Outputs(double* const* columns, int first) : columns_(columns), first_(first) {}
  double* next() {
    double* column = *columns_++;
    return column == nullptr ? nullptr : column + first_;
  }

 private:
  double* const* columns_;
  int first_;
};

// What happened on some bars, as columns of marks: `nothing` everywhere else.
template <size_t kColumns>
class Marks {
 public:
  void begin() { rows_.clear(); }
  std::array<double, kColumns>& add(int row) {
    rows_.emplace_back(row, std::array<double, kColumns>{});
    return rows_.back().second;
  }
  void write(size_t column, double nothing, int n, double* out) const {
    if (out == nullptr) return;
    std::fill_n(out, n, nothing);
    for (const auto& [row, values] : rows_) out[row] = values[column];
  }

 private:
  std::vector<std::pair<int, std::array<double, kColumns>>> rows_;
};

// Numbers of a scale that change with a swing or a break.
enum ScaleField : int {
  kHighLevel,
  kLowLevel,
  kHighOrigin,
  kLowOrigin,
  kHighKind,
  kLowKind,
  kLeg,
  kDirection,
  kIsUp,
  kIsDown,
  kLastBos,
  kLastChoch,
  kLastIsChoch,
  kBosRun,
  kBreakDistance,
  kBrokenLevel,
  kUpLevel,
  kDownLevel,
  kIsLowOlder,
  kIsHighOlder,
  kLegDirection,
  kLegEnd,
  kLegHeight,
  kScaleFields
};

// Swings, structure and range of one scale along a block.
class ScaleTrack {
 public:
  void begin(const SwingScale& scale);
  // The bar t just taken in, row `row` of the block.
  void observe(const SwingScale& scale, int64_t t, int row) {
    const bool is_high = scale.swings.is_high_new(t);
    const bool is_low = scale.swings.is_low_new(t);
    if (is_high || is_low) new_.add(row) = {flag(is_high), flag(is_low)};
    if (!scale.structure.is_quiet()) mark_breaks(scale.structure, t, row);
    if (is_high || is_low || scale.structure.break_count() > 0) take_down(scale, row);
    const auto i = static_cast<size_t>(row);
    high_[i] = scale.range.high();
    low_[i] = scale.range.low();
    deepest_[i] = scale.range.extreme_since_end();
  }
  void write_swings(const BlockRows& rows, Outputs out) const;
  void write_structure(const BlockRows& rows, Outputs out) const;
  void write_range_position(const BlockRows& rows, Outputs out);

 private:
  using Values = std::array<double, kColumnStride>;

  void take_down(const SwingScale& scale, int row);
  void mark_breaks(const Structure& structure, int64_t t, int row);

  Track track_{kScaleFields};
  Marks<2> new_;
  Marks<7> breaks_;
  Values high_{};  // of the range
  Values low_{};
  Values deepest_{};
  Values from_low_{};
  Values from_high_{};
  Values height_{};
};

class ZigzagTrack {
 public:
  void begin(const Zigzag& zigzag);
  void observe(const Zigzag& zigzag, int64_t t, int row) {
    if (!zigzag.is_new(t)) return;
    new_.add(row) = {static_cast<double>(zigzag.last().side)};
    take_down(zigzag, row);
  }
  void write(const BlockRows& rows, Outputs out) const;

 private:
  void take_down(const Zigzag& zigzag, int row);

  Track track_{5};
  Marks<1> new_;
};

class RangeBreakTrack {
 public:
  void observe(const RangeBreak& range, int row);
  void write(const BlockRows& rows, Outputs out) const;

 private:
  static constexpr size_t kColumns = 6;
  std::array<std::array<double, kColumnStride>, kColumns> values_{};
};

class LiquidityTrack {
 public:
  void begin(const Engine& engine);
  void observe(const Engine& engine, int row);
  void write(const BlockRows& rows, Outputs out) const;

 private:
  void take_down(const Engine& engine, int row);

  Track track_{13};
  Marks<4> taken_;
  int64_t changes_ = 0;
};

// Of which zone is the nearest on every bar.
class ZoneColumns {
 public:
  void write(const ZoneTrack& track, EventKind kind, int side, const BlockRows& rows, Outputs out);

 private:
  using Values = std::array<double, kColumnStride>;
  using Ids = std::array<int64_t, kColumnStride>;

  void find_nearest(const ZoneTrack& track, const double* close, const BlockRows& rows);
  void find_runs(const ZoneTrack& track, const Ids& ids, int n, Runs& runs) const;

  Values distance_{};
  Values fresh_distance_{};
  Values count_{};
  Values active_{};
  Values fresh_{};
  Ids nearest_{};
  Ids nearest_fresh_{};
  Runs runs_;
  Runs fresh_runs_;
};

}  // namespace smctrain::features::smc
