// The life of zones on paths small enough to follow by hand. A zone [10, 12] is known at bar 0 in every case.
#include "smctrain/features/smc/zones.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "smctrain/base/rng.h"

using smctrain::features::smc::Candle;
using smctrain::features::smc::Event;
using smctrain::features::smc::EventKind;
using smctrain::features::smc::EventLog;
using smctrain::features::smc::Options;
using smctrain::features::smc::Zone;
using smctrain::features::smc::ZoneList;
using smctrain::features::smc::ZoneState;

namespace {

struct LowAndClose {
  double low;
  double close;
};

Zone zone_from_10_to_12(int64_t known_at = 0) {
  Zone zone;
  zone.near = 12.0;
  zone.far = 10.0;
  zone.origin = known_at;
  zone.known_at = known_at;
  return zone;
}

class Path {
 public:
  explicit Path(EventKind kind, const Options& options = {}) : zones(kind, +1, options) {
    zones.add(0, zone_from_10_to_12(), false, &log);
  }
  // Bars 1, 2, ... with an ATR of 2.
  Event& walk(const std::vector<LowAndClose>& bars) {
    for (const LowAndClose& bar : bars) {
      ++t;
      zones.advance(t, {bar.close, bar.close + 1.0, bar.low, bar.close}, 2.0, &log);
    }
    return log[0];
  }

  EventLog log;
  ZoneList zones;
  int64_t t = 0;
};

}  // namespace

TEST_CASE("Zone.StaysFreshWhilePriceStaysAway") {
  Path path(EventKind::kOrderBlock);
  const Event& event = path.walk({{13, 14}, {12.01, 13}});
  CHECK(event.state == ZoneState::kFresh);
  CHECK(event.touched_at == -1);
  CHECK(path.zones[0].facts.fill == 0.0);
}

TEST_CASE("Zone.ALowAtTheNearEdgeTouches") {
  Path path(EventKind::kOrderBlock);
  const Event& event = path.walk({{13, 14}, {12, 13}, {11.5, 13}});
  CHECK(event.state == ZoneState::kTouched);
  CHECK(event.touched_at == 2);
  CHECK(path.zones[0].facts.fill == 0.25);
}

TEST_CASE("Zone.ALowAtTheFarEdgeEndsAGapButNotABlock") {
  Path gap(EventKind::kFvg);
  CHECK(gap.walk({{10, 11}}).state == ZoneState::kFilled);
  CHECK(gap.log[0].filled_at == 1);
  CHECK(gap.log[0].invalidated_at == 1);
  CHECK(gap.zones.size() == 0);

  Path block(EventKind::kOrderBlock);
  CHECK(block.walk({{10, 11}, {13, 14}}).state == ZoneState::kFilled);
  CHECK(block.log[0].invalidated_at == -1);
  CHECK(block.zones.size() == 1);
  CHECK(block.zones[0].facts.fill == 1.0);
}

TEST_CASE("Zone.ACloseBeyondTheFarEdgeInvalidates") {
  Path path(EventKind::kOrderBlock);
  const Event& event = path.walk({{9, 10}, {9, 9.99}});
  CHECK(event.state == ZoneState::kInvalidated);
  CHECK(event.filled_at == 1);
  CHECK(event.invalidated_at == 2);
  CHECK(path.zones.last_invalidated().at == 2);
}

TEST_CASE("Zone.AWickInvalidatesOnlyWhenAskedTo") {
  Options options;
  options.zone_invalidate_on_wick = true;
  Path path(EventKind::kOrderBlock, options);
  CHECK(path.walk({{9.99, 11}}).state == ZoneState::kInvalidated);
}

TEST_CASE("Zone.ExpiresOnTheBarAfterItsMaximumAge") {
  Options options;
  options.zone_max_age_bars = 3;
  Path path(EventKind::kOrderBlock, options);
  CHECK(path.walk({{13, 14}, {13, 14}, {13, 14}}).state == ZoneState::kFresh);
  const Event& event = path.walk({{9, 9}});  // expiry comes before everything else
  CHECK(event.state == ZoneState::kExpired);
  CHECK(event.invalidated_at == 4);
  CHECK(event.touched_at == -1);
}

TEST_CASE("Zone.BounceIsTheBestCloseAfterTheTouch") {
  Path path(EventKind::kOrderBlock);
  // Touched on bar 1; the closes of bars 2 to 4 count: (12.8 - 12) / 2.
  path.walk({{11, 19}, {11, 12.4}, {11, 12.8}});
  CHECK(std::isnan(path.zones[0].facts.bounce_q));
  const Event& event = path.walk({{11, 12.2}});
  CHECK(event.bounce_q == doctest::Approx(0.4));
  CHECK(event.resolved_at == 4);
  CHECK(path.walk({{11, 30}}).bounce_q == doctest::Approx(0.4));
}

TEST_CASE("Zone.BounceLiesBetweenZeroAndOne") {
  Path high(EventKind::kOrderBlock);
  CHECK(high.walk({{11, 12}, {11, 12}, {11, 99}, {11, 12}}).bounce_q == 1.0);
  Path low(EventKind::kOrderBlock);
  CHECK(low.walk({{11, 12}, {11, 11}, {11, 11}, {11, 11}}).bounce_q == 0.0);
}

TEST_CASE("Zone.DyingBeforeTheBounceIsMeasurableCountsAsNoBounce") {
  Path path(EventKind::kOrderBlock);
  const Event& event = path.walk({{11, 12}, {11, 20}, {9, 9}});
  CHECK(event.bounce_q == 0.0);
  CHECK(event.resolved_at == 3);
}

TEST_CASE("Zone.ExpiryDoesNotResolve") {
  Options options;
  options.zone_max_age_bars = 2;
  Path path(EventKind::kOrderBlock, options);
  const Event& event = path.walk({{13, 14}, {11, 12}, {11, 12}});
  CHECK(event.state == ZoneState::kExpired);
  CHECK(event.resolved_at == -1);
}

TEST_CASE("Zone.HoldRateNeedsFiveAndForgetsAfterTwenty") {
  const Options options;
  ZoneList zones(EventKind::kOrderBlock, +1, options);
  int64_t t = 0;
  const auto live = [&](bool holds) {
    zones.add(t, zone_from_10_to_12(t), false, nullptr);
    const double close = holds ? 14.0 : 12.0;
    for (int i = 0; i < 4; ++i) zones.advance(++t, {12, 15, i == 0 ? 11.0 : 12.5, close}, 2.0, nullptr);
    zones.advance(++t, {9, 9, 9, 9}, 2.0, nullptr);
  };
  for (int i = 0; i < 4; ++i) live(true);
  CHECK(std::isnan(zones.hold_rate_20()));
  live(false);
  CHECK(zones.hold_rate_20() == doctest::Approx(0.8));
  for (int i = 0; i < 20; ++i) live(i % 4 == 0);
  CHECK(zones.hold_rate_20() == doctest::Approx(0.25));
}

TEST_CASE("Zone.AboveTheCapTheOldestExpires") {
  Options options;
  options.zone_cap = 2;
  EventLog log;
  ZoneList zones(EventKind::kOrderBlock, +1, options);
  for (int64_t t = 0; t < 3; ++t) zones.add(t, zone_from_10_to_12(t), false, &log);
  CHECK(zones.size() == 2);
  CHECK(zones[0].known_at == 1);
  CHECK(log[0].state == ZoneState::kExpired);
  CHECK(log[0].invalidated_at == 2);
}

TEST_CASE("Zone.DeadOnArrivalIsLoggedAndNothingElse") {
  EventLog log;
  ZoneList zones(EventKind::kOrderBlock, +1, {});
  zones.add(7, zone_from_10_to_12(7), true, &log);
  CHECK(log[0].state == ZoneState::kInvalidated);
  CHECK(log[0].known_at == 7);
  CHECK(log[0].invalidated_at == 7);
  CHECK(zones.size() == 0);
  CHECK(zones.last_new().at == -1);
}

TEST_CASE("Zone.NearestPrefersTheNewerOneAtEqualDistance") {
  ZoneList zones(EventKind::kOrderBlock, +1, {});
  for (int64_t t = 0; t < 2; ++t) zones.add(t, zone_from_10_to_12(t), false, nullptr);
  const auto summary = zones.summarize(13.0, 2.0);
  CHECK(summary.nearest->known_at == 1);
  CHECK(summary.distance == 1.0);
  CHECK(summary.active == 2);
  CHECK(summary.within_3_atr == 2);
  CHECK(zones.summarize(11.0, 2.0).distance == 0.0);
  CHECK(zones.summarize(9.0, 2.0).distance == -1.0);
  CHECK(zones.summarize(20.0, 2.0).within_3_atr == 0);
}

TEST_CASE("Zone.TheShortSideIsLoggedInRealPrices") {
  EventLog log;
  ZoneList zones(EventKind::kOrderBlock, -1, {});
  Zone zone;
  zone.near = -10.0;
  zone.far = -12.0;
  zones.add(0, zone, false, &log);
  CHECK(log[0].top == 12.0);
  CHECK(log[0].bottom == 10.0);
  zones.advance(1, Candle{9, 10, 8, 9}.seen_from(-1), 2.0, &log);
  CHECK(log[0].state == ZoneState::kTouched);
  zones.advance(2, Candle{11, 13, 11, 12.5}.seen_from(-1), 2.0, &log);
  CHECK(log[0].state == ZoneState::kInvalidated);
}

TEST_CASE("ZoneList.ABarThatReachesNoZoneMayBePassedOver") {
  // The second list holds one more zone, which every bar reaches: it never passes over a bar. Candles whose
  // close is outside their range and zones with exchanged edges must not tell the two apart.
  for (const EventKind kind : {EventKind::kFvg, EventKind::kOrderBlock}) {
    for (const bool on_wick : {false, true}) {
      Options options;
      options.zone_invalidate_on_wick = on_wick;
      options.zone_max_age_bars = 60;
      EventLog lazy_log;
      EventLog eager_log;
      ZoneList lazy(kind, +1, options);
      ZoneList eager(kind, +1, options);
      smctrain::Philox stream(11, uint64_t{5});
      std::vector<int64_t> twin;  // places in the second log
      double close = 50.0;
      for (int64_t t = 1; t < 3000; ++t) {
        close += 4.0 * stream.uniform() - 2.0;
        const double low = close + 3.0 * stream.uniform() - 2.5;
        const Candle bar{close, close + 1.0, low, close};
        lazy.advance(t, bar, 2.0, &lazy_log);
        eager.advance(t, bar, 2.0, &eager_log);
        const bool needs_decoy = t % 30 == 1;
        if (needs_decoy) {
          Zone decoy;
          decoy.near = 1e9;
          decoy.far = -1e9;
          decoy.origin = decoy.known_at = t;
          eager.add(t, decoy, false, &eager_log);
        }
        if (t % 7 != 0) continue;
        Zone zone;
        zone.near = close + 6.0 * stream.uniform() - 3.5;
        zone.far = zone.near - 2.0 * stream.uniform() + 0.3;
        zone.origin = zone.known_at = t;
        lazy.add(t, zone, false, &lazy_log);
        eager.add(t, zone, false, &eager_log);
        twin.push_back(eager_log.size() - 1);
      }
      REQUIRE(lazy_log.size() == static_cast<int64_t>(twin.size()));
      for (int64_t i = 0; i < lazy_log.size(); ++i) {
        const Event& one = lazy_log[i];
        const Event& other = eager_log[twin[static_cast<size_t>(i)]];
        INFO("zone " << i);
        CHECK(one.state == other.state);
        CHECK(one.touched_at == other.touched_at);
        CHECK(one.filled_at == other.filled_at);
        CHECK(one.resolved_at == other.resolved_at);
        CHECK(one.invalidated_at == other.invalidated_at);
        CHECK((one.bounce_q == other.bounce_q || (std::isnan(one.bounce_q) && std::isnan(other.bounce_q))));
      }
    }
  }
}
