#include "smctrain/stats/fft.h"

#include <doctest/doctest.h>

#include <cmath>

#include "smctrain/base/rng.h"

using smctrain::Philox;
using smctrain::stats::Fft;
using Complex = std::complex<double>;

TEST_CASE("Fft.InverseUndoesForward") {
  for (const int64_t length : {1, 2, 3, 64, 1000}) {
    const Fft fft(length);
    CHECK(fft.size() >= length);
    Philox stream(1, "fft");
    std::vector<Complex> values(static_cast<size_t>(fft.size()));
    for (auto& value : values) value = {stream.uniform(), stream.uniform()};
    auto copy = values;
    fft.forward(copy);
    fft.inverse(copy);
    for (size_t i = 0; i < values.size(); ++i) CHECK(std::abs(copy[i] - values[i]) < 1e-12);
  }
}

TEST_CASE("Fft.ProductOfSpectraIsTheCircularCorrelation") {
  const Fft fft(32);
  Philox stream(2, "fft");
  std::vector<Complex> a(32);
  std::vector<Complex> b(32);
  for (auto& value : a) value = static_cast<double>(stream.below(2));
  for (auto& value : b) value = static_cast<double>(stream.below(2));
  auto fa = a;
  auto fb = b;
  fft.forward(fa);
  fft.forward(fb);
  for (size_t i = 0; i < fa.size(); ++i) fa[i] *= std::conj(fb[i]);
  fft.inverse(fa);
  for (size_t s = 0; s < 32; ++s) {
    double expected = 0.0;
    for (size_t t = 0; t < 32; ++t) expected += a[t].real() * b[(t + 32 - s) % 32].real();
    CHECK(std::abs(fa[s].real() - expected) < 1e-12);
  }
}
