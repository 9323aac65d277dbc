#include <algorithm>
#include <cmath>
#include <string>

#include "smctrain/features/smc/columns.h"

namespace smctrain::features::smc {

namespace {

constexpr int64_t kAtrWarmup = 14;
constexpr int64_t kSettle = 300;  // the ATR's 187, and a few structure breaks

// Wider swings are rarer in proportion, and so are the breaks that renew the state.
int64_t structure_settle(int left, int right) {
  return std::max<int64_t>(kSettle, kSettle * (left + right) / 10);
}

// Adds columns of one family that share their warm-up and the moment they are known.
class Definer {
 public:
  Definer(Columns& columns, const char* known_at, const std::string& prefix = "", int64_t settle = kSettle)
      : columns_(columns), known_at_(known_at), prefix_(prefix), settle_(settle) {}
  void operator()(const std::string& name, const char* unit, int64_t warmup,
                  const std::string& definition) const {
    (*this)(name, unit, warmup, definition, kForever, settle_);
  }
  void operator()(const std::string& name, const char* unit, int64_t warmup, const std::string& definition,
                  int64_t lookback, int64_t settle) const {
    const bool is_level = std::string(unit) == "price";
    columns_.push_back({prefix_ + name, "structure", unit, is_level ? "level" : "feature", lookback, warmup,
                        settle, known_at_, definition});
  }

 private:
  Columns& columns_;
  std::string known_at_;
  std::string prefix_;
  int64_t settle_;
};

}  // namespace

void define_swings(Columns& columns, const std::string& prefix, int left, int right) {
  const Definer add(columns, "close of the bar `right` bars after the pivot", prefix,
                    structure_settle(left, right));
  const int64_t first = left + right;
  const int64_t scaled = std::max<int64_t>(first, kAtrWarmup);
  const int64_t window = first + 1;
  add("sw_high_new", "flag", 0, "1 on the bar that confirms a swing high", window, first);
  add("sw_low_new", "flag", 0, "1 on the bar that confirms a swing low", window, first);
  add("sw_high_dist_atr", "atr", scaled, "(last known swing high - close) / ATR");
  add("sw_low_dist_atr", "atr", scaled, "(close - last known swing low) / ATR");
  add("sw_high_age", "bars", first, "bars since the last known swing high");
  add("sw_low_age", "bars", first, "bars since the last known swing low");
  add("sw_high_kind", "sign", first + right + 1, "+1 higher, -1 lower, 0 equal to the swing high before it");
  add("sw_low_kind", "sign", first + right + 1, "+1 higher, -1 lower, 0 equal to the swing low before it");
  add("sw_leg_atr", "atr", scaled, "(last known swing high - last known swing low) / ATR");
  add("sw_high_level", "price", first, "last known swing high");
  add("sw_low_level", "price", first, "last known swing low");
}

void ScaleTrack::begin(const SwingScale& scale) {
  track_.begin();
  new_.begin();
  breaks_.begin();
  take_down(scale, 0);
}

void ScaleTrack::take_down(const SwingScale& scale, int row) {
  const auto& [right, swings, structure, range] = scale;
  const Swing& high = swings.high();
  const Swing& low = swings.low();
  double* to = track_.at(row);
  to[kHighLevel] = high.level;
  to[kLowLevel] = low.level;
  to[kHighOrigin] = high.origin_number;
  to[kLowOrigin] = low.origin_number;
  to[kHighKind] = high.kind;
  to[kLowKind] = low.kind;
  to[kLeg] = high.level - low.level;
  to[kDirection] = structure.facts().direction;
  to[kIsUp] = structure.facts().is_up;
  to[kIsDown] = structure.facts().is_down;
  to[kLastBos] = structure.last_bos().number;
  to[kLastChoch] = structure.last_choch().number;
  to[kLastIsChoch] = flag(structure.has_break() && structure.last_break().is_choch);
  to[kBosRun] = static_cast<double>(structure.bos_run());
  to[kBreakDistance] = structure.last_break_distance_atr();
  to[kBrokenLevel] = structure.last_break().level.price;
  to[kUpLevel] = structure.up().price;
  to[kDownLevel] = structure.down().price;
  to[kIsLowOlder] = flag(low.origin < high.origin);
  to[kIsHighOlder] = flag(high.origin < low.origin);
  const bool has_leg = range.has_leg();
  to[kLegDirection] = has_leg ? range.leg_direction() : kNaN;
  to[kLegEnd] = range.leg_end();
  to[kLegHeight] = has_leg ? range.leg_height() : kNaN;
}

void ScaleTrack::mark_breaks(const Structure& structure, int64_t t, int row) {
  breaks_.add(row) = {flag(structure.last_bos(+1) == t),
                      flag(structure.last_bos(-1) == t),
                      flag(structure.last_choch(+1) == t),
                      flag(structure.last_choch(-1) == t),
                      flag(structure.is_wick_up()),
                      flag(structure.is_wick_down()),
                      structure.break_count() > 0 ? structure.last_break_z() : kNaN};
}

void ScaleTrack::write_swings(const BlockRows& rows, Outputs out) const {
  HeldColumns held(track_.runs(), rows);
  new_.write(0, 0.0, rows.n, out.next());
  new_.write(1, 0.0, rows.n, out.next());
  held.above(kHighLevel, rows.close, out.next());
  held.below(kLowLevel, rows.close, out.next());
  held.since(kHighOrigin, out.next());
  held.since(kLowOrigin, out.next());
  held.hold(kHighKind, out.next());
  held.hold(kLowKind, out.next());
  held.in_atr(kLeg, out.next());
  held.hold(kHighLevel, out.next());
  held.hold(kLowLevel, out.next());
  held.write();
}

void define_zigzag(Columns& columns, int left, int right) {
  const Definer add(columns, "close of the bar `right` bars after the pivot", "",
                    structure_settle(left, right));
  const int64_t first = left + right;
  const int64_t scaled = std::max<int64_t>(first, kAtrWarmup);
  const int64_t second = first + 1;  // a bar may be both, but then the two lie one upon the other
  add("sw_zz_new", "sign", 0,
      "+1 on the bar that makes an alternating swing high known, new or in place of the last, -1 low, else "
      "0");
  add("sw_zz_dir", "sign", first, "+1 if the last alternating swing is a high, -1 if it is a low");
  add("sw_zz_age", "bars", first, "bars since the last alternating swing");
  add("sw_zz_dist_atr", "atr", scaled, "sw_zz_dir * (last alternating swing - close) / ATR");
  add("sw_zz_leg_atr", "atr", scaled,
      "sw_zz_dir * (last alternating swing - the one before) / ATR: height of the last leg");
  add("sw_zz_leg_ratio", "ratio", second, "height of the last leg / height of the leg before, without sign");
  add("sw_zz_level", "price", first, "last alternating swing");
}

void ZigzagTrack::begin(const Zigzag& zigzag) {
  track_.begin();
  new_.begin();
  take_down(zigzag, 0);
}

namespace {
enum ZigzagField : int { kZigzagSide, kZigzagOrigin, kZigzagLevel, kZigzagLeg, kZigzagRatio };
}

void ZigzagTrack::take_down(const Zigzag& zigzag, int row) {
  const Zigzag::Point& last = zigzag.last();
  const double before = std::abs(zigzag.leg_before());
  double* to = track_.at(row);
  to[kZigzagSide] = last.side != 0 ? last.side : kNaN;
  to[kZigzagOrigin] = last.side != 0 ? static_cast<double>(last.origin) : kNaN;
  to[kZigzagLevel] = last.level;
  to[kZigzagLeg] = last.side * zigzag.leg();
  to[kZigzagRatio] = before > 0.0 ? std::abs(zigzag.leg()) / before : kNaN;
}

void ZigzagTrack::write(const BlockRows& rows, Outputs out) const {
  HeldColumns held(track_.runs(), rows);
  Scratch side;
  new_.write(0, 0.0, rows.n, out.next());
  held.hold(kZigzagSide, out.next());
  held.since(kZigzagOrigin, out.next());
  double* distance = out.next();
  held.above(kZigzagLevel, rows.close, distance);
  held.in_atr(kZigzagLeg, out.next());
  held.hold(kZigzagRatio, out.next());
  held.hold(kZigzagLevel, out.next());
  if (distance != nullptr) held.hold(kZigzagSide, side.data());
  held.write();
  if (distance == nullptr) return;
  for (int i = 0; i < rows.n; ++i) distance[i] *= side[static_cast<size_t>(i)];
}

void define_structure(Columns& columns, const std::string& prefix, int left, int right) {
  const Definer add(columns, "close of the breaking bar", prefix, structure_settle(left, right));
  const int64_t known = left + right;
  const int64_t broken = known + 1;
  add("ms_dir", "sign", 0, "direction of the last structure break, 0 before the first");
  add("ms_dir_up", "flag", 0, "1 while ms_dir is +1");
  add("ms_dir_dn", "flag", 0, "1 while ms_dir is -1");
  add("ms_bos_up", "flag", 0, "1 on a bar that closes above the level in the direction of the structure");
  add("ms_bos_dn", "flag", 0, "1 on a bar that closes below the level in the direction of the structure");
  add("ms_choch_up", "flag", 0, "1 on a bar that closes above the level against the structure");
  add("ms_choch_dn", "flag", 0, "1 on a bar that closes below the level against the structure");
  add("ms_wick_up", "flag", 0, "1 if the high is above the level but the close is not");
  add("ms_wick_dn", "flag", 0, "1 if the low is below the level but the close is not");
  add("ms_bars_since_bos", "bars", broken, "bars since the last BOS of either side");
  add("ms_bars_since_choch", "bars", broken + 1, "bars since the last CHoCH of either side");
  add("ms_last_is_choch", "flag", 0, "1 while the last break was a CHoCH");
  add("ms_bos_run", "count", 0, "BOS since the last CHoCH");
  add("ms_break_dist_atr", "atr", kAtrWarmup, "|close - level| / ATR, frozen at the last break");
  add("ms_break_dist_atr_ez100", "z", kAtrWarmup,
      "|close - level| / ATR of the break on this bar among the 100 breaks before it (at least 20), else NaN",
      kForever, kForever);
  add("ms_px_break_atr", "atr", kAtrWarmup, "ms_dir * (close - level of the last break) / ATR");
  add("ms_up_dist_atr", "atr", kAtrWarmup, "(live upper level - close) / ATR, NaN if it is consumed");
  add("ms_dn_dist_atr", "atr", kAtrWarmup, "(close - live lower level) / ATR, NaN if it is consumed");
  add("ms_up_level", "price", known, "live upper level");
  add("ms_dn_level", "price", known, "live lower level");
}

void ScaleTrack::write_structure(const BlockRows& rows, Outputs out) const {
  HeldColumns held(track_.runs(), rows);
  for (const int field : {kDirection, kIsUp, kIsDown}) held.hold(field, out.next());
  for (size_t mark = 0; mark < 6; ++mark) breaks_.write(mark, 0.0, rows.n, out.next());
  held.since(kLastBos, out.next());
  held.since(kLastChoch, out.next());
  for (const int field : {kLastIsChoch, kBosRun, kBreakDistance}) held.hold(field, out.next());
  breaks_.write(6, kNaN, rows.n, out.next());
  double* distance = out.next();
  held.below(kBrokenLevel, rows.close, distance);
  held.above(kUpLevel, rows.close, out.next());
  held.below(kDownLevel, rows.close, out.next());
  held.hold(kUpLevel, out.next());
  held.hold(kDownLevel, out.next());
  Scratch direction;
  if (distance != nullptr) held.hold(kDirection, direction.data());
  held.write();
  if (distance == nullptr) return;
  for (int i = 0; i < rows.n; ++i) distance[i] *= direction[static_cast<size_t>(i)];
}

void define_range_break(Columns& columns) {
  const Definer add(columns, "close of the bar");
  const int64_t bars = RangeBreak::kBars;
  add("rb10_up", "code", bars, "high of the last 10 bars: 0 not passed, 1 by a wick, 2 by the close",
      bars + 1, 0);
  add("rb10_dn", "code", bars, "low of the last 10 bars: 0 not passed, 1 by a wick, 2 by the close", bars + 1,
      0);
  add("rb10_up_dist_atr", "atr", kAtrWarmup, "(high - highest of 10) / ATR on a break up, else NaN", kForever,
      187);
  add("rb10_dn_dist_atr", "atr", kAtrWarmup, "(lowest of 10 - low) / ATR on a break down, else NaN", kForever,
      187);
  add("rb10_dir", "sign", bars, "side of the last break of the 10-bar range by a close");
  add("rb10_flip", "flag", bars, "1 when rb10_dir changes sides");
}

void RangeBreakTrack::observe(const RangeBreak& range, int row) {
  const auto i = static_cast<size_t>(row);
  if (!range.is_ready()) {
    for (auto& column : values_) column[i] = kNaN;
    return;
  }
  values_[0][i] = range.up();
  values_[1][i] = range.down();
  values_[2][i] = range.up_distance();
  values_[3][i] = range.down_distance();
  values_[4][i] = range.direction();
  values_[5][i] = flag(range.is_flip());
}

void RangeBreakTrack::write(const BlockRows& rows, Outputs out) const {
  for (size_t c = 0; c < kColumns; ++c) {
    double* to = out.next();
    if (to == nullptr) continue;
    if (c == 2 || c == 3) {
      kernels().scaled_ratio(values_[c].data(), rows.atr, 1.0, rows.n, to);
    } else {
      std::copy_n(values_[c].data(), rows.n, to);
    }
  }
}

void define_range_position(Columns& columns, const std::string& prefix, int left, int right) {
  const Definer add(columns, "close of the bar; swings `right` bars after their pivot", prefix,
                    structure_settle(left, right));
  const int64_t first = left + right;
  const int64_t scaled = std::max<int64_t>(first, kAtrWarmup);
  add("pd_pos", "ratio", first,
      "(close - low) / (high - low) of the range between the last swings and later extremes");
  add("pd_premium", "flag", 0, "1 if pd_pos > 0.55");
  add("pd_discount", "flag", 0, "1 if pd_pos < 0.45");
  add("pd_range_atr", "atr", scaled, "height of the range / ATR");
  add("pd_ote_long", "flag", 0,
      "1 if the swing low is older and 62 to 79 % of the range is retraced from its high");
  add("pd_ote_short", "flag", 0,
      "1 if the swing high is older and 62 to 79 % of the range is retraced from its low");
  add("ret_dir", "sign", first, "direction of the leg between the last two swings of opposite sides");
  add("ret_cur", "ratio", first, "retracement of that leg at the close: 0 at its end, 1 at its start");
  add("ret_deep", "ratio", first, "deepest retracement since the end of the leg");
  add("pd_high_level", "price", first, "upper end of the range");
  add("pd_low_level", "price", first, "lower end of the range");
}

void ScaleTrack::write_range_position(const BlockRows& rows, Outputs out) {
  const Runs& runs = track_.runs();
  const auto n = static_cast<size_t>(rows.n);
  for (size_t i = 0; i < n; ++i) height_[i] = high_[i] > low_[i] ? high_[i] - low_[i] : kNaN;
  const auto& divide = kernels().difference_ratio;
  divide(rows.close, low_.data(), height_.data(), 1.0, rows.n, from_low_.data());
  divide(high_.data(), rows.close, height_.data(), 1.0, rows.n, from_high_.data());
  if (double* to = out.next(); to != nullptr) std::copy_n(from_low_.data(), n, to);
  if (double* to = out.next(); to != nullptr) {
    for (size_t i = 0; i < n; ++i) to[i] = flag(from_low_[i] > 0.55);
  }
  if (double* to = out.next(); to != nullptr) {
    for (size_t i = 0; i < n; ++i) to[i] = flag(from_low_[i] < 0.45);
  }
  if (double* to = out.next(); to != nullptr)
    kernels().scaled_ratio(height_.data(), rows.atr, 1.0, rows.n, to);
  for (const bool is_long : {true, false}) {
    double* to = out.next();
    if (to == nullptr) continue;
    const Values& retraced = is_long ? from_high_ : from_low_;
    runs.write(is_long ? kIsLowOlder : kIsHighOlder, rows.n, to);
    for (size_t i = 0; i < n; ++i) to[i] = flag((retraced[i] >= 0.62) & (retraced[i] <= 0.79)) * to[i];
  }
  if (double* to = out.next(); to != nullptr) runs.write(kLegDirection, rows.n, to);
  for (const double* price : {rows.close, static_cast<const double*>(deepest_.data())}) {
    double* to = out.next();
    if (to == nullptr) continue;
    Scratch height;
    runs.write(kLegEnd, rows.n, to);
    runs.write(kLegHeight, rows.n, height.data());
    divide(to, price, height.data(), 1.0, rows.n, to);
  }
  if (double* to = out.next(); to != nullptr) std::copy_n(high_.data(), n, to);
  if (double* to = out.next(); to != nullptr) std::copy_n(low_.data(), n, to);
}

}  // namespace smctrain::features::smc
