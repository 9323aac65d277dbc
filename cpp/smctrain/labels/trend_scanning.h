// Trend scanning: the sign of the clearest trend that starts at a row.
//
//   length l   3..max_length bars, row t included: closes C[t..t+l-1] against 0..l-1.
//   t value    slope of the least-squares line over its standard error (l-2 degrees of freedom). A line that
//              fits exactly (residual below 1e-12 of the variation) counts +-1e6; closes that do not move, 0.
//   l*         the length with the largest |t|; of equals the shortest.
//   label      sign of that t; weight |t|; t1 = t+max_length-1 always, because every length was looked at.
//
// Sums are updated per length (Welford), so a row costs O(max_length). A row whose max_length bars do not fit
// into its segment is open. Source: Lopez de Prado, "Machine Learning for Asset Managers" (2020),
// section 5.4.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/bars/bar.h"
#include "smctrain/base/stop.h"

namespace smctrain::labels {

inline constexpr int64_t kShortestTrend = 3;
inline constexpr double kExactTrend = 1e6;

// t values of the lengths 3..closes.size(), shortest first.
std::vector<double> trend_t_values(std::span<const double> closes);

struct TrendColumns {
  std::vector<double> y, weight;
  std::vector<int64_t> t1, length;  // -1 without a label
  std::vector<uint8_t> status;
};

TrendColumns trend_scanning(const BarsView& bars, std::span<const int64_t> rows, int64_t max_length,
                            const StopToken& stop = StopToken());

}  // namespace smctrain::labels
