// Volatility per bar over the last 20 bars: close to close, exponentially weighted, and four range
// estimators.
//
// Sources: Parkinson (1980), Garman and Klass (1980), Rogers and Satchell (1991), Yang and Zhang (2000),
// RiskMetrics (1996) for the exponential one.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "smctrain/features/technical/families.h"
#include "smctrain/features/technical/rolling.h"

namespace smctrain::features {
namespace {

constexpr int kWidth = 20;
constexpr double kDecay = 0.94;

int64_t ewma_settle() { return static_cast<int64_t>(std::ceil(std::log(1e-7) / std::log(kDecay))); }

class VolatilityMachine final : public TableMachine {
 public:
  VolatilityMachine()
      : TableMachine({
            make_column("vol_cc_20", "volatility", "ratio", 21, 20, 0, "sd1 of the last 20 log returns"),
            make_column("vol_ewma_94", "volatility", "ratio", kForever, 20, ewma_settle(),
                        "root of v: mean of r^2 over rows 1..20, then 0.94 v + 0.06 r^2"),
            make_column("vol_parkinson_20", "volatility", "ratio", 20, 19, 0,
                        "sqrt(mean(ln(H/L)^2) / (4 ln 2))"),
            make_column("vol_gk_20", "volatility", "ratio", 20, 19, 0,
                        "sqrt(max(0, mean(0.5 ln(H/L)^2 - (2 ln 2 - 1) ln(C/O)^2)))"),
            make_column("vol_rs_20", "volatility", "ratio", 20, 19, 0,
                        "sqrt(max(0, mean(ln(H/C) ln(H/O) + ln(L/C) ln(L/O))))"),
            make_column("vol_yz_20", "volatility", "ratio", 21, 20, 0,
                        "sqrt(var1(ln(O/C[t-1])) + k var1(ln(C/O)) + (1-k) rs^2)"),
        }) {}

  void push(const Bar& bar, const Context&, double* out) override {
    const double high_low = std::log(bar.high / bar.low);
    const double close_open = std::log(bar.close / bar.open);
    if (rows_++ > 0) {  // row 0 has no previous close and must not enter these windows
      returns_.push(std::log(bar.close / previous_));
      overnight_.push(std::log(bar.open / previous_));
    }
    open_close_.push(close_open);
    const double parkinson = parkinson_.push_mean(high_low * high_low);
    const double garman = garman_.push_mean(0.5 * high_low * high_low -
                                            (2.0 * std::numbers::ln2 - 1.0) * close_open * close_open);
    const double rogers = rogers_.push_mean(std::log(bar.high / bar.close) * std::log(bar.high / bar.open) +
                                            std::log(bar.low / bar.close) * std::log(bar.low / bar.open));
    out[0] = returns_.deviation(1);
    out[1] = ewma(bar.close);
    out[2] = root(parkinson / (4.0 * std::numbers::ln2));
    out[3] = root(garman);
    out[4] = root(rogers);
    const double k = 0.34 / (1.34 + (kWidth + 1.0) / (kWidth - 1.0));
    const double rs = std::isnan(rogers) ? rogers : std::max(0.0, rogers);
    out[5] = std::sqrt(overnight_.variance(1) + k * open_close_.variance(1) + (1.0 - k) * rs);
    previous_ = bar.close;
  }
  void reset() override {
    returns_.reset();
    overnight_.reset();
    open_close_.reset();
    parkinson_.reset();
    garman_.reset();
    rogers_.reset();
    previous_ = kNaN;
    accepted_ = kNaN;
    squares_ = 0.0;
    count_ = 0;
    rows_ = 0;
  }

 private:
  static double root(double x) { return std::isnan(x) ? x : std::sqrt(std::max(0.0, x)); }

  double ewma(double close) {
    if (!std::isfinite(close)) return kNaN;
    const double change = std::log(close / accepted_);
    accepted_ = close;
    if (!std::isfinite(change)) return kNaN;
    if (count_ < kWidth) {
      squares_ += change * change;
      if (++count_ < kWidth) return kNaN;
      variance_ = squares_ / kWidth;
    } else {
      variance_ = kDecay * variance_ + (1.0 - kDecay) * change * change;
    }
    return std::sqrt(variance_);
  }

  RollingVariance returns_{kWidth};
  RollingVariance overnight_{kWidth};
  RollingVariance open_close_{kWidth};
  RollingSum parkinson_{kWidth};
  RollingSum garman_{kWidth};
  RollingSum rogers_{kWidth};
  double previous_ = kNaN;  // close of the bar before, NaN after a missing bar
  double accepted_ = kNaN;  // last usable close
  double squares_ = 0.0;
  double variance_ = 0.0;
  int count_ = 0;
  int64_t rows_ = 0;
};

}  // namespace

std::unique_ptr<Machine> make_volatility_machine() { return std::make_unique<VolatilityMachine>(); }

}  // namespace smctrain::features
