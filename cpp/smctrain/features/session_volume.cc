#include "smctrain/features/session_volume.h"

#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "smctrain/features/local_time.h"
#include "smctrain/features/previous_period.h"
#include "smctrain/features/technical/families.h"

namespace smctrain::features {
namespace {

constexpr int64_t kMinuteNs = 60'000'000'000;
constexpr size_t kMinutesPerDay = 1440;
constexpr int64_t kAtrWarmup = 14;

// The last ten values of one minute of the day.
class Slot {
 public:
  static constexpr size_t kValues = 10;
  double mean() const {  // oldest to newest
    if (count_ < kValues) return kNaN;
    double sum = 0.0;
    for (size_t i = 0; i < kValues; ++i) sum += values_[(next_ + i) % kValues];
    return sum / static_cast<double>(kValues);
  }
  void push(double value) {
    values_[next_] = value;
    next_ = (next_ + 1) % kValues;
    if (count_ < kValues) ++count_;
  }

 private:
  std::array<double, kValues> values_{};
  size_t next_ = 0;
  size_t count_ = 0;
};

// Slots by minute, made when their minute is first seen.
class Slots {
 public:
  Slots() { reset(); }
  Slot& at(size_t minute) {
    if (place_[minute] < 0) {
      place_[minute] = static_cast<int16_t>(slots_.size());
      slots_.emplace_back();
    }
    return slots_[static_cast<size_t>(place_[minute])];
  }
  void reset() {
    place_.fill(-1);
    slots_.clear();
  }

 private:
  std::array<int16_t, kMinutesPerDay> place_{};
  std::vector<Slot> slots_;
};

// Numbers the stretches from one start of a session, or of a trading day, to the next.
class Starts {
 public:
  Starts(const DayRoll& roll, const SessionSpec* session) : days_(roll) {
    if (session == nullptr) return;
    start_ns_ = session->start_ns;
    clock_.emplace(session->zone);
  }
  int64_t key(int64_t utc) {
    if (clock_) return floor_div(clock_->local(utc) - start_ns_, kDayNs);
    return days_.key(Period::kDay, utc);
  }

 private:
  TradingCalendar days_;
  std::optional<LocalClock> clock_;
  int64_t start_ns_ = 0;
};

std::vector<ColumnInfo> session_volume_columns(const Settings& settings) {
  const std::string start = settings.vwap_session == "day"
                                ? "the trading day began"
                                : "the session " + settings.vwap_session + " last began";
  // What the start leaves behind ends with the calendar, at no fixed number of bars.
  std::vector<ColumnInfo> columns{
      make_column("vol_slot_10", "volume", "ratio", kForever, static_cast<int64_t>(Slot::kValues), kForever,
                  "V / mean V of the last 10 earlier bars that open at the same minute of the day in " +
                      settings.calendar_zone),
      make_column("vwap_sess_atr", "volume", "atr", kForever, kAtrWarmup, kForever,
                  "(C - sum(tp V) / sum(V)) / ATR since " + start)};
  columns[0].known_at = "close of the bar; missing until ten bars of its minute were seen";
  columns[1].known_at = "close of the bar; missing until a start was seen";
  return columns;
}

class SessionVolumeMachine final : public TableMachine {
 public:
  SessionVolumeMachine(const Settings& settings, int64_t bar_length_ns)
      : TableMachine(session_volume_columns(settings)),
        has_minutes_(bar_length_ns < kDayNs),
        clock_(settings.calendar_clock),
        starts_(settings.roll, settings.session(settings.vwap_session)) {}

  void push(const Bar& bar, const Context& context, double* out) override {
    all_nan(out);
    if (!std::isfinite(bar.close) || !std::isfinite(bar.volume)) return;
    if (std::isnan(first_volume_)) first_volume_ = bar.volume;
    has_varied_ = has_varied_ || bar.volume != first_volume_;

    Slot& slot = slots_.at(minute_of(bar.ts_open));
    const double usual = slot.mean();
    slot.push(bar.volume);

    const int64_t key = starts_.key(bar.ts_open);
    if (!has_bars_ || key > key_) {  // clocks set back may show a smaller key again; the stretch goes on
      is_whole_ = has_bars_ || starts_.key(bar.ts_open - 1) != key;
      key_ = key;
      has_bars_ = true;
      price_volume_ = volume_ = 0.0;
    }
    price_volume_ += (bar.high + bar.low + bar.close) / 3.0 * bar.volume;
    volume_ += bar.volume;

    if (!has_varied_) return;
    out[0] = safe_div(bar.volume, usual);
    if (is_whole_) out[1] = safe_div(bar.close - safe_div(price_volume_, volume_), context.atr);
  }
  void reset() override {
    first_volume_ = kNaN;
    has_varied_ = has_bars_ = is_whole_ = false;
    slots_.reset();
    price_volume_ = volume_ = 0.0;
  }

 private:
  size_t minute_of(int64_t utc) {
    if (!has_minutes_) return 0;
    const int64_t local = clock_.local(utc);
    return static_cast<size_t>((local - floor_div(local, kDayNs) * kDayNs) / kMinuteNs);
  }

  bool has_minutes_;
  LocalClock clock_;
  Starts starts_;
  Slots slots_;
  double first_volume_ = kNaN;
  bool has_varied_ = false;
  bool has_bars_ = false;
  bool is_whole_ = false;
  int64_t key_ = 0;
  double price_volume_ = 0.0;
  double volume_ = 0.0;
};

}  // namespace

std::unique_ptr<Machine> make_session_volume_machine(const Settings& settings, int64_t bar_length_ns) {
  return std::make_unique<SessionVolumeMachine>(settings, bar_length_ns);
}

}  // namespace smctrain::features
