#include "smctrain/features/smc/retracements.h"

#include <algorithm>
#include <limits>

#include "smctrain/features/smc/segment_feed.h"

namespace smctrain::features::smc {

namespace {

Parts ranges_alone() {
  Parts parts;
  parts.structure = parts.gaps = parts.blocks = parts.breakers = parts.liquidity = false;
  parts.range_break = parts.zigzag = parts.second_scale = false;
  return parts;
}

Retracement leg_of(const Engine& engine, int64_t t, const RowsOfBars& rows) {
  const RangePosition& range = engine.range();
  const Swings& swings = engine.swings();
  const Swing& a = range.leg_ends_high() ? swings.low() : swings.high();
  const Swing& b = range.leg_ends_high() ? swings.high() : swings.low();
  Retracement leg;
  leg.side = static_cast<int8_t>(range.leg_direction());
  leg.start_row = rows[a.origin];
  leg.origin = rows[b.origin];
  leg.known_at = t;
  leg.start_price = a.level;
  leg.end_price = b.level;
  return leg;
}

}  // namespace

Retracements collect_retracements(const BarsView& bars, int left, int right,
                                  const std::vector<double>& levels) {
  Options options;
  options.swing_left = left;
  options.swing_right = right;
  options.validate();
  Engine engine(options);
  engine.work_on(ranges_alone());
  SegmentFeed feed(bars, {false, false, false});
  Retracements found;
  bool is_live = false;
  double next_level = 0.0;  // lowest the leg has not come back to

  while (feed.next()) {
    if (feed.starts_segment()) {
      if (is_live) found.legs.back().invalidated_at = feed.first_row();
      is_live = false;
      engine.reset();
    }
    engine.begin(feed.columns());
    for (int64_t t = feed.first_row(); t < feed.first_row() + feed.columns().n; ++t) {
      engine.step();
      const RangePosition& range = engine.range();
      if (engine.swings().is_high_new(engine.now()) || engine.swings().is_low_new(engine.now())) {
        if (is_live) found.legs.back().invalidated_at = t;
        is_live = range.has_leg();
        if (is_live) {
          found.legs.push_back(leg_of(engine, t, feed.rows()));
          found.reached_at.resize(found.reached_at.size() + levels.size(), -1);
          next_level = -std::numeric_limits<double>::infinity();
        }
      }
      if (!is_live) continue;
      const double deepest = range.deepest_retracement();
      if (!(deepest >= next_level)) continue;
      next_level = std::numeric_limits<double>::infinity();
      int64_t* reached_at = found.reached_at.data() + found.reached_at.size() - levels.size();
      for (size_t k = 0; k < levels.size(); ++k) {
        if (reached_at[k] < 0 && deepest >= levels[k]) reached_at[k] = t;
        if (reached_at[k] < 0) next_level = std::min(next_level, levels[k]);
      }
    }
  }
  return found;
}

}  // namespace smctrain::features::smc
