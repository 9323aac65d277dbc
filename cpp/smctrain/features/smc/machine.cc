#include "smctrain/features/smc/machine.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/features/smc/columns.h"
#include "smctrain/features/smc/engine.h"
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
    is_wanted_.fill(true);
  }

  const std::vector<ColumnInfo>& columns() const override { return columns_; }

  void push(const Bar& bar, const Context& context, double* out) override {
    // The columns of the regime see every bar, so this one does too. It comes first because its divisions are
    // long and nothing of the engine waits for them.
    MarketState market;
    if (needs_market_) market = market_.push(smc::is_finite(bar) ? bar.close : kNaN, context);
    if (!smc::is_finite(bar)) {
      std::fill_n(out, columns_.size(), kNaN);
      return;
    }
    engine_.begin({1, &bar.ts_open, &bar.open, &bar.high, &bar.low, &bar.close, &context.atr,
                   &context.ema_first_50, &context.rsi_wilder_14});
    engine_.step();
    const double is_valid[] = {market.is_valid(+1), market.is_valid(-1)};
    const smc::Row row = smc::row_of(engine_);
    const auto write = [&](size_t group, auto&& writer) {
      if (is_wanted_[group]) writer(out + first_of_[group]);
    };
    write(kSwings, [&](double* to) { smc::write_swings(engine_.scale(), row, to); });
    write(kStructure, [&](double* to) { smc::write_structure(engine_.scale(), row, to); });
    write(kRangeBreak, [&](double* to) { smc::write_range_break(engine_, row, to); });
    write(kRangePosition, [&](double* to) { smc::write_range_position(engine_.scale(), row, to); });
    size_t group = kZones;
    for (const auto kind : kZoneKinds) {
      for (const int side : {+1, -1}) {
        write(group++,
              [&](double* to) { smc::write_zones(engine_, kind, side, row, is_valid[side < 0], to); });
      }
    }
    write(kLiquidity, [&](double* to) { smc::write_liquidity(engine_, row, to); });
    write(kZigzag, [&](double* to) { smc::write_zigzag(engine_, row, to); });
    if (!has_second_scale_) return;
    const smc::SwingScale& second = engine_.second_scale();
    write(kSecondSwings, [&](double* to) { smc::write_swings(second, row, to); });
    write(kSecondStructure, [&](double* to) { smc::write_structure(second, row, to); });
    write(kSecondRangePosition, [&](double* to) { smc::write_range_position(second, row, to); });
  }

  // Rows are turned into columns a few at a time: each column then takes one cache line.
  void push_block(const Block& block, double* const* out) override {
    if (rows_.empty()) choose(out);
    const size_t width = columns_.size();
    for (int first = 0; first < block.n; first += kTile) {
      const int n = std::min(kTile, block.n - first);
      for (int i = 0; i < n; ++i) {
        push(block.bar(first + i), block.context(first + i), rows_.data() + static_cast<size_t>(i) * width);
      }
      for (const size_t c : chosen_) {
        const double* from = rows_.data() + c;
        double* to = out[c] + first;
        for (int i = 0; i < n; ++i) to[i] = from[static_cast<size_t>(i) * width];
      }
    }
  }

  void reset() override {
    engine_.reset();
    market_.reset();
  }

  const smc::Engine& engine() const { return engine_; }

 private:
  static constexpr int kTile = 8;
  static constexpr smc::EventKind kZoneKinds[] = {smc::EventKind::kOrderBlock, smc::EventKind::kFvg,
                                                  smc::EventKind::kBreaker};

  // Before the first block: which columns are wanted, and what need not run for them.
  void choose(double* const* out) {
    rows_.resize(static_cast<size_t>(kTile) * columns_.size());
    is_wanted_.fill(false);
    needs_market_ = false;
    for (size_t group = 0; group < kGroups; ++group) {
      for (size_t c = first_of_[group]; c < first_of_[group + 1]; ++c) {
        if (out[c] == nullptr) continue;
        chosen_.push_back(c);
        is_wanted_[group] = true;
        needs_market_ = needs_market_ || columns_[c].name.ends_with("_valid");
      }
    }
    smc::Parts parts;
    parts.liquidity = is_wanted_[kLiquidity];
    parts.breakers = is_wanted_[kZones + 4] || is_wanted_[kZones + 5];
    parts.range_break = is_wanted_[kRangeBreak];
    parts.zigzag = is_wanted_[kZigzag];
    parts.second_scale =
        is_wanted_[kSecondSwings] || is_wanted_[kSecondStructure] || is_wanted_[kSecondRangePosition];
    engine_.work_on(parts);
  }

  bool has_second_scale_;
  smc::Engine engine_;
  MarketStateMachine market_;
  std::vector<ColumnInfo> columns_;
  std::array<size_t, kGroups + 1> first_of_{};
  std::array<bool, kGroups> is_wanted_{};
  bool needs_market_ = true;
  std::vector<double> rows_;    // of a tile, one after the other
  std::vector<size_t> chosen_;  // columns somebody wants
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
