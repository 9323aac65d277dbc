// Trading sessions by the wall clock of their place, daylight saving included.
//
//   session    [start, end) of the wall clock, every day, also across midnight; a bar belongs to the session
//              its opening time lies in
//   standard   sydney 07-16 Australia/Sydney, tokyo 09-18 Asia/Tokyo, london 08-17 Europe/London, ny 08-17
//              America/New_York; kill zones in America/New_York: kz_asia 20-24, kz_london 02-05, kz_ny 07-10,
//              kz_lclose 10-12
//   high, low  of the running session while it is on, else of the last finished one
//
// A session that was on before the first bar of a segment gives no high and low: NaN until a session has been
// seen from its start. Shown values are therefore exact from the first row on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "smctrain/features/local_time.h"
#include "smctrain/features/machine.h"
#include "smctrain/features/price_span.h"

namespace smctrain::features {

struct SessionSpec {
  std::string name;
  std::shared_ptr<const Zone> zone;
  int64_t start_ns = 0;   // of the local day
  int64_t length_ns = 0;  // more than 0, at most a day
};

const std::vector<SessionSpec>& standard_sessions();

class Session {
 public:
  explicit Session(SessionSpec spec) : spec_(std::move(spec)), clock_(spec_.zone) {}
  void push(const Bar& bar, int64_t t);  // bar with finite prices
  void reset() { spans_.reset(); }

  const SessionSpec& spec() const { return spec_; }
  const SpanTracker& spans() const { return spans_; }
  // Share of the session that had passed when the newest bar opened; only while it is on.
  double share() const { return static_cast<double>(elapsed_) / static_cast<double>(spec_.length_ns); }

 private:
  SessionSpec spec_;
  LocalClock clock_;
  SpanTracker spans_;
  int64_t elapsed_ = 0;
};

std::unique_ptr<Machine> make_sessions_machine(const std::vector<SessionSpec>& specs);

}  // namespace smctrain::features
