// Everything a user can choose about the feature engine, as one validated value.
//
//   key        dotted name of a setting, "fvg.min_atr"; what `FeatureSpec(settings=...)` and the
//   configuration
//              of a run take
//   argument   the name under which a function of `st.smc` takes the same setting, "min_atr"
//   table      one row per setting: key, argument, what is allowed, default, meaning. Both faces read by it
//   given      settings somebody gave, as they came; `read_settings` turns them into `Settings`
//   zone       time zones other than those of the core come from a table of offsets that `ZoneOf` hands over
//
// All faults of a set of settings are collected before anything is raised. Defaults are those that all golden
// numbers refer to.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "smctrain/bars/buckets.h"
#include "smctrain/features/local_time.h"
#include "smctrain/features/previous_period.h"
#include "smctrain/features/sessions.h"
#include "smctrain/features/smc/options.h"
#include "smctrain/features/technical/fuzzy.h"

namespace smctrain::features {

struct Settings {
  bool atr_is_sma = false;  // what `_atr` columns and the Smart-Money-Concepts engine divide by
  smc::Options smc;
  double fvg_max_time_gap = std::numeric_limits<double>::infinity();  // bars; see smc_options
  TrendTerms trend;

  std::string day_roll = "17:00 America/New_York";
  std::string calendar_zone = "America/New_York";
  std::string calendar_session = "ny";
  std::string vwap_session = "day";
  std::vector<std::array<std::string, 4>> custom_sessions;  // name, zone, start, end

  // Made of the texts above by read_settings.
  DayRoll roll = new_york_close();
  std::shared_ptr<const Zone> calendar_clock = compiled_zone("America/New_York");
  std::vector<SessionSpec> sessions = standard_sessions();  // and the custom ones

  // Options of the Smart-Money-Concepts engine for bars of this length.
  smc::Options smc_options(int64_t bar_length_ns) const;
  // Where the trading day is that of the market: `days` say when it begins.
  void follow_market(const TradingDays& days);
  // A session by name, null if there is none.
  const SessionSpec* session(const std::string& name) const;
};

// A value as it came from the outside; Unreadable for anything that is none of these.
struct Unreadable {
  bool operator==(const Unreadable&) const { return false; }
};
using SettingValue = std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<double>,
                                  std::vector<std::vector<std::string>>, Unreadable>;
struct GivenSetting {
  std::string key;
  SettingValue value;
  std::string shown;  // how messages show it
};
struct SettingProblem {
  std::string key;
  std::string message;  // a sentence that begins with the name of the setting
};

// Null where there is no such zone.
using ZoneOf = std::function<std::shared_ptr<const Zone>(const std::string& name)>;

enum class Naming { kKeys, kArguments };
// Settings from what was given; what was not keeps its default. Faults are appended to `problems`.
Settings read_settings(const std::vector<GivenSetting>& given, const ZoneOf& zone_of,
                       std::vector<SettingProblem>& problems, Naming naming = Naming::kKeys);
// The same, raising InputError with all faults.
Settings read_settings(const std::vector<GivenSetting>& given, const ZoneOf& zone_of,
                       Naming naming = Naming::kKeys);

// The settings that differ from their default, in the order of the table and in one form per meaning.
std::vector<std::pair<std::string, SettingValue>> changed_settings(const Settings& settings);

// For catalogues: one entry per setting.
struct SettingInfo {
  std::string key;
  std::string argument;  // "" where no function takes it
  std::string allowed;
  SettingValue value;  // the default
  std::string meaning;
};
std::vector<SettingInfo> settings_table();

}  // namespace smctrain::features
