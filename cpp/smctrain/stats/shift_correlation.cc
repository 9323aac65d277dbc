#include "smctrain/stats/shift_correlation.h"

#include <algorithm>

namespace smctrain::stats {

void ShiftCorrelation::add_channel(std::span<const double> y) {
  std::vector<std::complex<double>> spectrum(static_cast<size_t>(fft_.size()));
  std::copy(y.begin(), y.end(), spectrum.begin());
  fft_.forward(spectrum);
  spectra_.push_back(std::move(spectrum));
}

}  // namespace smctrain::stats
