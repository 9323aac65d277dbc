// Wilder's directional movement: plus_di, minus_di, adx (n = 14).
//
//   +DM, -DM, TR are summed over rows 1..n-1; from row n on each sum S becomes S - S/n + new, and DI = 100
//   DM/TR. ADX on row 2n-1 is the mean of DX on rows n..2n-1, then (ADX (n-1) + DX)/n. A DX whose denominator
//   is 0 leaves ADX unchanged. Source: Wilder (1978); equal to TA-Lib.
#include <algorithm>
#include <cmath>

#include "smctrain/features/technical/families.h"

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

  void push(const Bar& bar, const Context&, double* out) override {
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
  void reset() override {
    row_ = 0;
    plus_ = minus_ = range_ = adx_ = 0.0;
  }

 private:
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
