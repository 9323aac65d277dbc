#include "smctrain/labels/replay.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace smctrain::labels {

namespace {

struct Prices {
  double open, high, low, close;
};

// A finer bar as a long sees it, at the quote that fills (entry) or closes (exit) the trade.
template <bool kLong>
Prices quote(const BarsView& lower, size_t i, double ask_distance, bool at_ask) {
  const double more = at_ask ? ask_distance : 0.0;
  if constexpr (kLong) {
    return {lower.open[i] + more, lower.high[i] + more, lower.low[i] + more, lower.close[i] + more};
  } else {
    return {-(lower.open[i] + more), -(lower.low[i] + more), -(lower.high[i] + more),
            -(lower.close[i] + more)};
  }
}

double distance_to_ask(const BarsView& lower, size_t i, const Tied& tied) {
  if (tied.point <= 0.0) return 0.0;
  const bool known = !lower.spread.empty() && std::isfinite(lower.spread[i]);
  return tied.point * (known ? lower.spread[i] : tied.spread);
}

}  // namespace

template <bool kLong>
Replay replay(const BarsView& lower, const Tied& tied) {
  const auto& opens = lower.ts_open;
  const auto first =
      static_cast<size_t>(std::lower_bound(opens.begin(), opens.end(), tied.from_ns) - opens.begin());
  const auto end =
      static_cast<size_t>(std::lower_bound(opens.begin(), opens.end(), tied.to_ns) - opens.begin());
  const double stop_at = tied.stop + tied.eps;
  const double target_at = tied.target - tied.eps;

  Replay out;
  out.best = -std::numeric_limits<double>::infinity();
  out.worst = std::numeric_limits<double>::infinity();
  const auto see = [&](double low, double high) {
    out.worst = std::min(out.worst, low);
    out.best = std::max(out.best, high);
  };
  const auto leave = [&](Replayed result, double exit) {
    out.result = result;
    out.exit = exit;
  };

  bool sees_stop = false;
  bool sees_target = false;
  for (size_t i = first; i < end; ++i) {
    const Prices bar = quote<kLong>(lower, i, distance_to_ask(lower, i, tied), !kLong);
    sees_stop = sees_stop || bar.low <= stop_at;
    sees_target = sees_target || bar.high >= target_at;
  }
  if (!sees_stop || !sees_target) return out;

  bool waiting = tied.filled_inside;
  bool after_fill = !tied.filled_at_open;  // whether the next finer open lies after the fill
  for (size_t i = first; i < end; ++i) {
    const double ask = distance_to_ask(lower, i, tied);
    const Prices bar = quote<kLong>(lower, i, ask, !kLong);
    double reach = bar.high;
    if (waiting) {
      const Prices entry = quote<kLong>(lower, i, ask, kLong);
      if (entry.low > tied.fill + tied.eps) continue;
      waiting = false;
      // Inside this finer bar the high may precede the fill; at its open it does not.
      if (entry.open > tied.fill + tied.eps) reach = std::max(bar.close, tied.fill - ask);
    } else if (after_fill) {
      if (bar.open <= stop_at) {
        leave(Replayed::kStopGap, bar.open);
        see(bar.open, bar.open);
        return out;
      }
      if (bar.open >= target_at) {
        leave(Replayed::kTargetGap, tied.gap_target_at_open ? bar.open : tied.target);
        see(out.exit, out.exit);
        return out;
      }
    }
    after_fill = true;
    const bool stop_hit = bar.low <= stop_at;
    const bool target_hit = reach >= target_at;
    if (stop_hit && target_hit) return out;
    if (stop_hit || target_hit) {
      see(std::max(bar.low, tied.stop), std::min(reach, tied.target));
      leave(stop_hit ? Replayed::kStop : Replayed::kTarget, stop_hit ? tied.stop : tied.target);
      return out;
    }
    see(bar.low, reach);
  }
  return out;
}

template Replay replay<true>(const BarsView& lower, const Tied& tied);
template Replay replay<false>(const BarsView& lower, const Tied& tied);

}  // namespace smctrain::labels
