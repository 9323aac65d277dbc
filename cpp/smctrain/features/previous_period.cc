#include "smctrain/features/previous_period.h"

#include <chrono>
#include <vector>

#include "smctrain/features/technical/families.h"

namespace smctrain::features {
namespace {

constexpr int64_t kAtrWarmup = 14;

// Those that are not shorter than a bar.
std::vector<Period> periods_for(int64_t bar_length_ns) {
  std::vector<Period> periods(kPeriods.begin(), kPeriods.end());
  std::erase_if(periods, [&](Period period) {
    const int64_t length = period == Period::kFourHours ? 4 * kHourNs
                           : period == Period::kDay     ? kDayNs
                           : period == Period::kWeek    ? 7 * kDayNs
                                                        : 31 * kDayNs;
    return bar_length_ns > length;
  });
  return periods;
}

std::vector<ColumnInfo> period_columns(const std::vector<Period>& periods) {
  std::vector<ColumnInfo> columns;
  for (const Period period : periods) {
    const std::string name = period_name(period);
    const auto add = [&](const std::string& column, const char* unit, const std::string& definition) {
      const bool is_scaled = std::string(unit) == "atr";
      columns.push_back(
          {column, "periods", unit, "feature", kForever, is_scaled ? kAtrWarmup : 0,
           // What the start leaves behind ends with the calendar's period, at no fixed number of bars.
           kForever, "close of the bar; missing until a period was seen from its start", definition});
    };
    const std::string last = " of the last finished period " + name;
    add("pp_" + name + "_high_dist_atr", "atr", "(high" + last + " - close) / ATR");
    add("pp_" + name + "_low_dist_atr", "atr", "(close - low" + last + ") / ATR");
    add("pp_" + name + "_mid_dist_atr", "atr", "(close - middle of the range" + last + ") / ATR");
    add("pp_" + name + "_broke_high", "flag", "1 if the running period has traded above the high" + last);
    add("pp_" + name + "_broke_low", "flag", "1 if the running period has traded below the low" + last);
    add("cp_" + name + "_open_dist_atr", "atr", "(close - open of the running period " + name + ") / ATR");
    add("cp_" + name + "_pos", "ratio",
        "(close - low) / (high - low) of the running period " + name + " so far");
  }
  return columns;
}

class PreviousPeriodMachine final : public TableMachine {
 public:
  PreviousPeriodMachine(const DayRoll& roll, const std::vector<Period>& periods)
      : TableMachine(period_columns(periods)) {
    for (const Period period : periods) levels_.emplace_back(period, roll);
  }

  void push(const Bar& bar, const Context& context, double* out) override {
    if (std::isnan(bar.close)) {  // the engine blanks all prices of a bar that misses one
      all_nan(out);
      return;
    }
    for (auto& levels : levels_) {
      levels.push(bar, context.row);
      const SpanTracker& spans = levels.spans();
      const PriceSpan& past = spans.finished();  // NaN until there is one
      const PriceSpan& now = spans.running();
      const bool is_whole = spans.is_running_whole();
      const double atr = context.atr;
      *out++ = safe_div(past.high - bar.close, atr);
      *out++ = safe_div(bar.close - past.low, atr);
      *out++ = safe_div(bar.close - 0.5 * (past.high + past.low), atr);
      *out++ = now.high > past.high ? 1.0 : 0.0;
      *out++ = now.low < past.low ? 1.0 : 0.0;
      *out++ = is_whole ? safe_div(bar.close - now.open, atr) : kNaN;
      *out++ = is_whole && now.high > now.low ? (bar.close - now.low) / (now.high - now.low) : kNaN;
    }
  }
  void reset() override {
    for (auto& levels : levels_) levels.reset();
  }

 private:
  std::vector<PeriodLevels> levels_;
};

}  // namespace

const char* period_name(Period period) {
  switch (period) {
    case Period::kDay:
      return "d";
    case Period::kWeek:
      return "w";
    case Period::kMonth:
      return "m";
    default:
      return "h4";
  }
}

DayRoll new_york_close() { return {compiled_zone("America/New_York"), 17 * kHourNs}; }

TradingCalendar::TradingCalendar(const DayRoll& roll)
    : clock_(roll.zone), shift_(roll.at_ns >= kDayNs / 2 ? kDayNs - roll.at_ns : -roll.at_ns) {}

int64_t TradingCalendar::key(Period period, int64_t utc) {
  const int64_t shifted = clock_.local(utc) + shift_;
  if (period == Period::kFourHours) return floor_div(shifted, 4 * kHourNs);
  const int64_t day = floor_div(shifted, kDayNs);
  if (period == Period::kDay) return day;
  if (period == Period::kWeek) return floor_div(day + 3, 7);  // 1970-01-01 was a Thursday
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  return static_cast<int64_t>(static_cast<int>(date.year())) * 12 + static_cast<unsigned>(date.month()) - 1;
}

void PeriodLevels::push(const Bar& bar, int64_t t) {
  const int64_t key = calendar_.key(period_, bar.ts_open);
  const bool begins_here = !spans_.has_bars() && calendar_.key(period_, bar.ts_open - 1) != key;
  spans_.push(bar, t, key, begins_here);
}

std::unique_ptr<Machine> make_previous_period_machine(const DayRoll& roll, int64_t bar_length_ns) {
  return std::make_unique<PreviousPeriodMachine>(roll, periods_for(bar_length_ns));
}

}  // namespace smctrain::features
