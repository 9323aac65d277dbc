#include "smctrain/augment/transforms.h"

#include <algorithm>
#include <cmath>

namespace smctrain::augment {

void jitter_row(std::span<const double> source, std::span<const Column> columns, double std, Philox& random,
                std::span<double> out) {
  for (size_t j = 0; j < source.size(); ++j) {
    const double noise = random.normal();
    const Column& column = columns[j];
    out[j] = source[j];
    if (column.discrete || !std::isfinite(source[j])) continue;
    out[j] = std::clamp(source[j] + std * column.sd * noise, column.low, column.high);
  }
}

void dropout_row(std::span<const double> source, std::span<const Column> columns, double rate, Philox& random,
                 std::span<double> out) {
  for (size_t j = 0; j < source.size(); ++j) {
    const bool drop = random.uniform() < rate;
    out[j] = drop && std::isfinite(source[j]) ? columns[j].neutral : source[j];
  }
}

int64_t shifted_row(int64_t row, std::span<const int32_t> segment, int64_t max_shift, Philox& random) {
  const int64_t wanted = 1 + random.below(max_shift);
  int64_t older = row;
  while (older > 0 && row - older < wanted) {
    if (!segment.empty() && segment[static_cast<size_t>(older - 1)] != segment[static_cast<size_t>(row)])
      break;
    --older;
  }
  return older;
}

}  // namespace smctrain::augment
