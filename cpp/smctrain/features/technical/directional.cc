// Wilder's directional movement: plus_di, minus_di, adx (n = 14).
//
//   +DM, -DM, TR are summed over rows 1..n-1; from row n on each sum S becomes S - S/n + new, and DI = 100
//   DM/TR. ADX on row 2n-1 is the mean of DX on rows n..2n-1, then (ADX (n-1) + DX)/n. A DX whose denominator
//   is 0 leaves ADX unchanged. Source: Wilder (1978); equal to TA-Lib.
#include <algorithm>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/windows.h"

namespace smctrain::features {
namespace {

constexpr int kPeriod = 14;

class DirectionalMachine final : public TableMachine {
 public:
  DirectionalMachine()
      : TableMachine({
            make_column("plus_di_14", "technical", "pct", kForever, 14, wilder_settle(14),
                        "100 smoothed +DM / smoothed TR; 0 if TR = 0"),
            make_column("minus_di_14", "technical", "pct", kForever, 14, wilder_settle(14),
                        "100 smoothed -DM / smoothed TR; 0 if TR = 0"),
            make_column("adx_14", "technical", "pct", kForever, 27, 2 * wilder_settle(14),
                        "Wilder mean of 100 |+DI - -DI| / (+DI + -DI)"),
        }) {}

  void push_block(const Block& block, double* const* out) override {
    BlockValues scratch[3];
    double* plus = or_else(out[0], scratch[0]);
    double* minus = or_else(out[1], scratch[1]);
    double* strength = or_else(out[2], scratch[2]);
    if (block.plain) {
      smooth(block, plus, minus, strength);
      return;
    }
    for (int t = 0; t < block.n; ++t) {
      double row[3];
      step(block.bar(t), row);
      plus[t] = row[0];
      minus[t] = row[1];
      strength[t] = row[2];
    }
  }
  void reset() override {
    row_ = 0;
    plus_ = minus_ = range_ = adx_ = 0.0;
  }

 private:
  // Ordinary bars after the warm-up. The ADX follows some bars behind the sums, so that neither waits for the
  // other.
  void smooth(const Block& block, double* plus, double* minus, double* strength) {
    constexpr int kFew = 32;
    const Kernels& k = kernels();
    const int n = block.n;
    BlockValues true_range;
    BlockValues up;
    BlockValues down;
    BlockValues range;
    BlockValues movement;
    BlockValues smoothed_plus;
    BlockValues smoothed_minus;
    k.true_range(block.high, block.low, block.close, n, true_range);
    k.directional_moves(block.high, block.low, n, up, down);
    double plus_sum = plus_;
    double minus_sum = minus_;
    double range_sum = range_;
    double adx = adx_;
    const auto smooth_bar = [&](int t) __attribute__((always_inline)) {
      plus_sum += up[t] - plus_sum / kPeriod;
      minus_sum += down[t] - minus_sum / kPeriod;
      range_sum += true_range[t] - range_sum / kPeriod;
      smoothed_plus[t] = plus_sum;
      smoothed_minus[t] = minus_sum;
      range[t] = range_sum;
    };
    const auto strengthen_bar = [&](int t) __attribute__((always_inline)) {
      if (!std::isnan(movement[t])) adx = (adx * (kPeriod - 1) + movement[t]) / kPeriod;
      strength[t] = adx;
    };
    const auto indicate = [&](int first) {
      k.directional_indicators(smoothed_plus + first, smoothed_minus + first, range + first,
                               std::min(kFew, n - first), plus + first, minus + first, movement + first);
    };
    int first = 0;
    for (int t = 0; t < std::min(kFew, n); ++t) smooth_bar(t);
    for (; first + kFew < n; first += kFew) {
      indicate(first);
      for (int t = first + kFew; t < std::min(first + 2 * kFew, n); ++t) {
        smooth_bar(t);
        strengthen_bar(t - kFew);
      }
    }
    indicate(first);
    for (int t = std::max(n - kFew, 0); t < n; ++t) strengthen_bar(t);
    plus_ = plus_sum;
    minus_ = minus_sum;
    range_ = range_sum;
    adx_ = adx;
    high_ = block.high[n - 1];
    low_ = block.low[n - 1];
    close_ = block.close[n - 1];
  }

  // One bar; out has three values.
  void step(const Bar& bar, double* out) {
    all_nan(out);
    if (!std::isfinite(bar.close)) return;
    const int64_t row = row_++;
    if (row > 0) {
      const double up = bar.high - high_;
      const double down = low_ - bar.low;
      const double range =
          std::max({bar.high - bar.low, std::abs(bar.high - close_), std::abs(bar.low - close_)});
      const double fade = row >= kPeriod ? 1.0 : 0.0;
      plus_ += (up > down && up > 0.0 ? up : 0.0) - fade * plus_ / kPeriod;
      minus_ += (down > up && down > 0.0 ? down : 0.0) - fade * minus_ / kPeriod;
      range_ += range - fade * range_ / kPeriod;
    }
    high_ = bar.high;
    low_ = bar.low;
    close_ = bar.close;
    if (row < kPeriod) return;
    const double plus = range_ > 0.0 ? 100.0 * plus_ / range_ : 0.0;
    const double minus = range_ > 0.0 ? 100.0 * minus_ / range_ : 0.0;
    out[0] = plus;
    out[1] = minus;
    const double sum = plus + minus;
    if (row < 2 * kPeriod) {
      if (sum > 0.0) adx_ += 100.0 * std::abs(plus - minus) / sum;
      if (row == 2 * kPeriod - 1) adx_ /= kPeriod;
    } else if (sum > 0.0) {
      adx_ = (adx_ * (kPeriod - 1) + 100.0 * std::abs(plus - minus) / sum) / kPeriod;
    }
    if (row >= 2 * kPeriod - 1) out[2] = adx_;
  }
  int64_t row_ = 0;
  double plus_ = 0.0;
  double minus_ = 0.0;
  double range_ = 0.0;
  double adx_ = 0.0;
  double high_ = 0.0;
  double low_ = 0.0;
  double close_ = 0.0;
};

}  // namespace

std::unique_ptr<Machine> make_directional_machine() { return std::make_unique<DirectionalMachine>(); }

}  // namespace smctrain::features
