// Wall clocks under the names of this room; see bars/local_time.h.
#pragma once

#include "smctrain/bars/local_time.h"

namespace smctrain::features {

using smctrain::compiled_zone;
using smctrain::floor_div;
using smctrain::LocalClock;
using smctrain::Zone;

}  // namespace smctrain::features
