#include "smctrain/features/calendar.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>
#include <vector>

#include "smctrain/features/local_time.h"
#include "smctrain/features/technical/families.h"

namespace smctrain::features {
namespace {

constexpr int64_t kMinuteNs = 60'000'000'000;
constexpr size_t kMinutesPerDay = 1440;
constexpr size_t kDaysPerWeek = 7;

struct Point {
  double sin = kNaN;
  double cos = kNaN;
};

template <size_t N>
std::array<Point, N> circle() {
  std::array<Point, N> points;
  for (size_t i = 0; i < N; ++i) {
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(N);
    points[i] = {std::sin(angle), std::cos(angle)};
  }
  return points;
}
const std::array<Point, kMinutesPerDay>& minutes_of_day() {
  static const auto points = circle<kMinutesPerDay>();
  return points;
}
const std::array<Point, kDaysPerWeek>& weekdays() {
  static const auto points = circle<kDaysPerWeek>();
  return points;
}

// 0 is Monday; 1970-01-01 was a Thursday.
int64_t weekday_of(int64_t day) { return day + 3 - 7 * floor_div(day + 3, 7); }

bool is_month_end(int64_t day) {
  namespace chrono = std::chrono;
  const chrono::year_month_day date{chrono::sys_days{chrono::days{day}}};
  const chrono::sys_days last{date.year() / date.month() / chrono::last};
  const int64_t last_day = last.time_since_epoch().count();
  const int64_t past_friday = std::max<int64_t>(weekday_of(last_day) - 4, 0);
  return day == last_day - past_friday;
}

std::vector<ColumnInfo> calendar_columns(const Settings& settings, bool has_sessions) {
  const std::string local = zone_label(settings.calendar_zone);
  std::vector<ColumnInfo> columns;
  const auto add = [&](const std::string& name, const char* unit, const std::string& definition) {
    columns.push_back(make_column("cal_" + name, "calendar", unit, 0, 0, 0, definition));
  };
  const auto add_clock = [&](const std::string& label, const std::string& zone) {
    for (const std::string point : {"sin", "cos"})
      add(label + "_minute_" + point, "angle",
          point + "(2 pi minute of day / 1440) of the bar's opening time, " + zone);
    for (const std::string point : {"sin", "cos"})
      add(label + "_weekday_" + point, "angle", point + "(2 pi weekday / 7), Monday 0, " + zone);
  };
  add_clock("utc", "UTC");
  if (local != "utc") add_clock(local, settings.calendar_zone);
  add(local + "_month_end", "flag",
      "1 if the date in " + settings.calendar_zone +
          " is the last Monday to Friday of its month, holidays or not");
  if (has_sessions) {
    add(local + "_minutes_to_session_end", "minutes",
        "minutes that were left of the session " + settings.calendar_session +
            " when the bar opened, missing while it is off");
  }
  return columns;
}

class CalendarMachine final : public TableMachine {
 public:
  CalendarMachine(const Settings& settings, int64_t bar_length_ns)
      : TableMachine(calendar_columns(settings, bar_length_ns < kDayNs)),
        has_minutes_(bar_length_ns < kDayNs),
        has_days_(bar_length_ns <= kDayNs),
        has_local_points_(zone_label(settings.calendar_zone) != "utc"),
        to_date_(has_minutes_ ? 0 : kDayNs / 2),
        clock_(settings.calendar_clock) {
    const SessionSpec* session = settings.session(settings.calendar_session);
    if (has_minutes_ && session != nullptr) session_.emplace(*session);
  }

  void push_block(const Block& block, double* const* out) override {
    const auto wanted = [&](int first) {
      return std::any_of(out + first, out + first + 4,
                         [](const double* column) { return column != nullptr; });
    };
    if (wanted(0)) {
      for (int t = 0; t < block.n; ++t) write_points(block.ts_open[t], t, out);
    }
    double* const* rest = out + (has_local_points_ ? 8 : 4);
    const bool has_local = has_local_points_ && wanted(4);
    if (has_local || rest[0] != nullptr) {
      for (int t = 0; t < block.n; ++t) {
        const int64_t local = clock_.local(block.ts_open[t] + to_date_);
        if (has_local) write_points(local, t, out + 4);
        if (rest[0] != nullptr) rest[0][t] = month_end(floor_div(local, kDayNs));
      }
    }
    if (!session_ || rest[1] == nullptr) return;
    for (int t = 0; t < block.n; ++t) {
      const int64_t left = session_->left(block.ts_open[t]);
      rest[1][t] = left > 0 ? static_cast<double>(left) / static_cast<double>(kMinuteNs) : kNaN;
    }
  }
  void reset() override {}  // nothing is remembered but the date of the newest bar

 private:
  class SessionClock {
   public:
    explicit SessionClock(const SessionSpec& spec) : spec_(spec), clock_(spec.zone) {}
    // Time until the running session ends, 0 while it is off.
    int64_t left(int64_t utc) {
      const int64_t since_start = clock_.local(utc) - spec_.start_ns;
      const int64_t elapsed = since_start - floor_div(since_start, kDayNs) * kDayNs;
      return std::max<int64_t>(spec_.length_ns - elapsed, 0);
    }

   private:
    SessionSpec spec_;
    LocalClock clock_;
  };

  double month_end(int64_t day) {
    if (has_days_ && day != day_) {
      day_ = day;
      month_end_ = is_month_end(day) ? 1.0 : 0.0;
    }
    return month_end_;
  }

  // Four columns from `out` on.
  void write_points(int64_t wall, int t, double* const* out) const {
    const int64_t day = floor_div(wall, kDayNs);
    const auto minute = static_cast<size_t>((wall - day * kDayNs) / kMinuteNs);
    const Point of_day = has_minutes_ ? minutes_of_day()[minute] : Point{};
    const Point of_week = has_days_ ? weekdays()[static_cast<size_t>(weekday_of(day))] : Point{};
    if (out[0] != nullptr) out[0][t] = of_day.sin;
    if (out[1] != nullptr) out[1][t] = of_day.cos;
    if (out[2] != nullptr) out[2][t] = of_week.sin;
    if (out[3] != nullptr) out[3][t] = of_week.cos;
  }

  bool has_minutes_;
  bool has_days_;
  bool has_local_points_;
  int64_t to_date_;
  LocalClock clock_;
  std::optional<SessionClock> session_;
  int64_t day_ = std::numeric_limits<int64_t>::min();
  double month_end_ = kNaN;
};

}  // namespace

std::string zone_label(const std::string& zone) {
  if (zone == "America/New_York") return "ny";
  const std::string name = zone.substr(zone.rfind('/') + 1);
  std::string label;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool is_before_digit = i + 1 < name.size() && std::isdigit(static_cast<unsigned char>(name[i + 1]));
    if (std::isalnum(c)) {
      label += static_cast<char>(std::tolower(c));
    } else {
      if (label.empty() || label.back() != '_') label += '_';
      if (c == '+') label += 'p';
      if (c == '-' && is_before_digit) label += 'm';
    }
  }
  return label;
}

std::unique_ptr<Machine> make_calendar_machine(const Settings& settings, int64_t bar_length_ns) {
  return std::make_unique<CalendarMachine>(settings, bar_length_ns);
}

}  // namespace smctrain::features
