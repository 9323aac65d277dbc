// One time cell of a bar file.
//
//   2024-03-01 09:30[:00[.123]]   2024.03.01 09:30   2024/03/01 09:30   2024-03-01T09:30:00Z   ...+02:00
//   2024-03-01 20240301   epoch in seconds (up to 11 digits), milliseconds (12-14), microseconds (15-17),
//   nanoseconds (18-19)
//
// A cell is `aware` when it fixes the instant by itself (Z, UTC, an offset, an epoch) and naive otherwise;
// `ns` of a naive cell are nanoseconds of its wall clock. Years 1700 to 2200 only: the rest does not fit
// int64 nanoseconds. Day-first dates (01/03/2024) are refused, because nobody can tell day from month.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace smctrain {

inline constexpr int64_t kSecondNs = 1'000'000'000;
inline constexpr int64_t kDayNs = 86'400 * kSecondNs;

struct TimeCell {
  int64_t ns = 0;
  bool aware = false;
};

// Days from 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
// algorithms").
int64_t days_from_civil(int64_t year, int64_t month, int64_t day);

std::optional<TimeCell> parse_time(std::string_view text);

// `date` holds the day, `clock` the time of day (terminal exports with <DATE> and <TIME>).
std::optional<TimeCell> parse_time(std::string_view date, std::string_view clock);

}  // namespace smctrain
