#include "smctrain/labels/trend_scanning.h"

#include <cmath>
#include <cstddef>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/labels/horizon.h"
#include "smctrain/labels/status.h"

namespace smctrain::labels {

namespace {

// A least-squares line on 0, 1, 2, ... that grows by one value at a time.
class GrowingLine {
 public:
  explicit GrowingLine(double origin) : origin_(origin) {}

  void push(double value) {
    const double y = value - origin_;
    const double x = static_cast<double>(count_);
    ++count_;
    const double dy = y - mean_y_;
    mean_y_ += dy / static_cast<double>(count_);
    sum_xy_ += (x - mean_x_) * (y - mean_y_);
    mean_x_ += (x - mean_x_) / static_cast<double>(count_);
    sum_yy_ += dy * (y - mean_y_);
  }

  double t_value() const {
    if (!std::isfinite(sum_yy_)) return std::numeric_limits<double>::quiet_NaN();
    if (sum_yy_ <= 0.0) return 0.0;
    const double l = static_cast<double>(count_);
    const double sum_xx = l * (l * l - 1.0) / 12.0;
    const double slope = sum_xy_ / sum_xx;
    const double residual = sum_yy_ - slope * sum_xy_;
    if (residual <= 1e-12 * sum_yy_) return slope > 0.0 ? kExactTrend : -kExactTrend;
    return slope / std::sqrt(residual / (l - 2.0) / sum_xx);
  }

 private:
  double origin_;
  int64_t count_ = 0;
  double mean_x_ = 0.0, mean_y_ = 0.0, sum_xy_ = 0.0, sum_yy_ = 0.0;
};

}  // namespace

std::vector<double> trend_t_values(std::span<const double> closes) {
  std::vector<double> out;
  if (closes.empty()) return out;
  GrowingLine line(closes[0]);
  for (size_t l = 1; l <= closes.size(); ++l) {
    line.push(closes[l - 1]);
    if (static_cast<int64_t>(l) >= kShortestTrend) out.push_back(line.t_value());
  }
  return out;
}

TrendColumns trend_scanning(const BarsView& bars, std::span<const int64_t> rows, int64_t max_length,
                            const StopToken& stop) {
  if (max_length < kShortestTrend) {
    raise("InputError", "max_length must be at least ", kShortestTrend, ", but is ", max_length, ".");
  }
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  const size_t m = rows.size();
  TrendColumns out;
  out.y.assign(m, kNaN);
  out.weight.assign(m, kNaN);
  out.t1.assign(m, -1);
  out.length.assign(m, -1);
  out.status.assign(m, static_cast<uint8_t>(Status::kOpen));
  const auto last = segment_ends(bars);
  for (size_t k = 0; k < m; ++k) {
    if (k % 1024 == 0 && stop.stop_requested()) break;
    const int64_t t = rows[k];
    if (t < 0 || t >= bars.size()) {
      raise("InputError", "rows must lie in 0..", bars.size() - 1, ", but entry ", k, " is ", t, ".");
    }
    const auto i = static_cast<size_t>(t);
    if (max_length - 1 > last[i] - t) continue;
    GrowingLine line(bars.close[i]);
    double best = 0.0;
    int64_t length = kShortestTrend;
    bool known = true;
    for (int64_t l = 1; l <= max_length && known; ++l) {
      const double close = bars.close[i + static_cast<size_t>(l - 1)];
      known = std::isfinite(close);
      line.push(close);
      if (l < kShortestTrend) continue;
      const double t_value = line.t_value();
      if (std::abs(t_value) > std::abs(best)) {
        best = t_value;
        length = l;
      }
    }
    out.status[k] = static_cast<uint8_t>(known ? Status::kOk : Status::kMissing);
    if (!known) continue;
    out.y[k] = best > 0.0 ? 1.0 : (best < 0.0 ? -1.0 : 0.0);
    out.weight[k] = std::abs(best);
    out.length[k] = length;
    out.t1[k] = t + max_length - 1;
  }
  return out;
}

}  // namespace smctrain::labels
