#include "smctrain/features/smc/retracements.h"

#include "smctrain/features/smc/context_feed.h"
#include "smctrain/features/smc/engine.h"

namespace smctrain::features::smc {

std::vector<Retracement> collect_retracements(const BarsView& bars, int left, int right,
                                              const std::vector<double>& levels) {
  Options options;
  options.swing_left = left;
  options.swing_right = right;
  options.validate();
  Engine engine(options);
  ContextFeed feed;
  std::vector<Retracement> found;
  std::vector<int64_t> rows;  // of the segment's accepted bars
  bool is_live = false;
  bool must_restart = false;

  for (int64_t t = 0; t < bars.size(); ++t) {
    const auto i = static_cast<size_t>(t);
    if (t > 0 && bars.segment[i] != bars.segment[i - 1]) {
      must_restart = true;
      feed.reset();
    }
    const Bar bar = bars[t];
    const Context context = feed.push(bar);
    if (!is_finite(bar)) continue;
    if (must_restart) {
      if (is_live) found.back().invalidated_at = t;
      is_live = false;
      must_restart = false;
      rows.clear();
      engine.reset();
    }
    rows.push_back(t);
    engine.push(bar, context);
    const RangePosition& range = engine.range();
    const Swings& swings = engine.swings();
    if (swings.is_high_new(engine.now()) || swings.is_low_new(engine.now())) {
      if (is_live) found.back().invalidated_at = t;
      is_live = range.has_leg();
      if (is_live) {
        const Swing& a = range.leg_ends_high() ? swings.low() : swings.high();
        const Swing& b = range.leg_ends_high() ? swings.high() : swings.low();
        Retracement leg;
        leg.side = static_cast<int8_t>(range.leg_direction());
        leg.start_row = rows[static_cast<size_t>(a.origin)];
        leg.origin = rows[static_cast<size_t>(b.origin)];
        leg.known_at = t;
        leg.start_price = a.level;
        leg.end_price = b.level;
        leg.reached_at.assign(levels.size(), -1);
        found.push_back(std::move(leg));
      }
    }
    if (!is_live) continue;
    const double deepest = range.deepest_retracement();
    for (size_t k = 0; k < levels.size(); ++k) {
      if (found.back().reached_at[k] < 0 && deepest >= levels[k]) found.back().reached_at[k] = t;
    }
  }
  return found;
}

}  // namespace smctrain::features::smc
