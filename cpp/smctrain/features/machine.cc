#include "smctrain/features/machine.h"

#include <algorithm>

#include "smctrain/base/error.h"

namespace smctrain::features {

void Machine::push(const Bar&, const Context&, double*) {
  raise("InputError", "internal: this machine takes blocks of bars.");
}

// A few bars at a time, so that a column gets several values in a row: columns lie pages apart.
void Machine::push_block(const Block& block, double* const* out) {
  constexpr int kFew = 16;
  const size_t width = columns().size();
  rows_.resize(width * kFew);
  for (int first = 0; first < block.n; first += kFew) {
    const int rows = std::min(kFew, block.n - first);
    for (int i = 0; i < rows; ++i) {
      push(block.bar(first + i), block.context(first + i), rows_.data() + static_cast<size_t>(i) * width);
    }
    for (size_t c = 0; c < width; ++c) {
      if (out[c] == nullptr) continue;
      for (int i = 0; i < rows; ++i) out[c][first + i] = rows_[static_cast<size_t>(i) * width + c];
    }
  }
}

}  // namespace smctrain::features
