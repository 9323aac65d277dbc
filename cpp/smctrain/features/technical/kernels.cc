#include "smctrain/features/technical/kernels.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "smctrain/features/machine.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SMCTRAIN_LEVELS 1
#include <immintrin.h>
#endif

namespace smctrain::features {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLargestFloat = std::numeric_limits<float>::max();
// Rows of the temporaries of rolling extremes: a block, its past, and what a step back may touch before them.
constexpr int kAhead = Block::kPast;
constexpr int kRoom = 2 * Block::kPast + kBlockBars + 2 * kSpare;

}  // namespace
}  // namespace smctrain::features

// Parts compiled for a processor's level must not hold functions that other files may share; the one include
// of this file's parts is therefore the kernels themselves.
#define LEVEL baseline
#define LANES 2
#define SQUARE_ROOT(x) (Lanes{std::sqrt((x)[0]), std::sqrt((x)[1])})
#include "smctrain/features/technical/kernels.inc"
#undef LEVEL
#undef LANES
#undef SQUARE_ROOT

#ifdef SMCTRAIN_LEVELS
#pragma GCC push_options
#pragma GCC target("avx2")
#define LEVEL avx2
#define LANES 4
#define SQUARE_ROOT(x) (Lanes(_mm256_sqrt_pd(x)))
#include "smctrain/features/technical/kernels.inc"
#undef LEVEL
#undef LANES
#undef SQUARE_ROOT
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl")
#define LEVEL avx512
#define LANES 8
#define SQUARE_ROOT(x) (Lanes(_mm512_maskz_sqrt_pd(0xff, x)))
#include "smctrain/features/technical/kernels.inc"
#undef LEVEL
#undef LANES
#undef SQUARE_ROOT
#pragma GCC pop_options
#endif

namespace smctrain::features {

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

}  // namespace smctrain::features
