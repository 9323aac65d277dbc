// How a long call tells how far it is: progress(done, total), in steps of the work (rounds, trees, penalties,
// iterations, stretches of rows). Called from the working thread, after each step, never per row.
#pragma once

#include <cstdint>
#include <functional>

namespace smctrain {

using Progress = std::function<void(int64_t done, int64_t total)>;

}  // namespace smctrain
