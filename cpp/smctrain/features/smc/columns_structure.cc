#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
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

Row row_of(const Engine& engine) {
  const PastBar bar = engine.bar();
  Row row;
  row.t = engine.now();
  row.now = static_cast<double>(row.t);
  row.close = bar.candle.close;
  if (!(bar.atr > 0.0)) {
    row.within_3 = -1.0;
    return row;
  }
  row.atr = bar.atr;
  // The quotient decides; the product may miss its bound by a rounding. Neighbours of a double are one bit
  // apart.
  auto bits = std::bit_cast<int64_t>(3.0 * bar.atr);
  while (std::bit_cast<double>(bits) / bar.atr > 3.0) --bits;
  while (std::bit_cast<double>(bits + 1) / bar.atr <= 3.0) ++bits;
  row.within_3 = std::bit_cast<double>(bits);
  return row;
}

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

double* write_swings(const SwingScale& scale, const Row& row, double* out) {
  const Swing& high = scale.swings.high();
  const Swing& low = scale.swings.low();
  *out++ = flag(high.known_at == row.t);
  *out++ = flag(low.known_at == row.t);
  *out++ = (high.level - row.close) / row.atr;
  *out++ = (row.close - low.level) / row.atr;
  *out++ = row.now - high.origin_number;
  *out++ = row.now - low.origin_number;
  *out++ = high.kind;
  *out++ = low.kind;
  *out++ = (high.level - low.level) / row.atr;
  *out++ = high.level;
  *out++ = low.level;
  return out;
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

double* write_zigzag(const Engine& engine, const Row& row, double* out) {
  const Zigzag& zigzag = engine.zigzag();
  const Zigzag::Point& last = zigzag.last();
  const double side = last.side;
  const double before = std::abs(zigzag.leg_before());
  *out++ = zigzag.is_new(row.t) ? side : 0.0;
  *out++ = last.side != 0 ? side : kNaN;
  *out++ = last.side != 0 ? static_cast<double>(row.t - last.origin) : kNaN;
  *out++ = side * (last.level - row.close) / row.atr;
  *out++ = side * zigzag.leg() / row.atr;
  *out++ = before > 0.0 ? std::abs(zigzag.leg()) / before : kNaN;
  *out++ = last.level;
  return out;
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

double* write_structure(const SwingScale& scale, const Row& row, double* out) {
  const Structure& structure = scale.structure;
  std::memcpy(out, &structure.facts(), sizeof(StructureFacts));
  out += sizeof(StructureFacts) / sizeof(double);
  constexpr int kMarks = 6;  // of the newest bar; mostly there is nothing to mark
  std::fill_n(out, kMarks, 0.0);
  if (!structure.is_quiet()) {
    out[0] = flag(structure.last_bos(+1) == row.t);
    out[1] = flag(structure.last_bos(-1) == row.t);
    out[2] = flag(structure.last_choch(+1) == row.t);
    out[3] = flag(structure.last_choch(-1) == row.t);
    out[4] = flag(structure.is_wick_up());
    out[5] = flag(structure.is_wick_down());
  }
  out += kMarks;
  *out++ = row.now - structure.last_bos().number;
  *out++ = row.now - structure.last_choch().number;
  *out++ = flag(structure.has_break() && structure.last_break().is_choch);
  *out++ = static_cast<double>(structure.bos_run());
  *out++ = structure.last_break_distance_atr();
  *out++ = structure.break_count() > 0 ? structure.last_break_z() : kNaN;
  *out++ = structure.direction() * (row.close - structure.last_break().level.price) / row.atr;
  *out++ = (structure.up().price - row.close) / row.atr;
  *out++ = (row.close - structure.down().price) / row.atr;
  *out++ = structure.up().price;
  *out++ = structure.down().price;
  return out;
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

double* write_range_break(const Engine& engine, const Row& row, double* out) {
  const RangeBreak& range = engine.range_break();
  if (!range.is_ready()) return std::fill_n(out, 6, kNaN);
  *out++ = range.up();
  *out++ = range.down();
  *out++ = range.up_distance() / row.atr;
  *out++ = range.down_distance() / row.atr;
  *out++ = range.direction();
  *out++ = flag(range.is_flip());
  return out;
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

double* write_range_position(const SwingScale& scale, const Row& row, double* out) {
  const RangePosition& range = scale.range;
  const double close = row.close;
  const double height = range.has_range() ? range.high() - range.low() : kNaN;
  const double position = (close - range.low()) / height;
  const int64_t high_origin = scale.swings.high().origin;
  const int64_t low_origin = scale.swings.low().origin;
  const double retraced = low_origin < high_origin ? (range.high() - close) / height : position;
  const bool is_ote = retraced >= 0.62 && retraced <= 0.79;
  *out++ = position;
  *out++ = flag(position > 0.55);
  *out++ = flag(position < 0.45);
  *out++ = height / row.atr;
  *out++ = flag(is_ote && low_origin < high_origin);
  *out++ = flag(is_ote && high_origin < low_origin);
  if (range.has_leg()) {
    out[0] = range.leg_direction();
    out[1] = range.retracement(close);
    out[2] = range.deepest_retracement();
  } else {
    std::fill_n(out, 3, kNaN);
  }
  out += 3;
  *out++ = range.high();
  *out++ = range.low();
  return out;
}

}  // namespace smctrain::features::smc
