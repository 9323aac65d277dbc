// Fast Fourier transform of a power-of-two length, just enough for correlations.
//
//   forward()   decimation in frequency: natural order in, bit-reversed order out
//   inverse()   decimation in time: bit-reversed order in, natural order out, divided by the length
//
// Products of two spectra are taken element by element, so the bit-reversed order never has to be undone.
// O(L log L); twiddles are computed one by one from their own angle, so rounding errors grow like log L: a
// correlation of 0/1 sequences of a million rows comes out within 1e-8 of its integer.
// Source: Cooley and Tukey (1965).
#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

namespace smctrain::stats {

class Fft {
 public:
  // The smallest power of two that is at least `length`.
  explicit Fft(int64_t length);

  int64_t size() const { return size_; }
  void forward(std::span<std::complex<double>> values) const;
  void inverse(std::span<std::complex<double>> values) const;

 private:
  int64_t size_ = 1;
  std::vector<std::complex<double>> twiddles_;  // exp(-2 pi i j / size), j < size / 2
};

}  // namespace smctrain::stats
