// Sharpe ratios with their uncertainty, all in per-period units (never annualised).
//
//   variance    1 - g3 SR + (g4 - 1)/4 SR^2; g3 skewness, g4 kurtosis (3 for a normal, not in excess)
//               form 2025 with AR(1) returns, r their autocorrelation: a - b g3 SR + c (g4 - 1)/4 SR^2,
//               a = 1 + 2r/(1-r), b = 1 + r/(1-r) + r^2/(1-r^2), c = 1 + 2r^2/(1-r^2)
//   PSR(SR*)    Phi((SR - SR*) / se): probability that the true Sharpe ratio is above SR*
//               form 2012: se = sqrt(variance(SR) / (n - 1)); form 2025: se = sqrt(variance(SR*) / n)
//   E[max K]    sd [(1 - g) z_{1 - 1/K} + g z_{1 - 1/(K e)}], g Euler's constant, at least 0; 0 for K = 1
//   DSR         PSR at E[max K]: what is left after K trials
//   MinTRL      rows needed for PSR(SR*) = level: variance (z_level / (SR - SR*))^2, + 1 in form 2012
//
// Source: Bailey and Lopez de Prado (2012, 2014); Lopez de Prado, Lipton and Zoonekynd (2025).
#pragma once

#include <cstdint>

namespace smctrain::stats {

enum class SharpeForm { k2012, k2025 };

struct SharpeShape {
  double skew = 0.0;
  double kurtosis = 3.0;
  double autocorrelation = 0.0;  // form 2025 only
};

double sharpe_standard_error(double sharpe, double n, SharpeShape shape, SharpeForm form);
double probabilistic_sharpe(double sharpe, double n, double benchmark, SharpeShape shape, SharpeForm form);
double expected_max_sharpe(double n_trials, double trial_variance);
double minimum_track_record(double sharpe, double benchmark, double level, SharpeShape shape,
                            SharpeForm form);

}  // namespace smctrain::stats
