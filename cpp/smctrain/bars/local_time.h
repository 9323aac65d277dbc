// Wall clocks: how far the clocks of a place stand from UTC at an instant.
//
//   zone       a table of changes: offset k is in force from change k-1 (inclusive) to change k
//   compiled   the zones of the trading sessions, from their rules in local_time.cc: exact from 1996 on, New
//   York
//              from 1967 on (earlier years use later rules), for later years as far as today's laws hold
//   given      any other zone, as a table from the time-zone database that the caller hands over
//   clock      remembers the stretch it is in, so that bars in order of time cost one comparison each
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "smctrain/bars/timestamp.h"

namespace smctrain {

inline constexpr int64_t kHourNs = 3'600'000'000'000;

inline int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

class Zone {
 public:
  // Offset in force for from <= utc < until.
  struct Stretch {
    int64_t from = 0;
    int64_t until = 0;
    int64_t offset = 0;
  };

  // `changes` ascending, UTC; one offset more than changes. Nanoseconds. Raises InputError otherwise.
  Zone(std::vector<int64_t> changes, std::vector<int64_t> offsets);
  Stretch stretch_at(int64_t utc) const;

 private:
  std::vector<int64_t> changes_;
  std::vector<int64_t> offsets_;
};

// UTC, Australia/Sydney, Asia/Tokyo, Europe/London or America/New_York; raises InputError for others.
std::shared_ptr<const Zone> compiled_zone(const std::string& name);

class LocalClock {
 public:
  explicit LocalClock(std::shared_ptr<const Zone> zone) : zone_(std::move(zone)) {}
  // What the wall clock shows, as nanoseconds since 1970-01-01 on that wall.
  int64_t local(int64_t utc) {
    if (utc < stretch_.from || utc >= stretch_.until) stretch_ = zone_->stretch_at(utc);
    return utc + stretch_.offset;
  }

 private:
  std::shared_ptr<const Zone> zone_;
  Zone::Stretch stretch_;
};

}  // namespace smctrain
