#include "smctrain/features/sessions.h"

#include "smctrain/features/technical/families.h"

namespace smctrain::features {
namespace {

constexpr int64_t kAtrWarmup = 14;

std::vector<ColumnInfo> session_columns(const std::vector<SessionSpec>& specs) {
  std::vector<ColumnInfo> columns;
  for (const auto& spec : specs) {
    const std::string prefix = "ses_" + spec.name + "_";
    const auto add = [&](const char* name, const char* unit, const std::string& definition) {
      const bool is_scaled = std::string(unit) == "atr";
      columns.push_back({prefix + name, "sessions", unit, "feature", is_scaled ? kForever : 0,
                         is_scaled ? kAtrWarmup : 0, is_scaled ? kForever : 0,
                         is_scaled ? "close of the bar; missing until a session was seen from its start"
                                   : "close of the bar",
                         definition});
    };
    add("on", "flag", "1 if the bar opens inside the session " + spec.name + ", by the local wall clock");
    add("frac", "ratio", "share of the session that had passed when the bar opened, missing while it is off");
    add("high_dist_atr", "atr",
        "(high - close) / ATR, high of the running session, or of the last finished one while it is off");
    add("low_dist_atr", "atr",
        "(close - low) / ATR, low of the running session, or of the last finished one while it is off");
  }
  return columns;
}

class SessionsMachine final : public TableMachine {
 public:
  explicit SessionsMachine(const std::vector<SessionSpec>& specs) : TableMachine(session_columns(specs)) {
    for (const auto& spec : specs) sessions_.emplace_back(spec);
  }

  void push(const Bar& bar, const Context& context, double* out) override {
    if (std::isnan(bar.close)) {  // the engine blanks all prices of a bar that misses one
      all_nan(out);
      return;
    }
    for (auto& session : sessions_) {
      session.push(bar, context.row);
      const SpanTracker& spans = session.spans();
      const bool is_on = spans.is_running();
      const PriceSpan& shown = is_on ? spans.running() : spans.finished();
      const bool is_known = is_on ? spans.is_running_whole() : spans.has_finished();
      *out++ = is_on ? 1.0 : 0.0;
      *out++ = is_on ? session.share() : kNaN;
      *out++ = is_known ? safe_div(shown.high - bar.close, context.atr) : kNaN;
      *out++ = is_known ? safe_div(bar.close - shown.low, context.atr) : kNaN;
    }
  }
  void reset() override {
    for (auto& session : sessions_) session.reset();
  }

 private:
  std::vector<Session> sessions_;
};

}  // namespace

const std::vector<SessionSpec>& standard_sessions() {
  static const std::vector<SessionSpec> specs = [] {
    const auto hours = [](const char* name, const char* zone, int64_t start, int64_t end) {
      return SessionSpec{name, compiled_zone(zone), start * kHourNs, (end - start) * kHourNs};
    };
    return std::vector<SessionSpec>{
        hours("sydney", "Australia/Sydney", 7, 16),   hours("tokyo", "Asia/Tokyo", 9, 18),
        hours("london", "Europe/London", 8, 17),      hours("ny", "America/New_York", 8, 17),
        hours("kz_asia", "America/New_York", 20, 24), hours("kz_london", "America/New_York", 2, 5),
        hours("kz_ny", "America/New_York", 7, 10),    hours("kz_lclose", "America/New_York", 10, 12),
    };
  }();
  return specs;
}

void Session::push(const Bar& bar, int64_t t) {
  const int64_t since_start = clock_.local(bar.ts_open) - spec_.start_ns;
  const int64_t day = floor_div(since_start, kDayNs);
  elapsed_ = since_start - day * kDayNs;
  const bool is_on = elapsed_ < spec_.length_ns;
  spans_.push(bar, t, is_on ? std::optional<int64_t>(day) : std::nullopt, elapsed_ == 0);
}

std::unique_ptr<Machine> make_sessions_machine(const std::vector<SessionSpec>& specs) {
  return std::make_unique<SessionsMachine>(specs);
}

}  // namespace smctrain::features
