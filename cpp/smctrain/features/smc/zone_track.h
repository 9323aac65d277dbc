// The zones of a list along a block of bars: what the columns of the nearest zone are made of.
//
//   version   a zone from one change of its facts to the next; rows start..end-1 of the block
//   new       the last zone that became known on a row
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "smctrain/features/smc/track.h"

namespace smctrain::features::smc {

struct Zone;

// Order of the numbers of a version; the facts stand in the order of ZoneFacts.
enum ZoneField : int { kKnownNumber, kFirstFact, kMerged = kFirstFact + 15, kTop, kBottom, kZoneFields };

struct ZoneVersion {
  double values[kZoneFields];
  double near = 0.0;
  double far = 0.0;
  int start = 0;
  int end = 0;
  int32_t next = 0;  // version of the same zone, 0 if none
  bool is_fresh = false;
};

struct NewZone {
  int row = 0;
  double size_atr = 0.0;
  double disp_atr = 0.0;
  double quality = 0.0;
  double size_z = 0.0;
  double displacement_z = 0.0;
};

class ZoneTrack {
 public:
  explicit ZoneTrack(int side);
  // The block whose first bar is t0; all its bars are n.
  void begin(int64_t t0, int n, double last_new, double last_invalidated, double hold_rate);
  int32_t open(const Zone& zone, int64_t t);  // from bar t on; newer than all others
  void close(int32_t version, int64_t t);     // the zone is gone on bar t
  int32_t renew(const Zone& zone, int64_t t);
  void add_new(int64_t t, const Zone& zone, double size_z, double displacement_z);
  void add_invalidated(int64_t t) { *last_invalidated_.at(row(t)) = static_cast<double>(t); }
  void add_hold_rate(int64_t t, double rate) { *hold_rate_.at(row(t)) = rate; }

  // The first version stands for "none".
  const std::vector<ZoneVersion>& versions() const { return versions_; }
  // The first version of each zone, older zones first.
  const std::vector<int32_t>& zones() const { return zones_; }
  const std::vector<NewZone>& news() const { return news_; }
  const Track& last_new() const { return last_new_; }
  const Track& last_invalidated() const { return last_invalidated_; }
  const Track& hold_rate() const { return hold_rate_; }

 private:
  int row(int64_t t) const { return static_cast<int>(t - t0_); }
  int32_t add_version(const Zone& zone, int64_t t);
  void write(ZoneVersion& version, const Zone& zone) const;

  int side_;
  int64_t t0_ = 0;
  int n_ = 0;
  std::vector<ZoneVersion> versions_;
  std::vector<int32_t> zones_;
  std::vector<NewZone> news_;
  Track last_new_{1};
  Track last_invalidated_{1};
  Track hold_rate_{1};
};

}  // namespace smctrain::features::smc
