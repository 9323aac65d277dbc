// Stretches of bars that share a key: a session of one day, a trading day, a week.
//
//   running    the stretch the newest bar belongs to, if any
//   whole      seen from its beginning. The stretch in which a segment starts is whole only if its first bar
//              opens exactly where the stretch begins: what came before is not known, and a part is not shown
//              as the whole
//   finished   the last whole stretch that a later bar has left. A stretch is finished by the first bar that
//              does not belong to it, not before
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "smctrain/bars/bar.h"
#include "smctrain/features/machine.h"

namespace smctrain::features {

struct PriceSpan {
  int64_t first = -1;  // bars, as the caller counts them
  int64_t last = -1;
  double open = kNaN;
  double high = kNaN;
  double low = kNaN;
  double close = kNaN;

  void start(const Bar& bar, int64_t t) { *this = {t, t, bar.open, bar.high, bar.low, bar.close}; }
  void add(const Bar& bar, int64_t t) {
    last = t;
    high = std::max(high, bar.high);
    low = std::min(low, bar.low);
    close = bar.close;
  }
};

class SpanTracker {
 public:
  // A bar with finite prices, number `t`. No key: the bar belongs to no stretch. `begins_here`: whether a
  // stretch begins exactly where this bar opens; asked of the first bar only.
  void push(const Bar& bar, int64_t t, std::optional<int64_t> key, bool begins_here) {
    has_finished_now_ = has_started_now_ = false;
    // Clocks set back may show a smaller key again; the stretch goes on.
    const bool stays = is_running_ && key && *key <= key_;
    if (stays) {
      running_.add(bar, t);
    } else {
      if (is_running_ && is_whole_) {
        finished_ = running_;
        has_finished_now_ = true;
      }
      is_running_ = key.has_value();
      if (is_running_) {
        key_ = *key;
        is_whole_ = has_bars_ || begins_here;
        running_.start(bar, t);
        has_started_now_ = true;
      }
    }
    has_bars_ = true;
  }
  void reset() { *this = {}; }

  bool has_bars() const { return has_bars_; }
  bool is_running() const { return is_running_; }
  bool is_running_whole() const { return is_running_ && is_whole_; }
  const PriceSpan& running() const { return running_; }
  bool has_finished() const { return finished_.first >= 0; }
  const PriceSpan& finished() const { return finished_; }
  // Whether the newest bar finished a whole stretch, or started one.
  bool has_finished_now() const { return has_finished_now_; }
  bool has_started_now() const { return has_started_now_; }

 private:
  bool has_bars_ = false;
  bool is_running_ = false;
  bool is_whole_ = false;
  bool has_finished_now_ = false;
  bool has_started_now_ = false;
  int64_t key_ = 0;
  PriceSpan running_;
  PriceSpan finished_;
};

}  // namespace smctrain::features
