// How far a decision's label may look, and what forbids it.
//
//   window    the bars from a decision row to the last one its label may need
//   session   ids under which a trade must end with the session of its fill
//
// Counts of quarantined bars and of unknown spreads before every row answer "any in this window?" at once.
// O(bars) once, O(1) a decision.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/labels/triple_barrier.h"

namespace smctrain::labels::barrier {

class Windows {
 public:
  Windows(const BarsView& bars, const BarrierOptions& options);

  template <Entry kEntry, bool kLong>
  Status status(int64_t t) const {
    int64_t end = length_ > n_ - 1 - t ? n_ : t + length_;  // n_: does not fit
    if (!options_.window_end.empty()) {
      const auto i = static_cast<size_t>(t);
      const auto status = static_cast<Status>(options_.window_status[i]);
      if (status != Status::kOk) return status;
      end = options_.window_end[i];
    } else if (!quarantined_before_.empty() && any_between(quarantined_before_, t, std::min(end, n_ - 1))) {
      return Status::kQuarantine;
    }
    if (end == n_) return Status::kOpen;
    if (one_segment_ || !options_.window_end.empty()) {
      // Nothing to cross, or known to the window.
    } else if (!segment_end_.empty()) {
      if (end > segment_end_[static_cast<size_t>(t)]) return Status::kOpen;
    } else if (bars_.segment[static_cast<size_t>(t)] != bars_.segment[static_cast<size_t>(end)]) {
      return Status::kOpen;
    }
    if (!unknown_before_.empty()) {
      // The bars whose ask the trade may need: a long at its fill, a short until its end.
      int64_t first = t + 1;
      int64_t last = end;
      if (kLong) {
        if (kEntry == Entry::kNextOpen) last = first;
        if (kEntry == Entry::kClose) first = last = t;
        if (kEntry == Entry::kRetest) last = t + options_.wait;
      }
      if (any_between(unknown_before_, first, last)) return Status::kMissing;
    }
    return Status::kOk;
  }

  // Last bar of a trade filled on a bar.
  int64_t last_exit(int64_t entry_bar) const {
    const int64_t last = options_.window_end.empty()
                             ? entry_bar + options_.horizon - 1
                             : options_.window_end[static_cast<size_t>(entry_bar - 1)];
    return session_end_.empty() ? last : std::min(last, session_end_[static_cast<size_t>(entry_bar)]);
  }

  // Whether a trade of decision row t, entered at its close, would have to end there.
  bool session_over(int64_t t) const {
    return !session_end_.empty() && session_end_[static_cast<size_t>(t)] == t;
  }

 private:
  static bool any_between(const std::vector<int64_t>& before, int64_t first, int64_t last) {
    return before[static_cast<size_t>(last + 1)] > before[static_cast<size_t>(first)];
  }

  const BarsView& bars_;
  const BarrierOptions& options_;
  int64_t n_;
  int64_t length_ = 0;  // rows from a decision to the end of its window
  bool one_segment_ = false;
  std::vector<int64_t> segment_end_;  // only where segments are not in order
  std::vector<int64_t> session_end_, quarantined_before_, unknown_before_;
};

}  // namespace smctrain::labels::barrier
