#include "smctrain/features/smc/machine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/features/smc/columns.h"
#include "smctrain/features/smc/engine.h"
#include "smctrain/features/technical/kernels.h"
#include "smctrain/features/technical/regime.h"

namespace smctrain::features {

namespace {

// Columns that are written together, in the order of the row.
enum Group : size_t {
  kSwings,
  kStructure,
  kRangeBreak,
  kRangePosition,
  kZones,  // six: blocks, gaps, breakers, the long side of each first
  kLiquidity = kZones + 6,
  kZigzag,
  kSecondSwings,
  kSecondStructure,
  kSecondRangePosition,
  kGroups
};

class SmcMachine final : public Machine {
 public:
  SmcMachine(const smc::Options& options, const TrendTerms& terms)
      : has_second_scale_(options.second_scale > 0), engine_(options), market_(terms) {
    const int left = options.swing_left;
    const int right = options.swing_right;
    size_t group = 0;
    const auto begin_group = [&] { first_of_[group++] = columns_.size(); };
    begin_group();
    smc::define_swings(columns_, "", left, right);
    begin_group();
    smc::define_structure(columns_, "", left, right);
    begin_group();
    smc::define_range_break(columns_);
    begin_group();
    smc::define_range_position(columns_, "", left, right);
    for (const auto kind : kZoneKinds) {
      for (const int side : {+1, -1}) {
        begin_group();
        smc::define_zones(columns_, kind, side, options.zone_max_age_bars);
      }
    }
    begin_group();
    smc::define_liquidity(columns_, options.liquidity_max_age_bars);
    begin_group();
    smc::define_zigzag(columns_, left, right);
    begin_group();
    if (has_second_scale_) {
      const int second = options.second_scale;
      const std::string prefix = "s" + std::to_string(second) + "_";
      smc::define_swings(columns_, prefix, second, second);
      begin_group();
      smc::define_structure(columns_, prefix, second, second);
      begin_group();
      smc::define_range_position(columns_, prefix, second, second);
    }
    while (group <= kGroups) begin_group();
  }

  const std::vector<ColumnInfo>& columns() const override { return columns_; }

  // A block of one bar.
  void push(const Bar& bar, const Context& context, double* out) override {
    if (row_columns_.empty()) {
      row_values_.resize(columns_.size() * kRowStride);
      for (size_t c = 0; c < columns_.size(); ++c) row_columns_.push_back(&row_values_[c * kRowStride]);
    }
    // Prices of a block have spare entries behind them.
    std::array<std::array<double, 1 + kSpare>, 7> values{};
    const std::array<double, 7> given{
        bar.open, bar.high, bar.low, bar.close, context.atr, context.ema_first_50, context.rsi_wilder_14};
    for (size_t k = 0; k < values.size(); ++k) values[k][0] = given[k];
    Block block;
    block.n = 1;
    block.row = context.row;
    block.ts_open = &bar.ts_open;
    block.ts_close = &bar.ts_close;
    block.open = values[0].data();
    block.high = values[1].data();
    block.low = values[2].data();
    block.close = values[3].data();
    block.atr = values[4].data();
    block.ema_first_50 = values[5].data();
    block.rsi_wilder_14 = values[6].data();
    push_block(block, row_columns_.data());
    for (size_t c = 0; c < columns_.size(); ++c) out[c] = row_values_[c * kRowStride];
  }

  void push_block(const Block& block, double* const* out) override {
    if (!has_chosen_) choose(out);
    // The columns of the regime see every bar, so this one does too.
    if (needs_market_) judge_market(block);
    for (int first = 0; first < block.n;) {
      int end = first;
      while (end < block.n && is_usable(block, end)) ++end;
      if (end > first) push_bars(block, first, end - first, out);
      first = end;
      while (end < block.n && !is_usable(block, end)) ++end;
      for (const size_t c : chosen_) std::fill(out[c] + first, out[c] + end, kNaN);
      first = end;
    }
  }

  void reset() override {
    engine_.reset();
    market_.reset();
  }

  const smc::Engine& engine() const { return engine_; }

 private:
  static constexpr size_t kRowStride = 1 + kSpare;
  static constexpr smc::EventKind kZoneKinds[] = {smc::EventKind::kOrderBlock, smc::EventKind::kFvg,
                                                  smc::EventKind::kBreaker};

  // Before the first block: which columns are wanted, and what need not run for them.
  void choose(double* const* out) {
    has_chosen_ = true;
    is_wanted_.fill(false);
    for (size_t group = 0; group < kGroups; ++group) {
      for (size_t c = first_of_[group]; c < first_of_[group + 1]; ++c) {
        if (out[c] == nullptr) continue;
        chosen_.push_back(c);
        is_wanted_[group] = true;
        needs_market_ = needs_market_ || columns_[c].name.ends_with("_valid");
      }
    }
    smc::Parts parts;
    parts.structure = is_wanted_[kStructure];
    parts.blocks = is_wanted_[kZones] || is_wanted_[kZones + 1];
    parts.gaps = is_wanted_[kZones + 2] || is_wanted_[kZones + 3];
    parts.breakers = is_wanted_[kZones + 4] || is_wanted_[kZones + 5];
    parts.liquidity = is_wanted_[kLiquidity];
    parts.range = is_wanted_[kRangePosition];
    parts.range_break = is_wanted_[kRangeBreak];
    parts.zigzag = is_wanted_[kZigzag];
    parts.second_scale =
        is_wanted_[kSecondSwings] || is_wanted_[kSecondStructure] || is_wanted_[kSecondRangePosition];
    engine_.work_on(parts);
    for (size_t list = 0; list < 6; ++list) {
      if (is_wanted_[kZones + list]) engine_.follow(kZoneKinds[list / 2], list % 2 == 0 ? +1 : -1);
    }
    has_scale_ = is_wanted_[kSwings] || is_wanted_[kStructure] || is_wanted_[kRangePosition];
    has_second_scale_ = parts.second_scale && has_second_scale_;
    has_zones_ = parts.blocks || parts.gaps || parts.breakers;
  }

  static bool is_usable(const Block& block, int i) {
    if (block.plain) return true;
    return std::isfinite(block.open[i]) && std::isfinite(block.high[i]) && std::isfinite(block.low[i]) &&
           std::isfinite(block.close[i]);
  }

  void judge_market(const Block& block) {
    for (int i = 0; i < block.n; ++i) {
      const MarketState market = market_.push(is_usable(block, i) ? block.close[i] : kNaN, block.context(i));
      const auto k = static_cast<size_t>(i);
      const Regime regime = market.regime();
      is_valid_[0][k] = market.is_valid(+1, regime);
      is_valid_[1][k] = market.is_valid(-1, regime);
    }
  }

  // Bars first..first + n - 1 of the block, all with finite prices.
  void push_bars(const Block& block, int first, int n, double* const* out) {
    const smc::BlockRows rows = prepare(block, first, n);
    engine_.begin({n, block.ts_open + first, block.open + first, block.high + first, block.low + first,
                   rows.close, rows.atr, block.ema_first_50 + first, block.rsi_wilder_14 + first});
    run_engine(n);
    const auto write = [&](size_t group, auto&& writer) {
      if (is_wanted_[group]) writer(smc::Outputs(out + first_of_[group], first));
    };
    write(kSwings, [&](smc::Outputs to) { scale_.write_swings(rows, to); });
    write(kStructure, [&](smc::Outputs to) { scale_.write_structure(rows, to); });
    write(kRangeBreak, [&](smc::Outputs to) { range_break_.write(rows, to); });
    write(kRangePosition, [&](smc::Outputs to) { scale_.write_range_position(rows, to); });
    for (size_t list = 0; list < 6; ++list) {
      const smc::EventKind kind = kZoneKinds[list / 2];
      const int side = list % 2 == 0 ? +1 : -1;
      write(kZones + list,
            [&](smc::Outputs to) { zones_.write(engine_.zones(kind, side).track(), kind, side, rows, to); });
    }
    write(kLiquidity, [&](smc::Outputs to) { liquidity_.write(rows, to); });
    write(kZigzag, [&](smc::Outputs to) { zigzag_.write(rows, to); });
    write(kSecondSwings, [&](smc::Outputs to) { second_scale_.write_swings(rows, to); });
    write(kSecondStructure, [&](smc::Outputs to) { second_scale_.write_structure(rows, to); });
    write(kSecondRangePosition, [&](smc::Outputs to) { second_scale_.write_range_position(rows, to); });
  }

  smc::BlockRows prepare(const Block& block, int first, int n) {
    smc::BlockRows rows;
    rows.n = n;
    rows.close = block.close + first;
    rows.atr = block.atr + first;
    rows.now = now_.data();
    rows.minus_close = minus_close_.data();
    rows.within_3 = within_3_.data();
    rows.is_valid = {is_valid_[0].data() + first, is_valid_[1].data() + first};
    const auto t = static_cast<double>(engine_.now() + 1);
    for (int i = 0; i < n; ++i) now_[static_cast<size_t>(i)] = t + i;
    for (int i = 0; i < n; ++i) minus_close_[static_cast<size_t>(i)] = -rows.close[i];
    if (has_zones_) smc::find_within_3(rows.atr, n, within_3_.data());
    return rows;
  }

  void run_engine(int n) {
    if (has_scale_) scale_.begin(engine_.scale());
    if (has_second_scale_) second_scale_.begin(engine_.second_scale());
    if (is_wanted_[kZigzag]) zigzag_.begin(engine_.zigzag());
    if (is_wanted_[kLiquidity]) liquidity_.begin(engine_);
    for (int i = 0; i < n; ++i) {
      engine_.step();
      const int64_t t = engine_.now();
      if (has_scale_) scale_.observe(engine_.scale(), t, i);
      if (has_second_scale_) second_scale_.observe(engine_.second_scale(), t, i);
      if (is_wanted_[kZigzag]) zigzag_.observe(engine_.zigzag(), t, i);
      if (is_wanted_[kLiquidity]) liquidity_.observe(engine_, i);
      if (is_wanted_[kRangeBreak]) range_break_.observe(engine_.range_break(), i);
    }
  }

  bool has_second_scale_;
  smc::Engine engine_;
  MarketStateMachine market_;
  std::vector<ColumnInfo> columns_;
  std::array<size_t, kGroups + 1> first_of_{};
  std::array<bool, kGroups> is_wanted_{};
  bool needs_market_ = false;
  bool has_scale_ = false;
  bool has_zones_ = false;
  bool has_chosen_ = false;
  std::vector<size_t> chosen_;  // columns somebody wants
  smc::ScaleTrack scale_;
  smc::ScaleTrack second_scale_;
  smc::ZigzagTrack zigzag_;
  smc::RangeBreakTrack range_break_;
  smc::LiquidityTrack liquidity_;
  smc::ZoneColumns zones_;
  std::array<smc::Scratch, 2> is_valid_{};  // long side first
  smc::Scratch now_{};
  smc::Scratch minus_close_{};
  smc::Scratch within_3_{};
  std::vector<double> row_values_;  // of push()
  std::vector<double*> row_columns_;
};

}  // namespace

std::unique_ptr<Machine> make_smc_machine(const smc::Options& options, const TrendTerms& terms) {
  options.validate();
  return std::make_unique<SmcMachine>(options, terms);
}

double smc_zone_distance_atr(const Machine& smc_machine, ZoneKind kind, int side, double price) {
  const auto* machine = dynamic_cast<const SmcMachine*>(&smc_machine);
  if (machine == nullptr)
    raise("InputError", "internal: zone distances need the machine of make_smc_machine().");
  const smc::Engine& engine = machine->engine();
  if (engine.now() < 0) return kNaN;
  const smc::ZoneList& zones =
      kind == ZoneKind::kOrderBlock ? engine.blocks(side).zones() : engine.gaps(side).zones();
  const double atr = engine.bar().atr;
  return zones.summarize(side * price, 0.0).distance / (atr > 0.0 ? atr : kNaN);
}

const std::vector<std::string>& smc_default_columns() {
  static const std::vector<std::string> names = {
      "sw_high_dist_atr",
      "sw_low_dist_atr",
      "sw_high_kind",
      "sw_low_kind",
      "sw_leg_atr",
      "ms_dir",
      "ms_bars_since_bos",
      "ms_bars_since_choch",
      "ms_last_is_choch",
      "ms_px_break_atr",
      "pd_pos",
      "pd_range_atr",
      "ret_cur",
      "ob_bull_dist_atr",
      "ob_bull_age",
      "ob_bull_fill",
      "ob_bull_n_3atr",
      "ob_bear_dist_atr",
      "ob_bear_age",
      "ob_bear_fill",
      "ob_bear_n_3atr",
      "fvg_bull_dist_atr",
      "fvg_bull_fill",
      "fvg_bull_n_3atr",
      "fvg_bear_dist_atr",
      "fvg_bear_fill",
      "fvg_bear_n_3atr",
      "liq_bsl_dist_atr",
      "liq_ssl_dist_atr",
      "liq_bars_since_sweep_up",
      "liq_bars_since_sweep_dn",
  };
  return names;
}

}  // namespace smctrain::features
