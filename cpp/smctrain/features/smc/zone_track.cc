#include "smctrain/features/smc/zone_track.h"

#include <algorithm>
#include <cstring>

#include "smctrain/features/smc/zones.h"

namespace smctrain::features::smc {

namespace {

constexpr size_t kFacts = sizeof(ZoneFacts) / sizeof(double);
static_assert(kFirstFact + kFacts == kMerged);

// What the columns of the nearest zone say if there is none.
Zone no_zone() {
  Zone zone;
  zone.set_state(ZoneState::kExpired);
  zone.near = zone.far = kNaN;
  zone.facts.size_atr = zone.facts.quality = zone.facts.fill = kNaN;
  return zone;
}

}  // namespace

ZoneTrack::ZoneTrack(int side) : side_(side) {
  versions_.reserve(kBlockBars);
  zones_.reserve(kBlockBars);
  news_.reserve(kBlockBars);
}

void ZoneTrack::begin(int64_t t0, int n, double last_new, double last_invalidated, double hold_rate) {
  static const Zone kNoZone = no_zone();
  t0_ = t0;
  n_ = n;
  versions_.clear();
  news_.clear();
  zones_.clear();
  versions_.emplace_back();
  write(versions_[0], kNoZone);
  for (Track* track : {&last_new_, &last_invalidated_, &hold_rate_}) track->begin();
  *last_new_.at(0) = last_new;
  *last_invalidated_.at(0) = last_invalidated;
  *hold_rate_.at(0) = hold_rate;
}

int32_t ZoneTrack::open(const Zone& zone, int64_t t) {
  zones_.push_back(add_version(zone, t));
  return zones_.back();
}

int32_t ZoneTrack::add_version(const Zone& zone, int64_t t) {
  ZoneVersion& version = versions_.emplace_back();
  version.start = row(t);
  version.end = n_;
  write(version, zone);
  return static_cast<int32_t>(versions_.size() - 1);
}

void ZoneTrack::close(int32_t version, int64_t t) { versions_[static_cast<size_t>(version)].end = row(t); }

int32_t ZoneTrack::renew(const Zone& zone, int64_t t) {
  ZoneVersion& version = versions_[static_cast<size_t>(zone.version)];
  if (version.start == row(t)) {
    write(version, zone);
    return zone.version;
  }
  version.end = row(t);
  const int32_t next = add_version(zone, t);
  versions_[static_cast<size_t>(zone.version)].next = next;
  return next;
}

void ZoneTrack::add_new(int64_t t, const Zone& zone, double size_z, double displacement_z) {
  *last_new_.at(row(t)) = static_cast<double>(t);
  if (news_.empty() || news_.back().row != row(t)) news_.emplace_back();
  news_.back() = {row(t), zone.facts.size_atr, zone.facts.disp_atr, zone.facts.quality,
                  size_z, displacement_z};
}

void ZoneTrack::write(ZoneVersion& version, const Zone& zone) const {
  version.near = zone.near;
  version.far = zone.far;
  version.is_fresh = zone.state == ZoneState::kFresh;
  version.values[kKnownNumber] = zone.known_number;
  std::memcpy(version.values + kFirstFact, &zone.facts, sizeof(ZoneFacts));
  version.values[kMerged] = zone.merged;
  version.values[kTop] = side_ > 0 ? zone.near : -zone.far;
  version.values[kBottom] = side_ > 0 ? zone.far : -zone.near;
}

}  // namespace smctrain::features::smc
