#include "smctrain/models/forest/shap_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SMCTRAIN_LEVELS 1
#endif

// Parts compiled for a processor's level must not hold functions that other files may share; the one include
// of this file's parts is therefore the kernels themselves.
#define LEVEL baseline
#define LANES 2
#include "smctrain/models/forest/shap_kernels.inc"
#undef LEVEL
#undef LANES

#ifdef SMCTRAIN_LEVELS
#pragma GCC push_options
#pragma GCC optimize("O3")
#pragma GCC target("avx2")
#define LEVEL avx2
#define LANES 4
#include "smctrain/models/forest/shap_kernels.inc"
#undef LEVEL
#undef LANES
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC optimize("O3")
#pragma GCC target("avx512f,avx512dq,avx512vl")
#define LEVEL avx512
#define LANES 8
#include "smctrain/models/forest/shap_kernels.inc"
#undef LEVEL
#undef LANES
#pragma GCC pop_options
#endif

namespace smctrain::models::explaining {

int kernel_levels(KernelLevel out[3]) {
  int count = 0;
  out[count++] = {"baseline", &baseline::kKernels};
#ifdef SMCTRAIN_LEVELS
  if (__builtin_cpu_supports("avx2")) out[count++] = {"avx2", &avx2::kKernels};
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    out[count++] = {"avx512", &avx512::kKernels};
  }
#endif
  return count;
}

const Kernels& kernels() {
  static const Kernels* const widest = [] {
    KernelLevel levels[3];
    return levels[kernel_levels(levels) - 1].kernels;
  }();
  return *widest;
}

}  // namespace smctrain::models::explaining
