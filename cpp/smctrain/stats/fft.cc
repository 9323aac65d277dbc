#include "smctrain/stats/fft.h"

#include <cmath>
#include <numbers>

namespace smctrain::stats {

namespace {

// Written out, because std::complex multiplication checks for NaN on every product.
inline std::complex<double> times(std::complex<double> a, std::complex<double> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace

Fft::Fft(int64_t length) {
  while (size_ < length) size_ *= 2;
  twiddles_.resize(static_cast<size_t>(size_ / 2));
  for (int64_t j = 0; j < size_ / 2; ++j) {
    const double angle = -2.0 * std::numbers::pi * static_cast<double>(j) / static_cast<double>(size_);
    twiddles_[static_cast<size_t>(j)] = {std::cos(angle), std::sin(angle)};
  }
}

void Fft::forward(std::span<std::complex<double>> values) const {
  std::complex<double>* v = values.data();
  for (int64_t half = size_ / 2, stride = 1; half >= 1; half /= 2, stride *= 2) {
    for (int64_t start = 0; start < size_; start += 2 * half) {
      for (int64_t j = 0; j < half; ++j) {
        const auto a = v[start + j];
        const auto b = v[start + j + half];
        v[start + j] = a + b;
        v[start + j + half] = times(a - b, twiddles_[static_cast<size_t>(j * stride)]);
      }
    }
  }
}

void Fft::inverse(std::span<std::complex<double>> values) const {
  std::complex<double>* v = values.data();
  for (int64_t half = 1, stride = size_ / 2; half < size_; half *= 2, stride /= 2) {
    for (int64_t start = 0; start < size_; start += 2 * half) {
      for (int64_t j = 0; j < half; ++j) {
        const auto a = v[start + j];
        const auto b = times(v[start + j + half], std::conj(twiddles_[static_cast<size_t>(j * stride)]));
        v[start + j] = a + b;
        v[start + j + half] = a - b;
      }
    }
  }
  const double scale = 1.0 / static_cast<double>(size_);
  for (auto& value : values) value *= scale;
}

}  // namespace smctrain::stats
