// Splits that only ever train on the past.
//
//   forward split    test = stamps first..last-1; train = rows decided before whose labels ended before the
//                    first test decision minus a gap; the others before it are purged; rows after the test
//                    are unused.
//   temporal split   train, validation, test, cut at two stamps; both earlier parts end before the next one
//                    begins.
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/splits/purged_kfold.h"

namespace smctrain::splits {

// width > 0 keeps only the last `width` stamps before the gap.
std::vector<Fate> forward_split(const Timeline& time, Window test, int64_t width, const Distance& gap);

enum class Part : uint8_t { kTrain, kValidation, kTest, kPurged };

// validation_first == test_first leaves out the validation part.
std::vector<Part> temporal_split(const Timeline& time, int64_t validation_first, int64_t test_first,
                                 const Distance& gap);

}  // namespace smctrain::splits
