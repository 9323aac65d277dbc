// What the kernel relies on: lengths, ranges and settings that fit together. Raises InputError naming the
// first that does not. O(bars + rows).
#pragma once

#include "smctrain/labels/triple_barrier.h"

namespace smctrain::labels::barrier {

void check(const BarsView& bars, std::span<const int64_t> rows, std::span<const int8_t> side,
           const BarrierOptions& options, const LabelColumns& out);

}  // namespace smctrain::labels::barrier
