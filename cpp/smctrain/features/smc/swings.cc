#include "smctrain/features/smc/swings.h"

#include <algorithm>

namespace smctrain::features::smc {

namespace {

// Highs, or lows: everything the other way round.
template <bool kHigh>
bool is_beyond(double a, double b) {
  return kHigh ? a > b : a < b;
}

// x[0] is the candidate; true if none of the `left` values before reaches it and none of the `right` values
// after passes it.
template <bool kHigh>
bool is_pivot(const double* x, int left, int right) {
  const int both = std::min(left, right);
  for (int k = 1; k <= both; ++k) {
    if (!is_beyond<kHigh>(x[0], x[-k]) || is_beyond<kHigh>(x[k], x[0])) return false;
  }
  for (int k = both + 1; k <= left; ++k) {
    if (!is_beyond<kHigh>(x[0], x[-k])) return false;
  }
  for (int k = both + 1; k <= right; ++k) {
    if (is_beyond<kHigh>(x[k], x[0])) return false;
  }
  return true;
}

template <bool kHigh>
void find_pivots(const double* next, int first, int n, int left, int right, uint8_t* marks) {
  std::fill_n(marks, n, uint8_t{0});
  const int reach = std::min({left, right, 2});  // compared without a branch
  for (int i = first; i < n; ++i) {
    const double* x = next + i - right;
    const bool is_likely = is_beyond<kHigh>(x[0], x[-1]) & !is_beyond<kHigh>(x[1], x[0]) &
                           is_beyond<kHigh>(x[0], x[-reach]) & !is_beyond<kHigh>(x[reach], x[0]);
    if (is_likely) marks[i] = is_pivot<kHigh>(x, left, right);
  }
}

}  // namespace

void PivotFinder::find(const History& history, int n) {
  // The first pivot has `left` bars before it.
  const int64_t missing = std::max<int64_t>(int64_t{left_} + right_ - history.size(), 0);
  const int first = static_cast<int>(std::min<int64_t>(missing, n));
  find_pivots<true>(history.next_high(), first, n, left_, right_, highs_.data());
  find_pivots<false>(history.next_low(), first, n, left_, right_, lows_.data());
}

void Swings::renew(Swing& swing, int64_t t, double level, int side, EventLog* log) const {
  const double order = !swing.exists()       ? Event::kNone
                       : level > swing.level ? 1.0
                       : level < swing.level ? -1.0
                                             : 0.0;
  swing = {t - right_, t, level, order, static_cast<double>(t - right_)};
  if (log == nullptr) return;
  Event event;
  event.kind = side > 0 ? EventKind::kSwingHigh : EventKind::kSwingLow;
  event.side = static_cast<int8_t>(side);
  event.origin = swing.origin;
  event.known_at = t;
  event.level = level;
  log->append(event);
}

void Swings::reset() {
  next_ = 0;
  high_ = {};
  low_ = {};
}

}  // namespace smctrain::features::smc
