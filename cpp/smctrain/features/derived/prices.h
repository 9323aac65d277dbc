// The bars themselves as columns (role "level"), for derived columns to be made of.
#pragma once

#include <memory>

#include "smctrain/features/machine.h"

namespace smctrain::features {

std::unique_ptr<Machine> make_prices_machine();

}  // namespace smctrain::features
