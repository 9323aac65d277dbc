#include "smctrain/labels/barrier/windows.h"

#include <cmath>
#include <cstring>

#include "smctrain/labels/horizon.h"

namespace smctrain::labels::barrier {

namespace {

// Number of marked bars before every row.
template <class Marked>
std::vector<int64_t> count_before(int64_t n, Marked&& marked) {
  std::vector<int64_t> before(static_cast<size_t>(n) + 1, 0);
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) before[i + 1] = before[i] + (marked(i) ? 1 : 0);
  return before;
}

bool never_decreases(std::span<const int32_t> ids) {
  if (ids.size() < 2) return true;
  // One unbroken stretch, the usual case, by the fastest comparison there is.
  if (std::memcmp(ids.data(), ids.data() + 1, (ids.size() - 1) * sizeof(int32_t)) == 0) return true;
  return std::is_sorted(ids.begin(), ids.end());
}

// Last row of every row's session, as far as the bars go.
std::vector<int64_t> session_ends(std::span<const int32_t> session, int64_t n) {
  std::vector<int64_t> end(static_cast<size_t>(n), n - 1);
  for (int64_t t = n - 2; t >= 0; --t) {
    const auto i = static_cast<size_t>(t);
    end[i] = session[i] != session[i + 1] ? t : end[i + 1];
  }
  return end;
}

}  // namespace

Windows::Windows(const BarsView& bars, const BarrierOptions& options)
    : bars_(bars), options_(options), n_(bars.size()) {
  const bool retest = options.entry == Entry::kRetest;
  // An absurd horizon or wait must not overflow: a window of n bars never fits anyway.
  const bool absurd = options.horizon > n_ || (retest && options.wait > n_);
  length_ = absurd ? n_ : (retest ? options.wait + options.horizon - 1 : options.horizon);
  if (options.bid_ask) {
    unknown_before_ = count_before(n_, [&](size_t i) { return !std::isfinite(bars.spread[i]); });
  }
  if (!never_decreases(bars.segment)) segment_end_ = segment_ends(bars);
  one_segment_ =
      bars.segment.empty() || (segment_end_.empty() && bars.segment.front() == bars.segment.back());
  if (!options.session.empty()) session_end_ = session_ends(options.session, n_);
  if (!options.quarantine.empty()) {
    quarantined_before_ = count_before(n_, [&](size_t i) { return options.quarantine[i] != 0; });
  }
}

}  // namespace smctrain::labels::barrier
