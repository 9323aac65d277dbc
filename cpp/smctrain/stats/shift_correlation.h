// Circular correlations of several series with one, at every shift at once.
//
//   channels   y_c, each n long: what is turned
//   model      x_c, each n long: what stays
//   value(s)   sum_c sum_t x_c(t) y_c((t - s) mod n), s = 0..n-1
//
// By FFT of twice the length, folded; two models share one complex transform. O(channels n log n) for a pair
// of models. Spectra of the channels are made once. Values of integer series are exact after rounding (see
// fft.h).
#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

#include "smctrain/stats/fft.h"

namespace smctrain::stats {

class ShiftCorrelation {
 public:
  explicit ShiftCorrelation(int64_t n) : n_(n), fft_(2 * n) {}

  void add_channel(std::span<const double> y);

  // fill(c, t) gives {x_c(t) of model a, x_c(t) of model b}; real and imaginary part of the result belong to
  // a and b.
  template <class Fill>
  std::vector<std::complex<double>> correlate(Fill&& fill) const;

 private:
  int64_t n_;
  Fft fft_;
  std::vector<std::vector<std::complex<double>>> spectra_;
};

template <class Fill>
std::vector<std::complex<double>> ShiftCorrelation::correlate(Fill&& fill) const {
  using Complex = std::complex<double>;
  const auto size = static_cast<size_t>(fft_.size());
  const auto n = static_cast<size_t>(n_);
  std::vector<Complex> total(size);
  std::vector<Complex> models(size);
  for (size_t c = 0; c < spectra_.size(); ++c) {
    for (size_t t = 0; t < n; ++t) models[t] = fill(c, t);
    std::fill(models.begin() + n_, models.end(), Complex{});
    fft_.forward(models);
    const auto& labels = spectra_[c];
    for (size_t i = 0; i < size; ++i) {
      // models * conj(labels), written out: std::complex checks every product for NaN.
      const double re = models[i].real() * labels[i].real() + models[i].imag() * labels[i].imag();
      const double im = models[i].imag() * labels[i].real() - models[i].real() * labels[i].imag();
      total[i] += Complex{re, im};
    }
  }
  if (!spectra_.empty()) fft_.inverse(total);
  // The circular correlation folds the linear one: lag s and lag s - n.
  for (size_t s = 1; s < n; ++s) total[s] += total[size - (n - s)];
  total.resize(n);
  return total;
}

}  // namespace smctrain::stats
