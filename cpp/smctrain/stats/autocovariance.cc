#include "smctrain/stats/autocovariance.h"

#include <algorithm>
#include <complex>

#include "smctrain/stats/fft.h"

namespace smctrain::stats {

namespace {

constexpr int64_t kFewLags = 256;  // up to here loops are faster, or close to it

}  // namespace

std::vector<double> lagged_products(std::span<const double> centred, int64_t lags) {
  const auto n = static_cast<int64_t>(centred.size());
  std::vector<double> sums(static_cast<size_t>(lags + 1), 0.0);
  if (lags <= kFewLags) {
    for (int64_t lag = 0; lag <= lags; ++lag) {
      double sum = 0.0;
      for (int64_t t = lag; t < n; ++t) {
        sum += centred[static_cast<size_t>(t)] * centred[static_cast<size_t>(t - lag)];
      }
      sums[static_cast<size_t>(lag)] = sum;
    }
    return sums;
  }
  const Fft fft(2 * n);
  std::vector<std::complex<double>> work(static_cast<size_t>(fft.size()));
  std::copy(centred.begin(), centred.end(), work.begin());
  fft.forward(work);
  for (auto& value : work) value = std::norm(value);
  fft.inverse(work);
  for (size_t lag = 0; lag < sums.size(); ++lag) sums[lag] = work[lag].real();
  return sums;
}

Centred centre(std::span<const double> values) {
  double mean = 0.0;
  for (const double value : values) mean += value;
  mean /= static_cast<double>(values.size());
  Centred centred{mean, {values.begin(), values.end()}};
  for (double& value : centred.values) value -= mean;
  return centred;
}

}  // namespace smctrain::stats
