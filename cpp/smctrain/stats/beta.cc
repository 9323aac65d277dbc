#include "smctrain/stats/beta.h"

#include <algorithm>
#include <cmath>

namespace smctrain::stats {

namespace {

double fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr double kPrecision = 1e-16;
  constexpr int kMaxSteps = 100'000;
  double c = 1.0;
  double d = 1.0 - (a + b) * x / (a + 1.0);
  if (std::abs(d) < kTiny) d = kTiny;
  d = 1.0 / d;
  double value = d;
  for (int m = 1; m < kMaxSteps; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0));
    for (const double term : {even, odd}) {
      d = 1.0 + term * d;
      if (std::abs(d) < kTiny) d = kTiny;
      c = 1.0 + term / c;
      if (std::abs(c) < kTiny) c = kTiny;
      d = 1.0 / d;
      value *= c * d;
    }
    if (std::abs(c * d - 1.0) < kPrecision) break;
  }
  return value;
}

double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);  // std::lgamma writes a global, which threads share
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  if (x <= 0.0) return 0.0;
  if (x >= 1.0) return 1.0;
  const double front =
      std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1.0) / (a + b + 2.0)) return front * fraction(a, b, x) / a;
  return 1.0 - front * fraction(b, a, 1.0 - x) / b;
}

double f_survival(double f, double df1, double df2) {
  if (!(f > 0.0)) return 1.0;
  if (std::isinf(f)) return 0.0;
  return incomplete_beta(df2 / 2.0, df1 / 2.0, df2 / (df2 + df1 * f));
}

double fair_coin_p(int64_t k, int64_t n) {
  if (n <= 0) return 1.0;
  const auto few = static_cast<double>(std::min(k, n - k));
  if (2.0 * few >= static_cast<double>(n)) return 1.0;
  // P(X <= few) = I_{1/2}(n - few, few + 1)
  return std::min(1.0, 2.0 * incomplete_beta(static_cast<double>(n) - few, few + 1.0, 0.5));
}

}  // namespace smctrain::stats
