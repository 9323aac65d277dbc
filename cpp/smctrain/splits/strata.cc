#include "smctrain/splits/strata.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "smctrain/base/error.h"

namespace smctrain::splits {

namespace {

// Rows of every stratum before every stamp.
class Counts {
 public:
  Counts(const Stamps& stamps, std::span<const uint8_t> stratum, int64_t n_strata)
      : n_strata_(static_cast<size_t>(n_strata)),
        before_(static_cast<size_t>(stamps.size() + 1) * n_strata_, 0) {
    for (size_t row = 0; row < stratum.size(); ++row) {
      if (stratum[row] == kNoStratum) continue;
      if (stratum[row] >= n_strata_)
        raise("InputError", "stratum ", int{stratum[row]}, " of row ", row, " is unknown.");
      ++before_[static_cast<size_t>(stamps.of_row()[row] + 1) * n_strata_ + stratum[row]];
    }
    for (size_t i = n_strata_; i < before_.size(); ++i) before_[i] += before_[i - n_strata_];
  }

  // Largest difference of a stratum's share between stamps [a, b) and [b, c); 2 if a part has no row of any
  // stratum.
  double difference(int64_t a, int64_t b, int64_t c) const {
    const double left = total(a, b);
    const double right = total(b, c);
    if (left == 0.0 || right == 0.0) return 2.0;
    double largest = 0.0;
    for (size_t s = 0; s < n_strata_; ++s) {
      largest = std::max(largest, std::fabs(count(a, b, s) / left - count(b, c, s) / right));
    }
    return largest;
  }

 private:
  double count(int64_t a, int64_t b, size_t s) const {
    return static_cast<double>(before_[static_cast<size_t>(b) * n_strata_ + s] -
                               before_[static_cast<size_t>(a) * n_strata_ + s]);
  }
  double total(int64_t a, int64_t b) const {
    double sum = 0.0;
    for (size_t s = 0; s < n_strata_; ++s) sum += count(a, b, s);
    return sum;
  }

  size_t n_strata_;
  std::vector<int64_t> before_;
};

}  // namespace

BalancedBorders balance_borders(const Stamps& stamps, std::span<const uint8_t> stratum, int64_t n_strata,
                                std::span<const int64_t> borders, std::span<const uint8_t> admissible,
                                double share, double tolerance) {
  const Counts counts(stamps, stratum, n_strata);
  const int64_t n = stamps.size();
  BalancedBorders balanced;
  int64_t left = 0;     // the part before: from here, as moved
  int64_t planned = 0;  // and as given
  for (size_t k = 0; k < borders.size(); ++k) {
    const int64_t border = borders[k];
    const int64_t right = k + 1 < borders.size() ? borders[k + 1] : n;
    if (border <= planned || border >= right) {
      raise("InputError", "borders must ascend inside 1..", n - 1, ", but border ", k, " is ", border, ".");
    }
    const auto reach = static_cast<int64_t>(
        std::floor(share * static_cast<double>(std::min(border - planned, right - border)) + 1e-9));
    double best = std::numeric_limits<double>::infinity();
    int64_t chosen = -1;
    for (int64_t way = 0; way <= reach; ++way) {
      for (const int64_t place : {border - way, border + way}) {
        if (place <= left || place >= right) continue;
        if (!admissible.empty() && admissible[static_cast<size_t>(place)] == 0) continue;
        const double difference = counts.difference(left, place, right);
        if (difference < best) {
          best = difference;
          chosen = place;
        }
      }
    }
    if (chosen < 0) {
      raise("InputError", "stratify_quality: border ", k, " (stamp ", border,
            ") has no admissible position within ", reach, " stamps, ", share * 100.0,
            " % of the shorter part beside it.");
    }
    if (best > tolerance) {
      raise("InputError", "stratify_quality: at border ", k, " (stamp ", border,
            ") the shares of a stratum differ by ", best, " or more at every position within ", reach,
            " stamps, above the tolerance of ", tolerance,
            ". Rows are never moved in time to balance strata: leave stratify_quality out, or raise the "
            "tolerance.");
    }
    balanced.borders.push_back(chosen);
    balanced.difference.push_back(best);
    left = chosen;
    planned = border;
  }
  return balanced;
}

}  // namespace smctrain::splits
