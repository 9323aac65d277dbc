#include "smctrain/features/settings_table.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <utility>

#include "smctrain/base/error.h"

namespace smctrain::features {
namespace {

using smc::Options;
using Accepted = std::optional<SettingValue>;

constexpr int64_t kMostBars = 1'000'000;
constexpr size_t kMostSessions = 32;

std::optional<double> number_in(const SettingValue& value) {
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  return std::nullopt;
}

// T: the whole settings or the options of the Smart-Money-Concepts engine, whichever holds the field.
template <class T>
T& part(Settings& settings) {
  if constexpr (std::is_same_v<T, Options>) {
    return settings.smc;
  } else {
    return settings;
  }
}
template <class T, class Field>
const Field& get(const Settings& settings, Field T::* field) {
  return part<T>(const_cast<Settings&>(settings)).*field;
}

template <class T>
SettingRow flag(const char* key, const char* argument, bool T::* field, const char* meaning) {
  return {key,
          argument,
          "True or False",
          meaning,
          [](const SettingValue& value) -> Accepted {
            return std::holds_alternative<bool>(value) ? Accepted(value) : std::nullopt;
          },
          [field](const Settings& s) { return SettingValue(get(s, field)); },
          [field](Settings& s, const SettingValue& v) { part<T>(s).*field = std::get<bool>(v); }};
}

template <class T>
SettingRow integer(const char* key, const char* argument, int T::* field, int64_t most, const char* meaning,
                   int64_t least = 1) {
  return {key,
          argument,
          format("an integer from ", least, " to ", most),
          meaning,
          [least, most](const SettingValue& value) -> Accepted {
            const auto* whole = std::get_if<int64_t>(&value);
            return whole != nullptr && *whole >= least && *whole <= most ? Accepted(value) : std::nullopt;
          },
          [field](const Settings& s) { return SettingValue(static_cast<int64_t>(get(s, field))); },
          [field](Settings& s, const SettingValue& v) {
            part<T>(s).*field = static_cast<int>(std::get<int64_t>(v));
          }};
}

template <class T>
SettingRow number(const char* key, const char* argument, double T::* field, const char* meaning,
                  double most = std::numeric_limits<double>::infinity()) {
  const bool is_bounded = std::isfinite(most);
  return {key,
          argument,
          is_bounded ? format("a number from 0 to ", most) : "a finite number of at least 0",
          meaning,
          [most](const SettingValue& value) -> Accepted {
            const auto real = number_in(value);
            return real && std::isfinite(*real) && *real >= 0.0 && *real <= most ? Accepted(*real)
                                                                                 : std::nullopt;
          },
          [field](const Settings& s) { return SettingValue(get(s, field)); },
          [field](Settings& s, const SettingValue& v) { part<T>(s).*field = std::get<double>(v); }};
}

// Words, of which word k stands for the value k of the field.
template <class T, class Field>
SettingRow choice(const char* key, const char* argument, Field T::* field, std::vector<std::string> words,
                  const char* meaning) {
  std::string allowed;
  for (const auto& word : words) allowed += (allowed.empty() ? "'" : " or '") + word + "'";
  return {
      key,
      argument,
      allowed,
      meaning,
      [words](const SettingValue& value) -> Accepted {
        const auto* word = std::get_if<std::string>(&value);
        const bool is_known = word != nullptr && std::find(words.begin(), words.end(), *word) != words.end();
        return is_known ? Accepted(value) : std::nullopt;
      },
      [field, words](const Settings& s) { return SettingValue(words[static_cast<size_t>(get(s, field))]); },
      [field, words](Settings& s, const SettingValue& v) {
        const auto found = std::find(words.begin(), words.end(), std::get<std::string>(v));
        part<T>(s).*field = static_cast<Field>(found - words.begin());
      }};
}

// Text that read_settings looks up afterwards.
SettingRow text(const char* key, const char* argument, std::string Settings::* field, const char* allowed,
                const char* meaning) {
  return {key,
          argument,
          allowed,
          meaning,
          [](const SettingValue& value) -> Accepted {
            const auto* word = std::get_if<std::string>(&value);
            return word != nullptr && !word->empty() ? Accepted(value) : std::nullopt;
          },
          [field](const Settings& s) { return SettingValue(get(s, field)); },
          [field](Settings& s, const SettingValue& v) { s.*field = std::get<std::string>(v); }};
}

// `count` finite numbers, each above the one before (below, if falling).
Accepted ascending(const SettingValue& value, size_t count, bool is_falling) {
  const auto* numbers = std::get_if<std::vector<double>>(&value);
  if (numbers == nullptr || numbers->size() != count) return std::nullopt;
  for (size_t i = 0; i < count; ++i) {
    if (!(std::abs((*numbers)[i]) <= 1e6)) return std::nullopt;
    // Nearer breakpoints than this would be a step, which rounding decides.
    if (i > 0 && !(((*numbers)[i] - (*numbers)[i - 1]) * (is_falling ? -1.0 : 1.0) >= 1e-6)) {
      return std::nullopt;
    }
  }
  return Accepted(value);
}

std::string points(const char* names, const char* order) {
  return format("a list ", names, " of numbers, each ", order, " the one before");
}

template <class T>
SettingRow ramp(const char* key, Ramp T::* field, const char* meaning, bool is_falling = false) {
  return {key,
          "",
          points("[zero, one]", is_falling ? "below" : "above"),
          meaning,
          [is_falling](const SettingValue& value) { return ascending(value, 2, is_falling); },
          [field](const Settings& s) {
            const Ramp& ramp = get(s, field);
            return SettingValue(std::vector<double>{ramp.zero(), ramp.one()});
          },
          [field](Settings& s, const SettingValue& v) {
            const auto& numbers = std::get<std::vector<double>>(v);
            part<T>(s).*field = Ramp(numbers[0], numbers[1]);
          }};
}
SettingRow trend_ramp(const char* key, Ramp TrendTerms::* field, const char* meaning,
                      bool is_falling = false) {
  return {key,
          "",
          points("[zero, one]", is_falling ? "below" : "above"),
          meaning,
          [is_falling](const SettingValue& value) { return ascending(value, 2, is_falling); },
          [field](const Settings& s) {
            return SettingValue(std::vector<double>{(s.trend.*field).zero(), (s.trend.*field).one()});
          },
          [field](Settings& s, const SettingValue& v) {
            const auto& numbers = std::get<std::vector<double>>(v);
            s.trend.*field = Ramp(numbers[0], numbers[1]);
          }};
}

SettingRow trend_middle() {
  return {"fuzzy.trend_moderate",
          "",
          points("[zero, one, zero]", "above"),
          "|trend_bias_atr| where the term begins, is whole, and ends",
          [](const SettingValue& value) { return ascending(value, 3, false); },
          [](const Settings& s) {
            return SettingValue(std::vector<double>{s.trend.moderate_rise.zero(), s.trend.moderate_rise.one(),
                                                    s.trend.moderate_fall.zero()});
          },
          [](Settings& s, const SettingValue& v) {
            const auto& numbers = std::get<std::vector<double>>(v);
            s.trend.moderate_rise = Ramp(numbers[0], numbers[1]);
            s.trend.moderate_fall = Ramp(numbers[2], numbers[1]);
          }};
}

SettingRow trend_values() {
  return {"fuzzy.trend_values",
          "",
          points("[weak, moderate, strong]", "above"),
          "what the terms stand for in trend_strength",
          [](const SettingValue& value) { return ascending(value, 3, false); },
          [](const Settings& s) {
            return SettingValue(
                std::vector<double>{s.trend.weak_value, s.trend.moderate_value, s.trend.strong_value});
          },
          [](Settings& s, const SettingValue& v) {
            const auto& numbers = std::get<std::vector<double>>(v);
            s.trend.weak_value = numbers[0];
            s.trend.moderate_value = numbers[1];
            s.trend.strong_value = numbers[2];
          }};
}

SettingRow regime_limit(const char* key, double TrendTerms::* field, const char* meaning) {
  return {key,
          "",
          "a number from 0 to 1",
          meaning,
          [](const SettingValue& value) -> Accepted {
            const auto real = number_in(value);
            return real && *real >= 0.0 && *real <= 1.0 ? Accepted(*real) : std::nullopt;
          },
          [field](const Settings& s) { return SettingValue(s.trend.*field); },
          [field](Settings& s, const SettingValue& v) { s.trend.*field = std::get<double>(v); }};
}

SettingRow max_time_gap() {
  return {"fvg.max_time_gap",
          "max_time_gap",
          "a finite number of at least 0, or None",
          "longest pause inside the three bars of a gap, in bars; None for any",
          [](const SettingValue& value) -> Accepted {
            if (std::holds_alternative<std::monostate>(value)) return value;
            const auto real = number_in(value);
            if (!real || !(*real >= 0.0)) return std::nullopt;
            if (std::isinf(*real)) return SettingValue(std::monostate{});
            return *real <= static_cast<double>(kMostBars) ? Accepted(*real) : std::nullopt;
          },
          [](const Settings& s) {
            return std::isinf(s.fvg_max_time_gap) ? SettingValue(std::monostate{})
                                                  : SettingValue(s.fvg_max_time_gap);
          },
          [](Settings& s, const SettingValue& v) {
            const auto* bars = std::get_if<double>(&v);
            s.fvg_max_time_gap = bars != nullptr ? *bars : std::numeric_limits<double>::infinity();
          }};
}

bool is_session_name(const std::string& name) {
  if (name.empty() || name.size() > 32 || std::isalpha(static_cast<unsigned char>(name[0])) == 0)
    return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

SettingRow custom_sessions() {
  return {"ses.custom",
          "custom",
          "a list of (name, zone, start, end), such as (\"frankfurt\", \"Europe/Berlin\", \"08:00\", "
          "\"16:30\"): the name of small letters, digits and _, times from 00:00 to 24:00, 32 at most",
          "further sessions; the end may lie past midnight",
          [](const SettingValue& value) -> Accepted {
            if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
              if (!numbers->empty()) return std::nullopt;  // an empty list has no type of its own
              return SettingValue(std::vector<std::vector<std::string>>{});
            }
            const auto* sessions = std::get_if<std::vector<std::vector<std::string>>>(&value);
            if (sessions == nullptr || sessions->size() > kMostSessions) return std::nullopt;
            for (const auto& session : *sessions) {
              if (session.size() != 4 || !is_session_name(session[0])) return std::nullopt;
              const auto start = clock_time(session[2]);
              if (!start || *start == kDayNs || !clock_time(session[3])) return std::nullopt;
            }
            return value;
          },
          [](const Settings& s) {
            std::vector<std::vector<std::string>> sessions;
            for (const auto& session : s.custom_sessions)
              sessions.emplace_back(session.begin(), session.end());
            return SettingValue(std::move(sessions));
          },
          [](Settings& s, const SettingValue& v) {
            s.custom_sessions.clear();
            for (const auto& words : std::get<std::vector<std::vector<std::string>>>(v))
              s.custom_sessions.push_back({words[0], words[1], words[2], words[3]});
          }};
}

std::vector<SettingRow> make_rows() {
  return {
      choice("smc.atr", "atr", &Settings::atr_is_sma, {"wilder", "sma"},
             "mean of 14 true ranges that every ..._atr column and the zones are measured in"),
      integer("smc.swing_left", "left", &Options::swing_left, kMostBars,
              "bars a swing stands above before it"),
      integer("smc.swing_right", "right", &Options::swing_right, kMostBars,
              "bars after which a swing is known"),
      integer("smc.second_scale", "", &Options::second_scale, kMostBars,
              "bars on both sides of the swings of the columns with a prefix such as s20_; 0 for none", 0),
      choice("ms.break", "break_on", &Options::break_on_wick, {"close", "wick"}, "what has to pass a level"),
      choice("ms.level", "level", &Options::keep_extreme_level, {"last", "extreme"},
             "whether a new swing replaces the level even if it is less extreme"),
      number("fvg.min_atr", "min_atr", &Options::fvg_min_atr, "smallest height of a gap in ATR"),
      flag("fvg.merge", "merge", &Options::fvg_merge, "whether a gap takes over one known on the bar before"),
      choice("fvg.middle", "middle", &Options::fvg_same_side, {"any", "same_side"},
             "whether the middle candle must point in the direction of the gap"),
      max_time_gap(),
      choice("ob.rule", "rule", &Options::block_rule, {"bos", "seed", "extreme"},
             "which candle is an order block"),
      number("ob.min_disp", "min_disp", &Options::block_min_displacement_atr,
             "smallest move away from an order block in ATR"),
      number("ob.min_quality", "min_quality", &Options::block_min_quality,
             "smallest quality of an order block, for the rule seed only"),
      choice("ob.zone", "zone", &Options::block_body, {"range", "body"},
             "whether an order block is the candle's range or its body"),
      integer("zone.max_age", "max_age", &Options::zone_max_age_bars, kMostBars,
              "bars after which a gap or block expires"),
      integer("zone.cap", "cap", &Options::zone_cap, 64,
              "most gaps, and most blocks, alive at once per side; the oldest expires"),
      choice("zone.invalidate", "invalidate", &Options::zone_invalidate_on_wick, {"close", "wick"},
             "what has to pass the far edge of a zone"),
      integer("bounce.bars", "bounce_bars", &Options::bounce_bars, kMostBars,
              "bars after the first touch over which a bounce is measured"),
      number("liq.tol_atr", "tol_atr", &Options::liquidity_tolerance_atr,
             "a swing this close to a pool joins it, in ATR"),
      integer("liq.max_age", "max_age", &Options::liquidity_max_age_bars, kMostBars,
              "bars after the last join until a pool expires"),
      text("day_roll", "day_roll", &Settings::day_roll,
           "a time and a zone such as \"17:00 America/New_York\", or 'market'",
           "when a trading day begins, from noon on that of the next date; 'market': as the calendar of the "
           "bars says"),
      custom_sessions(),
      text("cal.zone", "", &Settings::calendar_zone,
           "a time zone such as UTC, Europe/London, fixed:+02:00, America/New_York+7h",
           "wall clock of the cal_<zone>_ columns and of vol_slot_10"),
      text("cal.session", "", &Settings::calendar_session, "the name of a session",
           "session of cal_<zone>_minutes_to_session_end"),
      text("vwap.session", "", &Settings::vwap_session, "'day' or the name of a session",
           "where vwap_sess_atr starts anew: the trading day, or the start of a session"),
      {trend_ramp("fuzzy.trend_weak", &TrendTerms::weak,
                  "|trend_bias_atr| at which the term has ended, is whole", true)},
      trend_middle(),
      trend_ramp("fuzzy.trend_strong", &TrendTerms::strong,
                 "|trend_bias_atr| at which the term begins, is whole"),
      trend_values(),
      trend_ramp("fuzzy.trend_side", &TrendTerms::side,
                 "trend_bias_atr at which trend_bull is 0, 1; its negative for trend_bear"),
      trend_ramp("fuzzy.tr_strong", &TrendTerms::tr_strong, "trend_strength at which tr_strong is 0, 1"),
      trend_ramp("fuzzy.tr_weak", &TrendTerms::tr_weak, "trend_strength at which tr_weak is 0, 1", true),
      trend_ramp("fuzzy.vol_high", &TrendTerms::vol_high, "atr_z50 at which vol_high is 0, 1"),
      trend_ramp("fuzzy.vol_low", &TrendTerms::vol_low, "atr_z50 at which vol_low is 0, 1", true),
      trend_ramp("fuzzy.overbought", &TrendTerms::overbought,
                 "rsi_wilder_14 at which mom_overbought is 0, 1"),
      trend_ramp("fuzzy.oversold", &TrendTerms::oversold, "rsi_wilder_14 at which mom_oversold is 0, 1",
                 true),
      ramp("fuzzy.disp", &Options::displacement_score, "move away from a block, in ATR, that scores 0, 1"),
      ramp("fuzzy.body", &Options::body_score, "body of a block's candle, in ATR, that scores 0, 1"),
      ramp("fuzzy.gap", &Options::gap_score, "height of a gap, in ATR, that scores 0, 1"),
      ramp("fuzzy.clean", &Options::clean_body, "body share of a block's candle at which `clean` is 0, 1"),
      regime_limit("reg.vol_above", &TrendTerms::vol_above,
                   "vol_high or vol_low above this makes a regime of high or low volatility"),
      regime_limit("reg.trend_above", &TrendTerms::trend_above,
                   "tr_strong or tr_weak above this makes a regime of trend or chop"),
      regime_limit("valid.trend_above", &TrendTerms::valid_trend_above,
                   "..._valid asks trend_bull or trend_bear, of the zone's side, to be above this"),
      regime_limit("valid.stretch_below", &TrendTerms::valid_stretch_below,
                   "..._valid asks mom_overbought (bullish zones) or mom_oversold to be below this"),
  };
}

}  // namespace

const std::vector<SettingRow>& setting_rows() {
  static const std::vector<SettingRow> rows = make_rows();
  return rows;
}

std::optional<int64_t> clock_time(const std::string& text) {
  const auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : -100; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const int hour = 10 * digit(0) + digit(1);
  const int minute = 10 * digit(3) + digit(4);
  if (hour < 0 || minute < 0 || minute > 59 || 60 * hour + minute > 1440) return std::nullopt;
  return (60 * hour + minute) * (kHourNs / 60);
}

}  // namespace smctrain::features
