#include "smctrain/features/smc/machine.h"

namespace smctrain::features {

std::unique_ptr<Machine> make_smc_machine() { return nullptr; }

}  // namespace smctrain::features
