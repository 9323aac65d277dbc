// Parallel loop with an explicit thread budget.
//
// parallel_for(n, threads, body) calls body(i) once for every i in [0, n), in any order, on at most `threads`
// threads (the calling one included). The first exception wins: remaining indices are skipped and it is
// rethrown here. Results must be written to slot i, so that they cannot depend on the thread count.
#pragma once

#include <cstdint>
#include <functional>

namespace smctrain {

void parallel_for(int64_t n, int threads, const std::function<void(int64_t)>& body);

}  // namespace smctrain
