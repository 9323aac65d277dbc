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
#include "smctrain/features/technical/windows.h"

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

  // Logarithms are most of the work, so each column takes only its own.
  void push_block(const Block& block, double* const* out) override {
    const int n = block.n;
    if (out[0] != nullptr) {
      double* returns = returns_.extend(n);
      BlockValues mean;
      for (int t = 0; t < n; ++t) returns[t] = std::log(block.close[t] / block.close[t - 1]);  // NaN on row 0
      deviation_.push(returns, block.row, n, 1, mean, out[0]);
    }
    if (out[1] != nullptr) {
      for (int t = 0; t < n; ++t) out[1][t] = ewma(block.close[t]);
    }
    if (out[2] != nullptr || out[3] != nullptr) {
      for (int t = 0; t < n; ++t) from_range(block, t, out);
    }
    if (out[4] != nullptr || out[5] != nullptr) {
      for (int t = 0; t < n; ++t) from_four_prices(block, t, out);
    }
  }
  void reset() override {
    returns_.reset();
    deviation_.reset();
    overnight_.reset();
    open_close_.reset();
    parkinson_.reset();
    garman_.reset();
    rogers_.reset();
    accepted_ = kNaN;
    squares_ = 0.0;
    count_ = 0;
  }

 private:
  static double root(double x) { return std::isnan(x) ? x : std::sqrt(std::max(0.0, x)); }

  void from_range(const Block& block, int t, double* const* out) {
    const double high_low = std::log(block.high[t] / block.low[t]);
    const double parkinson = parkinson_.push_mean(high_low * high_low);
    if (out[2] != nullptr) out[2][t] = root(parkinson / (4.0 * std::numbers::ln2));
    if (out[3] == nullptr) return;
    const double close_open = std::log(block.close[t] / block.open[t]);
    out[3][t] = root(garman_.push_mean(0.5 * high_low * high_low -
                                       (2.0 * std::numbers::ln2 - 1.0) * close_open * close_open));
  }

  void from_four_prices(const Block& block, int t, double* const* out) {
    const double open = block.open[t];
    const double high = block.high[t];
    const double low = block.low[t];
    const double close = block.close[t];
    const double rogers = rogers_.push_mean(std::log(high / close) * std::log(high / open) +
                                            std::log(low / close) * std::log(low / open));
    if (out[4] != nullptr) out[4][t] = root(rogers);
    if (out[5] == nullptr) return;
    // Row 0 has no previous close and must not enter this window.
    if (block.row + t > 0) overnight_.push(std::log(open / block.close[t - 1]));
    open_close_.push(std::log(close / open));
    const double k = 0.34 / (1.34 + (kWidth + 1.0) / (kWidth - 1.0));
    const double rs = std::isnan(rogers) ? rogers : std::max(0.0, rogers);
    out[5][t] = std::sqrt(overnight_.variance(1) + k * open_close_.variance(1) + (1.0 - k) * rs);
  }

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

  Recent returns_;
  RollingMoments<kWidth> deviation_{1};
  RollingVariance overnight_{kWidth};
  RollingVariance open_close_{kWidth};
  RollingSum parkinson_{kWidth};
  RollingSum garman_{kWidth};
  RollingSum rogers_{kWidth};
  double accepted_ = kNaN;  // last usable close
  double squares_ = 0.0;
  double variance_ = 0.0;
  int count_ = 0;
};

}  // namespace

std::unique_ptr<Machine> make_volatility_machine() { return std::make_unique<VolatilityMachine>(); }

}  // namespace smctrain::features
