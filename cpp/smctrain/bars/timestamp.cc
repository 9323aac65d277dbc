#include "smctrain/bars/timestamp.h"

#include <charconv>

namespace smctrain {
namespace {

constexpr int kDaysInMonth[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

// Reads characters from the front; every step says whether it succeeded.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool accept(char c) {
    if (peek() != c || at_end()) return false;
    ++at_;
    return true;
  }
  bool digits(int count, int64_t* value) {
    if (at_ + static_cast<size_t>(count) > text_.size()) return false;
    int64_t result = 0;
    for (int i = 0; i < count; ++i) {
      const char c = text_[at_ + static_cast<size_t>(i)];
      if (!is_digit(c)) return false;
      result = result * 10 + (c - '0');
    }
    at_ += static_cast<size_t>(count);
    *value = result;
    return true;
  }
  std::string_view rest() const { return text_.substr(at_); }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

std::optional<int64_t> day_ns(int64_t year, int64_t month, int64_t day) {
  if (year < 1700 || year > 2200 || month < 1 || month > 12 || day < 1) return std::nullopt;
  const int64_t last = kDaysInMonth[month - 1] + (month == 2 && leap(year) ? 1 : 0);
  if (day > last) return std::nullopt;
  return days_from_civil(year, month, day) * kDayNs;
}

std::optional<int64_t> read_date(Cursor* cursor) {
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  if (!cursor->digits(4, &year)) return std::nullopt;
  const char mark = cursor->peek();
  if (mark == '-' || mark == '.' || mark == '/') {
    cursor->accept(mark);
    if (!cursor->digits(2, &month) || !cursor->accept(mark) || !cursor->digits(2, &day)) return std::nullopt;
  } else if (!cursor->digits(2, &month) || !cursor->digits(2, &day)) {
    return std::nullopt;
  }
  return day_ns(year, month, day);
}

// HH:MM[:SS[.fraction]]
std::optional<int64_t> read_clock(Cursor* cursor) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  int64_t fraction = 0;
  if (!cursor->digits(2, &hour) || !cursor->accept(':') || !cursor->digits(2, &minute)) return std::nullopt;
  if (cursor->accept(':')) {
    if (!cursor->digits(2, &second)) return std::nullopt;
    if (cursor->accept('.')) {
      int64_t unit = kSecondNs / 10;
      if (!is_digit(cursor->peek())) return std::nullopt;
      for (int64_t digit = 0; cursor->digits(1, &digit); unit /= 10) fraction += digit * unit;
    }
  }
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return (hour * 3600 + minute * 60 + second) * kSecondNs + fraction;
}

// Z, UTC, +hh, +hhmm, +hh:mm or nothing. Returns the offset; `aware` says whether there was one.
std::optional<int64_t> read_zone(Cursor* cursor, bool* aware) {
  *aware = false;
  if (cursor->at_end()) return 0;
  cursor->accept(' ');
  *aware = true;
  if (cursor->rest() == "Z" || cursor->rest() == "z" || cursor->rest() == "UTC") return 0;
  const bool minus = cursor->peek() == '-';
  if (!cursor->accept('+') && !cursor->accept('-')) return std::nullopt;
  int64_t hours = 0;
  int64_t minutes = 0;
  if (!cursor->digits(2, &hours)) return std::nullopt;
  if (!cursor->at_end()) {
    cursor->accept(':');
    if (!cursor->digits(2, &minutes)) return std::nullopt;
  }
  if (!cursor->at_end() || hours > 23 || minutes > 59) return std::nullopt;
  const int64_t offset = (hours * 3600 + minutes * 60) * kSecondNs;
  return minus ? -offset : offset;
}

std::optional<TimeCell> read_epoch(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const size_t digits = text.size() - (text.front() == '-' ? 1 : 0);
  const int64_t unit = digits <= 11 ? kSecondNs : digits <= 14 ? 1'000'000 : digits <= 17 ? 1'000 : 1;
  constexpr int64_t kLimit = INT64_C(8'000'000'000) * kSecondNs;  // about the year 2223
  if (value > kLimit / unit || value < -kLimit / unit) return std::nullopt;
  return TimeCell{value * unit, true};
}

bool all_digits(std::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  if (text.empty()) return false;
  for (const char c : text) {
    if (!is_digit(c)) return false;
  }
  return true;
}

}  // namespace

int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

std::optional<TimeCell> parse_time(std::string_view text) {
  if (all_digits(text) && text.size() != 8) return read_epoch(text);
  Cursor cursor(text);
  const auto day = read_date(&cursor);
  if (!day) return std::nullopt;
  if (cursor.at_end()) return TimeCell{*day, false};
  if (!cursor.accept(' ') && !cursor.accept('T') && !cursor.accept('t')) return std::nullopt;
  const auto clock = read_clock(&cursor);
  if (!clock) return std::nullopt;
  bool aware = false;
  const auto offset = read_zone(&cursor, &aware);
  if (!offset) return std::nullopt;
  return TimeCell{*day + *clock - *offset, aware};
}

std::optional<TimeCell> parse_time(std::string_view date, std::string_view clock_text) {
  Cursor date_cursor(date);
  const auto day = read_date(&date_cursor);
  if (!day || !date_cursor.at_end()) return std::nullopt;
  Cursor cursor(clock_text);
  const auto clock = read_clock(&cursor);
  if (!clock) return std::nullopt;
  bool aware = false;
  const auto offset = read_zone(&cursor, &aware);
  if (!offset) return std::nullopt;
  return TimeCell{*day + *clock - *offset, aware};
}

}  // namespace smctrain
