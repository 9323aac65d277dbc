#include "smctrain/bars/segments.h"

#include <algorithm>
#include <cmath>

#include "smctrain/bars/timestamp.h"

namespace smctrain {
namespace {

// Robust size of a bar-to-bar move before row t; 0 when there is too little history to say.
double scale_before(std::span<const double> close, int64_t t) {
  std::vector<double> moves;
  for (int64_t j = t - 1; j >= 1 && t - j <= kJumpWindow; --j) {
    const double move = std::abs(std::log(close[static_cast<size_t>(j)] / close[static_cast<size_t>(j - 1)]));
    if (std::isfinite(move)) moves.push_back(move);
  }
  if (static_cast<int64_t>(moves.size()) < kJumpMinHistory) return 0.0;
  const auto middle = moves.begin() + static_cast<std::ptrdiff_t>(moves.size() / 2);
  std::nth_element(moves.begin(), middle, moves.end());
  return 1.4826 * *middle;
}

}  // namespace

int64_t segment_gap_ns(int64_t timeframe_ns) {
  if (timeframe_ns < kDayNs) return 7 * kDayNs;
  return (timeframe_ns < 7 * kDayNs ? 5 : 2) * timeframe_ns;
}

std::vector<int64_t> find_jumps(std::span<const double> open, std::span<const double> close) {
  const double up = std::exp(kJumpLog);
  const double down = std::exp(-kJumpLog);
  std::vector<int64_t> jumps;
  for (size_t t = 1; t < open.size(); ++t) {
    const double before = close[t - 1];
    if (!(before > 0.0) || !(open[t] > 0.0)) continue;
    const double ratio = open[t] / before;
    if (ratio <= up && ratio >= down) continue;
    const auto row = static_cast<int64_t>(t);
    if (std::abs(std::log(ratio)) > kJumpScales * scale_before(close, row)) jumps.push_back(row);
  }
  return jumps;
}

std::vector<int32_t> find_segments(const BarsView& bars, int64_t gap_ns) {
  const std::vector<int64_t> jumps = find_jumps(bars.open, bars.close);
  auto jump = jumps.begin();
  std::vector<int32_t> segment(bars.close.size());
  int32_t id = 0;
  for (size_t t = 1; t < segment.size(); ++t) {
    bool border = bars.ts_open[t] - bars.ts_close[t - 1] > gap_ns;
    if (jump != jumps.end() && *jump == static_cast<int64_t>(t)) {
      border = true;
      ++jump;
    }
    if (border) ++id;
    segment[t] = id;
  }
  return segment;
}

}  // namespace smctrain
