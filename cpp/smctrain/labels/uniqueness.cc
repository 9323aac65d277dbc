#include "smctrain/labels/uniqueness.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>

#include "smctrain/base/error.h"
#include "smctrain/labels/coverage.h"

namespace smctrain::labels {

namespace {

// 1 / count, 0 where there is none. Divisions of the small counts, which are nearly all, are done once.
class Shares {
 public:
  Shares() {
    for (size_t count = 1; count < known_.size(); ++count) known_[count] = 1.0 / static_cast<double>(count);
  }
  double operator()(int32_t count) const {
    const auto i = static_cast<size_t>(count);
    return i < known_.size() ? known_[i] : 1.0 / count;
  }

 private:
  std::array<double, 256> known_{};
};

}  // namespace

void uniqueness(std::span<const int64_t> t0, std::span<const int64_t> t1, std::span<double> out) {
  const Coverage cover = label_coverage(t0, t1);
  if (out.size() != t0.size()) {
    raise("InputError", "out must have one value a label (", t0.size(), "), but has ", out.size(), ".");
  }
  if (t0.empty()) return;
  const Shares share_of;
  // Uninitialized, as every entry is written once: clearing it first would cost as much as the sums.
  const auto sum = std::make_unique_for_overwrite<double[]>(cover.count.size() + 1);
  double total = 0.0;
  sum[0] = total;
  for (size_t b = 0; b < cover.count.size(); ++b) sum[b + 1] = total += share_of(cover.count[b]);
  for (size_t i = 0; i < t0.size(); ++i) {
    out[i] = (sum[cover.end(t1[i])] - sum[cover.begin(t0[i])]) / static_cast<double>(t1[i] - t0[i]);
  }
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
