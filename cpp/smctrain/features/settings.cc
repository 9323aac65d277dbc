#include "smctrain/features/settings.h"

#include <algorithm>
#include <cmath>

#include "smctrain/base/error.h"
#include "smctrain/features/settings_table.h"

namespace smctrain::features {
namespace {

constexpr const char* kMarket = "market";

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string last_part(const std::string& key) { return key.substr(key.rfind('.') + 1); }

// The setting most like `key`: one of the same last part, else the one with the fewest letters to change.
const SettingRow& nearest(const std::string& key) {
  const auto& rows = setting_rows();
  const auto cost = [&](const SettingRow& row) {
    const bool same_part = last_part(row.key) == last_part(key) || row.argument == last_part(key);
    return edit_distance(row.key, key) + (same_part ? 0 : 100);
  };
  return *std::min_element(rows.begin(), rows.end(),
                           [&](const auto& a, const auto& b) { return cost(a) < cost(b); });
}

struct RollText {
  std::string time;
  std::string zone;
};
RollText split_roll(const std::string& roll) {
  const size_t space = roll.find(' ');
  if (space == std::string::npos) return {roll, ""};
  return {roll.substr(0, space), roll.substr(space + 1)};
}

// Looks up what the texts of settings name.
class Resolver {
 public:
  Resolver(Settings& settings, const ZoneOf& zone_of, std::vector<SettingProblem>& problems, Naming naming)
      : settings_(settings), zone_of_(zone_of), problems_(problems), naming_(naming) {}

  void resolve() {
    resolve_roll();
    if (auto zone = zone_of_(settings_.calendar_zone)) {
      settings_.calendar_clock = std::move(zone);
    } else {
      refuse("cal.zone", settings_.calendar_zone);
    }
    resolve_sessions();
    if (settings_.session(settings_.calendar_session) == nullptr)
      refuse_session("cal.session", settings_.calendar_session);
    if (settings_.vwap_session != "day" && settings_.session(settings_.vwap_session) == nullptr)
      refuse_session("vwap.session", settings_.vwap_session);
    const TrendTerms& terms = settings_.trend;
    if (!(terms.moderate_rise.zero() < terms.weak.zero() &&
          terms.moderate_fall.zero() > terms.strong.zero())) {
      problems_.push_back({"fuzzy.trend_moderate",
                           format("fuzzy.trend_moderate must begin below ", terms.weak.zero(),
                                  ", where fuzzy.trend_weak ends, and end above ", terms.strong.zero(),
                                  ", where fuzzy.trend_strong begins: every bias needs a term.")});
    }
  }

 private:
  std::string name_of(const std::string& key) const {
    const auto& rows = setting_rows();
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const SettingRow& other) { return other.key == key; });
    return naming_ == Naming::kArguments ? row->argument : key;
  }
  void refuse(const std::string& key, const std::string& found) {
    for (const auto& row : setting_rows()) {
      if (row.key == key)
        problems_.push_back({key, format(name_of(key), " must be ", row.allowed, ", but is '", found, "'.")});
    }
  }
  void refuse_session(const std::string& key, const std::string& found) {
    std::string known = key == "vwap.session" ? "day" : "";
    for (const auto& session : settings_.sessions) known += (known.empty() ? "" : ", ") + session.name;
    problems_.push_back({key, format(name_of(key), " must be one of ", known, ", but is '", found, "'.")});
  }

  void resolve_roll() {
    if (settings_.day_roll == kMarket) {
      settings_.follow_market({});  // until the market is known
      return;
    }
    const auto [time, zone_name] = split_roll(settings_.day_roll);
    const auto at = clock_time(time);
    auto zone = at && *at < kDayNs ? zone_of_(zone_name) : nullptr;
    if (zone == nullptr) {
      refuse("day_roll", settings_.day_roll);
    } else {
      settings_.roll = {std::move(zone), *at};
    }
  }

  void resolve_sessions() {
    for (const auto& [name, zone_name, start, end] : settings_.custom_sessions) {
      const std::string label = name_of("ses.custom");
      if (settings_.session(name) != nullptr) {
        problems_.push_back({"ses.custom", format(label, " must not name a session twice, but names ", name,
                                                  ", which exists already.")});
        continue;
      }
      auto zone = zone_of_(zone_name);
      if (zone == nullptr) {
        problems_.push_back(
            {"ses.custom",
             format(label, " gives the session ", name, " the zone '", zone_name,
                    "'; zones read like UTC, Europe/London, fixed:+02:00, America/New_York+7h.")});
        continue;
      }
      const int64_t from = *clock_time(start);
      const int64_t to = *clock_time(end);
      settings_.sessions.push_back({name, std::move(zone), from, to > from ? to - from : to - from + kDayNs});
    }
  }

  Settings& settings_;
  const ZoneOf& zone_of_;
  std::vector<SettingProblem>& problems_;
  Naming naming_;
};

bool same(const SettingValue& a, const SettingValue& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, Unreadable>) {
          return false;
        } else {
          return value == std::get<T>(b);
        }
      },
      a);
}

}  // namespace

smc::Options Settings::smc_options(int64_t bar_length_ns) const {
  smc::Options options = smc;
  if (std::isfinite(fvg_max_time_gap)) {
    const double span = (2.0 + fvg_max_time_gap) * static_cast<double>(bar_length_ns);
    if (span < 9e18) options.fvg_max_span_ns = static_cast<int64_t>(span);
  }
  return options;
}

void Settings::follow_market(const TradingDays& days) {
  if (day_roll != kMarket) return;
  // A roll from noon on lies on the eve of its date, which is counted from the date's midnight here.
  roll = {days.zone != nullptr ? days.zone : compiled_zone("UTC"),
          days.roll < 0 ? days.roll + kDayNs : days.roll};
}

const SessionSpec* Settings::session(const std::string& name) const {
  const auto found =
      std::find_if(sessions.begin(), sessions.end(), [&](const auto& spec) { return spec.name == name; });
  return found == sessions.end() ? nullptr : &*found;
}

Settings read_settings(const std::vector<GivenSetting>& given, const ZoneOf& zone_of,
                       std::vector<SettingProblem>& problems, Naming naming) {
  Settings settings;
  for (const auto& [key, value, shown] : given) {
    const auto& rows = setting_rows();
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&, k = key](const SettingRow& other) { return other.key == k; });
    if (row == rows.end()) {
      problems.push_back(
          {key, format(key, " is not a setting of the features; nearest is '", nearest(key).key, "'.")});
      continue;
    }
    const auto accepted = row->accept(value);
    if (!accepted) {
      const std::string& name = naming == Naming::kArguments ? row->argument : row->key;
      problems.push_back({key, format(name, " must be ", row->allowed, ", but is ", shown, ".")});
      continue;
    }
    row->write(settings, *accepted);
  }
  Resolver(settings, zone_of, problems, naming).resolve();
  return settings;
}

Settings read_settings(const std::vector<GivenSetting>& given, const ZoneOf& zone_of, Naming naming) {
  std::vector<SettingProblem> problems;
  Settings settings = read_settings(given, zone_of, problems, naming);
  if (problems.empty()) return settings;
  std::string text;
  if (problems.size() > 1) text = format(problems.size(), " problems in the settings of the features:\n");
  for (size_t i = 0; i < problems.size(); ++i) text += (i > 0 ? "\n" : "") + problems[i].message;
  raise("InputError", text);
}

std::vector<std::pair<std::string, SettingValue>> changed_settings(const Settings& settings) {
  static const Settings defaults;
  std::vector<std::pair<std::string, SettingValue>> changed;
  for (const auto& row : setting_rows()) {
    const SettingValue value = row.read(settings);
    if (!same(value, row.read(defaults))) changed.emplace_back(row.key, value);
  }
  return changed;
}

std::vector<SettingInfo> settings_table() {
  static const Settings defaults;
  std::vector<SettingInfo> table;
  for (const auto& row : setting_rows())
    table.push_back({row.key, row.argument, row.allowed, row.read(defaults), row.meaning});
  return table;
}

}  // namespace smctrain::features
