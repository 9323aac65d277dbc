#include "smctrain/features/smc/machine.h"

#include <algorithm>

#include "smctrain/base/error.h"
#include "smctrain/features/smc/columns.h"
#include "smctrain/features/smc/engine.h"

namespace smctrain::features {

namespace {

class SmcMachine final : public Machine {
 public:
  SmcMachine(const smc::Options& options, const TrendTerms& terms)
      : has_second_scale_(options.second_scale > 0), engine_(options), market_(terms) {
    const int left = options.swing_left;
    const int right = options.swing_right;
    smc::define_swings(columns_, "", left, right);
    smc::define_structure(columns_, "", left, right);
    smc::define_range_break(columns_);
    smc::define_range_position(columns_, "", left, right);
    for (const auto kind : kZoneKinds) {
      for (const int side : {+1, -1}) smc::define_zones(columns_, kind, side, options.zone_max_age_bars);
    }
    smc::define_liquidity(columns_, options.liquidity_max_age_bars);
    smc::define_zigzag(columns_, left, right);
    if (!has_second_scale_) return;
    const int second = options.second_scale;
    const std::string prefix = "s" + std::to_string(second) + "_";
    smc::define_swings(columns_, prefix, second, second);
    smc::define_structure(columns_, prefix, second, second);
    smc::define_range_position(columns_, prefix, second, second);
  }

  const std::vector<ColumnInfo>& columns() const override { return columns_; }

  void push(const Bar& bar, const Context& context, double* out) override {
    const bool is_usable = engine_.push(bar, context);
    // The columns of the regime see every bar, so this one does too.
    const MarketState market = market_.push(is_usable ? bar.close : kNaN, context);
    if (!is_usable) {
      std::fill_n(out, columns_.size(), kNaN);
      return;
    }
    const int64_t t = engine_.now();
    const smc::PastBar& last = engine_.bar();
    out = smc::write_swings(engine_.scale(), t, last, out);
    out = smc::write_structure(engine_.scale(), t, last, out);
    out = smc::write_range_break(engine_, out);
    out = smc::write_range_position(engine_.scale(), last, out);
    for (const auto kind : kZoneKinds) {
      for (const int side : {+1, -1}) out = smc::write_zones(engine_, kind, side, market, out);
    }
    out = smc::write_liquidity(engine_, out);
    out = smc::write_zigzag(engine_, out);
    if (!has_second_scale_) return;
    out = smc::write_swings(engine_.second_scale(), t, last, out);
    out = smc::write_structure(engine_.second_scale(), t, last, out);
    smc::write_range_position(engine_.second_scale(), last, out);
  }

  void reset() override {
    engine_.reset();
    market_.reset();
  }

  const smc::Engine& engine() const { return engine_; }

 private:
  static constexpr smc::EventKind kZoneKinds[] = {smc::EventKind::kOrderBlock, smc::EventKind::kFvg,
                                                  smc::EventKind::kBreaker};
  bool has_second_scale_;
  smc::Engine engine_;
  MarketStateMachine market_;
  std::vector<ColumnInfo> columns_;
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
  const smc::ZoneSummary summary = zones.summarize(side * price, atr);
  return summary.nearest != nullptr ? smc::in_atr(summary.distance, atr) : kNaN;
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
