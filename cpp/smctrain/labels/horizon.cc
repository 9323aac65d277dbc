#include "smctrain/labels/horizon.h"

#include <cstddef>

#include "smctrain/base/error.h"
#include "smctrain/labels/status.h"

namespace smctrain::labels {

namespace {

class WindowWriter {
 public:
  explicit WindowWriter(size_t n) {
    windows_.end.assign(n, -1);
    windows_.status.assign(n, static_cast<uint8_t>(Status::kOpen));
  }
  void close(int64_t t, int64_t end) {
    windows_.end[static_cast<size_t>(t)] = end;
    windows_.status[static_cast<size_t>(t)] = static_cast<uint8_t>(Status::kOk);
  }
  void hole(int64_t t) { windows_.status[static_cast<size_t>(t)] = static_cast<uint8_t>(Status::kMissing); }
  Windows take() { return std::move(windows_); }

 private:
  Windows windows_;
};

Windows by_bars(const std::vector<int64_t>& last, int64_t count) {
  WindowWriter out(last.size());
  for (size_t i = 0; i < last.size(); ++i) {
    const auto t = static_cast<int64_t>(i);
    if (count <= last[i] - t) out.close(t, t + count);
  }
  return out.take();
}

Windows by_time(const BarsView& bars, const std::vector<int64_t>& last, int64_t span_ns,
                int64_t timeframe_ns) {
  WindowWriter out(last.size());
  int64_t end = 0;
  for (size_t i = 0; i < last.size(); ++i) {
    const auto t = static_cast<int64_t>(i);
    const int64_t due = bars.ts_close[i] + span_ns;
    if (end < t) end = t;
    while (end < last[i] && bars.ts_close[static_cast<size_t>(end + 1)] <= due) ++end;
    if (bars.ts_close[static_cast<size_t>(end)] > due - timeframe_ns) {
      out.close(t, end);
    } else if (end < last[i]) {
      out.hole(t);
    }
  }
  return out.take();
}

Windows by_sessions(const BarsView& bars, std::span<const int64_t> session, int64_t count) {
  const auto n = session.size();
  WindowWriter out(n);
  // Runs of bars of one session in one segment. A run is known to be over when the next bar belongs to
  // another session; a segment that breaks inside a session leaves its last run unfinished.
  std::vector<int64_t> run_of(n);
  std::vector<size_t> run_last;
  for (size_t i = 0; i < n; ++i) {
    const bool starts = i == 0 || session[i] != session[i - 1] || bars.segment[i] != bars.segment[i - 1];
    if (starts) run_last.push_back(i);
    run_last.back() = i;
    run_of[i] = static_cast<int64_t>(run_last.size()) - 1;
  }
  const auto runs = static_cast<int64_t>(run_last.size());
  for (size_t i = 0; i < n; ++i) {
    if (count >= runs - run_of[i]) continue;
    const size_t end = run_last[static_cast<size_t>(run_of[i] + count)];
    const bool over = end + 1 < n && session[end + 1] != session[end];
    if (over && bars.segment[end] == bars.segment[i]) {
      out.close(static_cast<int64_t>(i), static_cast<int64_t>(end));
    }
  }
  return out.take();
}

}  // namespace

std::vector<int64_t> segment_ends(const BarsView& bars) {
  const int64_t n = bars.size();
  std::vector<int64_t> end(static_cast<size_t>(n), n - 1);
  for (int64_t t = n - 2; t >= 0; --t) {
    const auto i = static_cast<size_t>(t);
    const bool border = !bars.segment.empty() && bars.segment[i] != bars.segment[i + 1];
    end[i] = border ? t : end[i + 1];
  }
  return end;
}

namespace {

Windows plain_windows(const BarsView& bars, const Horizon& horizon, int64_t timeframe_ns,
                      std::span<const int64_t> session) {
  if (horizon.count < 1) raise("InputError", "horizon must be at least 1, but is ", horizon.count, ".");
  const auto last = segment_ends(bars);
  switch (horizon.unit) {
    case HorizonUnit::kTime:
      if (timeframe_ns < 1 || horizon.count < timeframe_ns) {
        raise("InputError", "horizon must be at least one bar long, but spans ", horizon.count,
              " ns of bars of ", timeframe_ns, " ns.");
      }
      // A longer span would leave the range of time stamps; no series is that long.
      if (horizon.count > (int64_t{1} << 62)) {
        raise("InputError", "horizon must be shorter than 146 years, but is ", horizon.count, " ns.");
      }
      return by_time(bars, last, horizon.count, timeframe_ns);
    case HorizonUnit::kSessions:
      if (session.size() != last.size()) {
        raise("InputError", "session must have one id a bar (", last.size(), "), but has ", session.size(),
              ".");
      }
      return by_sessions(bars, session, horizon.count);
    default:
      return by_bars(last, horizon.count);
  }
}

// Last row of every window if neither a break nor the end of the data cut it short, as far as the bars go. A
// marked bar in it takes the row out even where the window has no end: a row must not change from open to
// quarantined by where its segment breaks. Never decreases.
std::vector<int64_t> reach_of(const BarsView& bars, const Horizon& horizon,
                              std::span<const int64_t> session) {
  const int64_t n = bars.size();
  std::vector<int64_t> reach(static_cast<size_t>(n));
  int64_t sessions_ahead = 0;
  int64_t end = -1;
  for (int64_t t = 0; t < n; ++t) {
    const auto i = static_cast<size_t>(t);
    const auto next = [&] { return static_cast<size_t>(end + 1); };
    if (horizon.unit == HorizonUnit::kBars) {
      end = horizon.count > n - 1 - t ? n - 1 : t + horizon.count;
    } else if (horizon.unit == HorizonUnit::kTime) {
      while (end + 1 < n && (end < t || bars.ts_close[next()] <= bars.ts_close[i] + horizon.count)) ++end;
    } else {
      // sessions_ahead: borders between t and `end`.
      if (t > 0 && session[i] != session[i - 1]) --sessions_ahead;
      while (end + 1 < n) {
        const bool border = end >= 0 && session[next()] != session[static_cast<size_t>(end)];
        if (border && end >= t && sessions_ahead == horizon.count) break;
        if (border) ++sessions_ahead;
        ++end;
      }
    }
    reach[i] = end;
  }
  return reach;
}

// Takes out the windows that hold a marked bar, or would if they were longer.
void take_out(Windows& windows, std::span<const int64_t> reach, std::span<const uint8_t> quarantine) {
  const auto n = static_cast<int64_t>(windows.end.size());
  int64_t next = n;  // first marked bar at or after t
  for (int64_t t = n - 1; t >= 0; --t) {
    const auto i = static_cast<size_t>(t);
    if (quarantine[i] != 0) next = t;
    if (next == n || next > reach[i]) continue;
    windows.end[i] = -1;
    windows.status[i] = static_cast<uint8_t>(Status::kQuarantine);
  }
}

}  // namespace

Windows horizon_windows(const BarsView& bars, const Horizon& horizon, int64_t timeframe_ns,
                        std::span<const int64_t> session, std::span<const uint8_t> quarantine) {
  Windows out = plain_windows(bars, horizon, timeframe_ns, session);
  if (quarantine.empty()) return out;
  if (quarantine.size() != out.end.size()) {
    raise("InputError", "quarantine must have one value a bar (", out.end.size(), "), but has ",
          quarantine.size(), ".");
  }
  take_out(out, reach_of(bars, horizon, session), quarantine);
  return out;
}

}  // namespace smctrain::labels
