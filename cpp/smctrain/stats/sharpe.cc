#include "smctrain/stats/sharpe.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "smctrain/base/error.h"
#include "smctrain/stats/normal.h"

namespace smctrain::stats {

namespace {

double variance_term(double sharpe, SharpeShape shape, SharpeForm form) {
  const double r = shape.autocorrelation;
  if (form == SharpeForm::k2012 && r != 0.0) {
    raise("InputError", "form 2012 knows no autocorrelation, but it is ", r, ": use form 2025.");
  }
  if (!(r > -1.0 && r < 1.0))
    raise("InputError", "autocorrelation must lie between -1 and 1, but is ", r, ".");
  const double first = r / (1.0 - r);
  const double second = r * r / (1.0 - r * r);
  const double variance = (1.0 + 2.0 * first) - (1.0 + first + second) * shape.skew * sharpe +
                          (1.0 + 2.0 * second) * 0.25 * (shape.kurtosis - 1.0) * sharpe * sharpe;
  if (!(variance > 0.0)) {
    raise("InputError", "skew ", shape.skew, " and kurtosis ", shape.kurtosis, " at a Sharpe ratio of ",
          sharpe,
          " give no positive variance: kurtosis must be at least skew^2 + 1 and not in excess of the "
          "normal's.");
  }
  return variance;
}

}  // namespace

double sharpe_standard_error(double sharpe, double n, SharpeShape shape, SharpeForm form) {
  const double divisor = form == SharpeForm::k2012 ? n - 1.0 : n;
  if (!(divisor > 0.0)) raise("TooFewRows", "n must be at least 2, but is ", n, ".");
  return std::sqrt(variance_term(sharpe, shape, form) / divisor);
}

double probabilistic_sharpe(double sharpe, double n, double benchmark, SharpeShape shape, SharpeForm form) {
  const double at = form == SharpeForm::k2012 ? sharpe : benchmark;
  return normal_cdf((sharpe - benchmark) / sharpe_standard_error(at, n, shape, form));
}

double expected_max_sharpe(double n_trials, double trial_variance) {
  if (!(n_trials >= 1.0)) raise("InputError", "n_trials must be at least 1, but is ", n_trials, ".");
  if (!(trial_variance >= 0.0)) {
    raise("InputError", "trial_variance must not be negative, but is ", trial_variance, ".");
  }
  if (n_trials == 1.0) return 0.0;
  constexpr double g = std::numbers::egamma;
  const double most =
      -(1.0 - g) * normal_quantile(1.0 / n_trials) - g * normal_quantile(1.0 / (n_trials * std::numbers::e));
  // Below 1.3 trials (effective numbers need not be whole) the approximation turns negative, and would make
  // a search look better than none.
  return std::sqrt(trial_variance) * std::max(most, 0.0);
}

double minimum_track_record(double sharpe, double benchmark, double level, SharpeShape shape,
                            SharpeForm form) {
  if (!(sharpe > benchmark)) {
    raise("InputError", "sharpe must be above the benchmark ", benchmark, ", but is ", sharpe, ".");
  }
  const double z = normal_quantile(level);
  const double ratio = z / (sharpe - benchmark);
  if (form == SharpeForm::k2012) return 1.0 + variance_term(sharpe, shape, form) * ratio * ratio;
  return variance_term(benchmark, shape, form) * ratio * ratio;
}

}  // namespace smctrain::stats
