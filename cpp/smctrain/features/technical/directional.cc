// Wilder's directional movement: plus_di, minus_di, adx (n = 14).
//
//   +DM, -DM, TR are summed over rows 1..n-1; from row n on each sum S becomes S - S/n + new, and DI = 100
//   DM/TR. ADX on row 2n-1 is the mean of DX on rows n..2n-1, then (ADX (n-1) + DX)/n. A DX whose denominator
//   is 0 counts as nothing in that first mean and later leaves ADX unchanged. How the recursions are worked
//   out: recursive.h. Source: Wilder (1978); equal to TA-Lib.
#include <algorithm>
#include <cmath>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/recursive.h"
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
    for (WilderSum* sum : {&plus_, &minus_, &range_}) sum->reset();
    adx_.reset();
    newest_ = 0.0;
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
    WilderSum plus_sum = plus_;  // copies stay in registers
    WilderSum minus_sum = minus_;
    WilderSum range_sum = range_;
    WilderMean adx = adx_;
    double newest = newest_;
    const auto smooth_bar = [&](int t) __attribute__((always_inline)) {
      smoothed_plus[t] = plus_sum.push(up[t]);
      smoothed_minus[t] = minus_sum.push(down[t]);
      range[t] = range_sum.push(true_range[t]);
    };
    const auto strengthen_bar = [&](int t) __attribute__((always_inline)) {
      if (!std::isnan(movement[t])) newest = adx.push<false>(movement[t]);
      strength[t] = newest;
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
    newest_ = newest;
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
      const auto advance = [&](WilderSum& sum, double value) {
        row >= kPeriod ? sum.push(value) : sum.add(value);
      };
      advance(plus_, up > down && up > 0.0 ? up : 0.0);
      advance(minus_, down > up && down > 0.0 ? down : 0.0);
      advance(range_, range);
    }
    high_ = bar.high;
    low_ = bar.low;
    close_ = bar.close;
    if (row < kPeriod) return;
    const double total = range_.sum();
    const double plus = total > 0.0 ? 100.0 * plus_.sum() / total : 0.0;
    const double minus = total > 0.0 ? 100.0 * minus_.sum() / total : 0.0;
    out[0] = plus;
    out[1] = minus;
    const double sum = plus + minus;
    const bool is_first = row < 2 * kPeriod;
    if (sum > 0.0) {
      newest_ = adx_.push(100.0 * std::abs(plus - minus) / sum);
    } else if (is_first) {
      newest_ = adx_.push(0.0);
    }
    if (row >= 2 * kPeriod - 1) out[2] = newest_;
  }

  int64_t row_ = 0;
  WilderSum plus_{kPeriod};
  WilderSum minus_{kPeriod};
  WilderSum range_{kPeriod};
  WilderMean adx_{kPeriod};
  double newest_ = 0.0;  // value of adx_
  double high_ = 0.0;
  double low_ = 0.0;
  double close_ = 0.0;
};

}  // namespace

std::unique_ptr<Machine> make_directional_machine() { return std::make_unique<DirectionalMachine>(); }

}  // namespace smctrain::features
