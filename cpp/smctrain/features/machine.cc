#include "smctrain/features/machine.h"

#include "smctrain/base/error.h"

namespace smctrain::features {

void Machine::push(const Bar&, const Context&, double*) {
  raise("InputError", "internal: this machine takes blocks of bars.");
}

void Machine::push_block(const Block& block, double* const* out) {
  const size_t width = columns().size();
  row_.resize(width);
  for (int i = 0; i < block.n; ++i) {
    push(block.bar(i), block.context(i), row_.data());
    for (size_t c = 0; c < width; ++c) {
      if (out[c] != nullptr) out[c][i] = row_[c];
    }
  }
}

}  // namespace smctrain::features
