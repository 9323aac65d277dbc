#include "smctrain/features/span_events.h"

#include "smctrain/features/series.h"

namespace smctrain::features {
namespace {

// Calls take(bar, row) for bars with finite prices, after restart(row) where a new segment has begun.
template <class Restart, class Take>
void for_accepted_bars(const BarsView& bars, Restart restart, Take take) {
  bool must_restart = false;
  for (int64_t t = 0; t < bars.size(); ++t) {
    const auto i = static_cast<size_t>(t);
    if (t > 0 && bars.segment[i] != bars.segment[i - 1]) must_restart = true;
    const Bar bar = bars[t];
    if (!prices_are_finite(bar)) continue;
    if (must_restart) restart(t);
    must_restart = false;
    take(bar, t);
  }
}

class Log {
 public:
  explicit Log(size_t kinds) : live_(kinds, -1) {}

  void append(size_t which, const PriceSpan& span, int64_t t) {
    live_[which] = static_cast<int64_t>(events_.size());
    events_.push_back({static_cast<int64_t>(which), span, t, -1, -1, -1});
  }
  void close(size_t which, int64_t t) {
    if (live_[which] >= 0) events_[static_cast<size_t>(live_[which])].invalidated_at = t;
    live_[which] = -1;
  }
  SpanEvent* live(size_t which) {
    return live_[which] < 0 ? nullptr : &events_[static_cast<size_t>(live_[which])];
  }
  std::vector<SpanEvent> take() { return std::move(events_); }

 private:
  std::vector<SpanEvent> events_;
  std::vector<int64_t> live_;
};

}  // namespace

std::vector<SpanEvent> collect_sessions(const BarsView& bars, const std::vector<SessionSpec>& specs) {
  std::vector<Session> sessions;
  for (const auto& spec : specs) sessions.emplace_back(spec);
  Log log(specs.size());
  for_accepted_bars(
      bars,
      [&](int64_t t) {
        for (size_t k = 0; k < sessions.size(); ++k) {
          log.close(k, t);
          sessions[k].reset();
        }
      },
      [&](const Bar& bar, int64_t t) {
        for (size_t k = 0; k < sessions.size(); ++k) {
          sessions[k].push(bar, t);
          const SpanTracker& spans = sessions[k].spans();
          if (spans.has_finished_now()) log.append(k, spans.finished(), t);
          if (spans.has_started_now()) log.close(k, t);
        }
      });
  return log.take();
}

std::vector<SpanEvent> collect_periods(const BarsView& bars, Period period, const DayRoll& roll) {
  PeriodLevels levels(period, roll);
  Log log(1);
  for_accepted_bars(
      bars,
      [&](int64_t t) {
        log.close(0, t);
        levels.reset();
      },
      [&](const Bar& bar, int64_t t) {
        levels.push(bar, t);
        const SpanTracker& spans = levels.spans();
        if (spans.has_finished_now()) {
          log.close(0, t);
          log.append(0, spans.finished(), t);
        }
        if (SpanEvent* event = log.live(0)) {
          if (event->broke_high_at < 0 && bar.high > event->span.high) event->broke_high_at = t;
          if (event->broke_low_at < 0 && bar.low < event->span.low) event->broke_low_at = t;
        }
      });
  return log.take();
}

}  // namespace smctrain::features
