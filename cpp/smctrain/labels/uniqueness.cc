#include "smctrain/labels/uniqueness.h"

#include <cmath>
#include <cstddef>

#include "smctrain/base/error.h"
#include "smctrain/labels/coverage.h"

namespace smctrain::labels {

std::vector<double> uniqueness(std::span<const int64_t> t0, std::span<const int64_t> t1) {
  const Coverage cover = label_coverage(t0, t1);
  std::vector<double> sum(cover.count.size() + 1, 0.0);
  for (size_t b = 0; b < cover.count.size(); ++b) {
    sum[b + 1] = sum[b] + (cover.count[b] > 0 ? 1.0 / cover.count[b] : 0.0);
  }
  std::vector<double> out(t0.size());
  for (size_t i = 0; i < t0.size(); ++i) {
    out[i] = (sum[cover.end(t1[i])] - sum[cover.begin(t0[i])]) / static_cast<double>(t1[i] - t0[i]);
  }
  return out;
}

std::vector<double> return_weights(const BarsView& bars, std::span<const int64_t> t0,
                                   std::span<const int64_t> t1) {
  const Coverage cover = label_coverage(t0, t1);
  if (t0.empty()) return {};
  if (cover.first < 1 || cover.first + static_cast<int64_t>(cover.count.size()) > bars.size()) {
    raise("InputError", "t0 and t1 must be rows of the bars, 0..", bars.size() - 1, ", but reach from ",
          cover.first - 1, " to ", cover.first + static_cast<int64_t>(cover.count.size()) - 1, ".");
  }
  std::vector<double> sum(cover.count.size() + 1, 0.0);
  for (size_t b = 0; b < cover.count.size(); ++b) {
    double share = 0.0;
    if (cover.count[b] > 0) {
      const auto row = static_cast<size_t>(cover.first) + b;
      share = std::log(bars.close[row] / bars.close[row - 1]) / cover.count[b];
      if (!std::isfinite(share)) {
        raise("InputError", "close must be a number above 0 on every covered row, but the step from row ",
              row - 1, " to ", row, " goes from ", bars.close[row - 1], " to ", bars.close[row], ".");
      }
    }
    sum[b + 1] = sum[b] + share;
  }
  std::vector<double> out(t0.size());
  double total = 0.0;
  for (size_t i = 0; i < t0.size(); ++i) {
    out[i] = std::abs(sum[cover.end(t1[i])] - sum[cover.begin(t0[i])]);
    total += out[i];
  }
  const double mean = total / static_cast<double>(out.size());
  for (auto& weight : out) weight = mean > 0.0 ? weight / mean : 1.0;
  return out;
}

}  // namespace smctrain::labels
