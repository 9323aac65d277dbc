// Splits that only ever train on the past.
//
//   forward split    test = stamps first..last-1; train = rows decided before whose labels ended before the
//   first test
//                    decision minus a gap; the others before it are purged; rows after the test are unused.
//   temporal split   train, validation, test, cut at two stamps; both earlier parts end before the next one
//   begins.
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/splits/intervals.h"

namespace smctrain::splits {

// window > 0 keeps only the last `window` stamps before the gap.
std::vector<Fate> forward_split(const Intervals& intervals, const Stamps& stamps, int64_t first, int64_t last,
                                int64_t window, const Distance& gap);

enum class Part : uint8_t { kTrain, kValidation, kTest, kPurged };

std::vector<Part> temporal_split(const Intervals& intervals, const Stamps& stamps, int64_t validation_first,
                                 int64_t test_first, const Distance& gap);

}  // namespace smctrain::splits
