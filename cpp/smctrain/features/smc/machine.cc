#include "smctrain/features/smc/machine.h"

#include <algorithm>

#include "smctrain/base/error.h"
#include "smctrain/features/smc/columns.h"
#include "smctrain/features/smc/engine.h"

namespace smctrain::features {

namespace {

class SmcMachine final : public Machine {
 public:
  explicit SmcMachine(const smc::Options& options) : options_(options) {
    options.validate();
    smc::define_swings(columns_, options_.swing_left, options_.swing_right);
    smc::define_structure(columns_, options_.swing_left, options_.swing_right);
    smc::define_range_break(columns_);
    smc::define_range_position(columns_, options_.swing_left, options_.swing_right);
    for (const auto kind : kZoneKinds) {
      for (const int side : {+1, -1}) smc::define_zones(columns_, kind, side, options_.zone_max_age_bars);
    }
    smc::define_liquidity(columns_, options_.liquidity_max_age_bars);
    settle_later();
  }

  const std::vector<ColumnInfo>& columns() const override { return columns_; }

  void push(const Bar& bar, const Context& context, double* out) override {
    if (!engine_.push(bar, context)) {
      std::fill_n(out, columns_.size(), kNaN);
      return;
    }
    out = smc::write_swings(engine_, out);
    out = smc::write_structure(engine_, out);
    out = smc::write_range_break(engine_, out);
    out = smc::write_range_position(engine_, out);
    for (const auto kind : kZoneKinds) {
      for (const int side : {+1, -1}) out = smc::write_zones(engine_, kind, side, out);
    }
    smc::write_liquidity(engine_, out);
  }

  void reset() override { engine_.reset(); }

  const smc::Engine& engine() const { return engine_; }

 private:
  // The settle figures are measured with the default swings; wider ones come as much more rarely.
  void settle_later() {
    const smc::Options usual;
    const int64_t width = options_.swing_left + options_.swing_right;
    const int64_t usual_width = usual.swing_left + usual.swing_right;
    if (width <= usual_width) return;
    for (auto& column : columns_) {
      if (column.settle != kForever) column.settle = (column.settle * width + usual_width - 1) / usual_width;
    }
  }

  static constexpr smc::EventKind kZoneKinds[] = {smc::EventKind::kOrderBlock, smc::EventKind::kFvg};
  smc::Options options_;
  smc::Engine engine_{options_};
  std::vector<ColumnInfo> columns_;
};

}  // namespace

std::unique_ptr<Machine> make_smc_machine(const smc::Options& options) {
  return std::make_unique<SmcMachine>(options);
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
