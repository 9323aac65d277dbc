#include "smctrain/bars/local_time.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "smctrain/base/error.h"

namespace smctrain {
namespace {

using std::chrono::month;
using std::chrono::Sunday;

constexpr int kFirstYear = 1960;
constexpr int kLastYear = 2200;

int64_t days_to_ns(std::chrono::sys_days day) {
  return static_cast<int64_t>(day.time_since_epoch().count()) * kDayNs;
}

// Midnight, as if in UTC, of the n-th or last Sunday of a month.
int64_t nth_sunday(int year, unsigned in_month, unsigned n) {
  return days_to_ns(std::chrono::year{year} / month{in_month} / Sunday[n]);
}
int64_t last_sunday(int year, unsigned in_month) {
  return days_to_ns(std::chrono::year{year} / month{in_month} / Sunday[std::chrono::last]);
}

// A change of one year: when, and the offset from then on.
using Change = std::pair<int64_t, int64_t>;

std::vector<Change> london(int year) {
  return {{last_sunday(year, 3) + kHourNs, kHourNs}, {last_sunday(year, 10) + kHourNs, 0}};
}

std::vector<Change> new_york(int year) {
  // 02:00 on the wall: standard time in spring, daylight time in autumn. 1974 and 1975 saved energy.
  const bool is_longer = year >= 2007;
  int64_t spring =
      year >= 1987 ? nth_sunday(year, is_longer ? 3 : 4, is_longer ? 2 : 1) : last_sunday(year, 4);
  if (year == 1974) spring = nth_sunday(year, 1, 1);
  if (year == 1975) spring = last_sunday(year, 2);
  const int64_t autumn = is_longer ? nth_sunday(year, 11, 1) : last_sunday(year, 10);
  return {{spring + 7 * kHourNs, -4 * kHourNs}, {autumn + 6 * kHourNs, -5 * kHourNs}};
}

std::vector<Change> sydney(int year) {
  // 02:00 standard time, both ways. 2000 began early for the Olympic Games, 2006 ended late for the
  // Commonwealth Games.
  const bool ends_in_april = year >= 2008 || year == 2006;
  const int64_t autumn = ends_in_april ? nth_sunday(year, 4, 1) : last_sunday(year, 3);
  const int64_t spring = year >= 2008   ? nth_sunday(year, 10, 1)
                         : year == 2000 ? last_sunday(year, 8)
                                        : last_sunday(year, 10);
  return {{autumn - 8 * kHourNs, 10 * kHourNs}, {spring - 8 * kHourNs, 11 * kHourNs}};
}

std::shared_ptr<const Zone> from_rules(int64_t first_offset, std::vector<Change> (*rules)(int year)) {
  std::vector<int64_t> changes;
  std::vector<int64_t> offsets{first_offset};
  for (int year = kFirstYear; year <= kLastYear; ++year) {
    for (const auto& [when, offset] : rules(year)) {
      changes.push_back(when);
      offsets.push_back(offset);
    }
  }
  return std::make_shared<const Zone>(std::move(changes), std::move(offsets));
}

std::shared_ptr<const Zone> fixed(int64_t offset) {
  return std::make_shared<const Zone>(std::vector<int64_t>{}, std::vector<int64_t>{offset});
}

}  // namespace

Zone::Zone(std::vector<int64_t> changes, std::vector<int64_t> offsets)
    : changes_(std::move(changes)), offsets_(std::move(offsets)) {
  if (offsets_.size() != changes_.size() + 1) {
    raise("InputError", "a zone needs one offset more than changes, but has ", offsets_.size(),
          " offsets and ", changes_.size(), " changes.");
  }
  if (!std::is_sorted(changes_.begin(), changes_.end())) {
    raise("InputError", "the changes of a zone must be in order of time.");
  }
}

Zone::Stretch Zone::stretch_at(int64_t utc) const {
  const auto next = std::upper_bound(changes_.begin(), changes_.end(), utc);
  const auto k = static_cast<size_t>(next - changes_.begin());
  return {k == 0 ? std::numeric_limits<int64_t>::min() : changes_[k - 1],
          k == changes_.size() ? std::numeric_limits<int64_t>::max() : changes_[k], offsets_[k]};
}

std::shared_ptr<const Zone> compiled_zone(const std::string& name) {
  static const std::map<std::string, std::shared_ptr<const Zone>> zones{
      {"UTC", fixed(0)},
      {"Asia/Tokyo", fixed(9 * kHourNs)},
      {"Europe/London", from_rules(0, london)},
      {"America/New_York", from_rules(-5 * kHourNs, new_york)},
      {"Australia/Sydney", from_rules(11 * kHourNs, sydney)},
  };
  const auto found = zones.find(name);
  if (found == zones.end()) raise("InputError", "the core has no zone ", name, "; hand over its table.");
  return found->second;
}

}  // namespace smctrain
