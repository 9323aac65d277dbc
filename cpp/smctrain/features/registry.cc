#include "smctrain/features/registry.h"

#include <algorithm>
#include <utility>

#include "smctrain/features/calendar.h"
#include "smctrain/features/derived/prices.h"
#include "smctrain/features/previous_period.h"
#include "smctrain/features/session_volume.h"
#include "smctrain/features/sessions.h"
#include "smctrain/features/smc/machine.h"
#include "smctrain/features/technical/families.h"

namespace smctrain::features {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Columns of these families that only the preset "full" holds: near copies of others, or rarely asked for.
const std::vector<std::string>& only_in_full() {
  static const std::vector<std::string> names{
      "rsi_sma_14",
      "ppo_12_26",
      "trix_15",
      "ultosc_7_14_28",
      "logret_1",
      "trend_abs_atr",
      "trend_bull",
      "trend_bear",
      "trend_bias_atr_z100",
      "vol_high",
      "vol_low",
      "tr_strong",
      "tr_weak",
      "vol_gk_20",
      "vol_rs_20",
      "adosc_3_10",
      "donch_pos_55",
      "sma_20_dist_atr",
      "ema_20_dist_atr",
      "wma_20_dist_atr",
      "dema_20_dist_atr",
      "tema_20_dist_atr",
      "kama_30_dist_atr",
      "linearreg_14_dist_atr",
      "ema_50_dist_atr",
      "willr_14",
      "cci_20",
      "aroon_up_14",
      "aroon_down_14",
      "vol_ewma_94",
      "vol_yz_20",
      "ret_3",
      "ret_20",
      "stoch_d_14_3_3",
      "macd_12_26_9_atr",
      "mom_overbought",
      "mom_oversold",
      "cd_range_atr",
      "roc_10",
      "cd_upper",
      "cd_lower",
      "vol_parkinson_20",
      "vol_slot_10",
      "vwap_sess_atr",
  };
  return names;
}

}  // namespace

const std::vector<MachineMaker>& base_machines() {
  static const std::vector<MachineMaker> machines{
      [](const Settings&, int64_t) { return make_range_machine(); },
      [](const Settings&, int64_t) { return make_averages_machine(); },
      [](const Settings&, int64_t) { return make_bands_machine(); },
      [](const Settings&, int64_t) { return make_rsi_machine(); },
      [](const Settings&, int64_t) { return make_momentum_machine(); },
      [](const Settings&, int64_t) { return make_oscillators_machine(); },
      [](const Settings&, int64_t) { return make_directional_machine(); },
      [](const Settings&, int64_t) { return make_returns_machine(); },
      [](const Settings& settings, int64_t) { return make_trend_machine(settings.trend); },
      [](const Settings&, int64_t) { return make_candle_machine(); },
      [](const Settings&, int64_t) { return make_volatility_machine(); },
      [](const Settings&, int64_t) { return make_volume_machine(); },
      [](const Settings& settings, int64_t length) { return make_session_volume_machine(settings, length); },
      [](const Settings& settings, int64_t length) { return make_calendar_machine(settings, length); },
      // A bar of a day or longer lies in no session.
      [](const Settings& settings, int64_t length) {
        return length < kDayNs ? make_sessions_machine(settings.sessions) : nullptr;
      },
      [](const Settings& settings, int64_t length) {
        return make_previous_period_machine(settings.roll, length);
      },
      [](const Settings& settings, int64_t length) {
        return make_smc_machine(settings.smc_options(length), settings.trend);
      },
      [](const Settings&, int64_t) { return make_prices_machine(); },
  };
  return machines;
}

const std::vector<MachineMaker>& higher_machines() {
  static const std::vector<MachineMaker> machines{
      [](const Settings&, int64_t) { return make_rsi_machine(); },
      [](const Settings& settings, int64_t) { return make_trend_machine(settings.trend); },
      [](const Settings& settings, int64_t length) {
        return make_smc_machine(settings.smc_options(length), settings.trend);
      },
  };
  return machines;
}

std::vector<MachinePlan> plan_machines(const std::vector<MachineMaker>& machines, const Settings& settings,
                                       int64_t bar_length_ns) {
  std::vector<MachinePlan> plans;
  for (const auto make : machines) {
    const auto machine = make(settings, bar_length_ns);
    if (machine != nullptr) plans.push_back({make, machine->columns()});
  }
  return plans;
}

const std::vector<std::string>& higher_columns() {
  static const std::vector<std::string> names{"trend_bias_atr", "rsi_wilder_14",       "atr_z50",
                                              "ms_dir",         "ms_bars_since_choch", "pd_pos"};
  return names;
}

const std::vector<std::string>& full_preset_derived() {
  static const std::vector<std::string> names{
      // the last three returns before this one, and how unusual this one is
      "ret_1_lag_1",
      "ret_1_lag_2",
      "ret_1_lag_3",
      "ret_1_z_50",
      "ret_1_skew_100",
      "ret_1_acf1_50",
      // where volatility and volume stand, and whether they rise
      "natr_14_rank_200",
      "vol_cc_20_ratio_100",
      "vol_rel_20_lag_1",
      "volume_z_100",
      // the oscillator and the trend some bars ago
      "rsi_wilder_14_lag_3",
      "rsi_wilder_14_slope_10",
      "trend_bias_atr_lag_5",
      // moves with the volume, the volatility or the trend behind them
      "ret_1__x__vol_rel_20",
      "atr_z50__x__ret_1",
      "rsi_wilder_14__x__trend_bias_atr",
      "trend_bias_atr_sq",
  };
  return names;
}

bool in_default_preset(const ColumnInfo& column) {
  if (column.role != "feature") return false;
  // Both families hold many columns of one clock, and the default set is to stay small.
  if (column.family == "sessions" || column.family == "periods") return false;
  if (column.family == "calendar") return column.name.starts_with("cal_utc_") && column.unit == "angle";
  if (column.family == "structure" || column.family == "zones")
    return contains(smc_default_columns(), column.name);
  return !contains(only_in_full(), column.name);
}

}  // namespace smctrain::features
