#include "smctrain/prepare/kernels.h"

#include <cmath>
#include <limits>

// Clones need ifuncs, which thread sanitizer cannot start with.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define SMCTRAIN_KERNEL __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SMCTRAIN_KERNEL
#endif

// Compiled with -O3 and without errno and floating point traps (CMakeLists.txt), so that the conditions below
// become masks of vector loops; results are plain IEEE all the same. Every value is loaded whether it is
// needed or not, because a condition on a load is no vector loop.

namespace smctrain::prepare {

namespace {

constexpr double kLargest = std::numeric_limits<double>::max();

template <class T>
__attribute__((always_inline)) inline void add_values(const T* __restrict x, int64_t columns, double w,
                                                      const Sums& to) {
  double* __restrict count = to.count;
  double* __restrict weight = to.weight;
  double* __restrict weight_squared = to.weight_squared;
  double* __restrict sum = to.sum;
  double* __restrict low = to.low;
  double* __restrict high = to.high;
  for (int64_t j = 0; j < columns; ++j) {
    const auto value = static_cast<double>(x[j]);
    const bool present = std::abs(value) <= kLargest;
    const double own = present ? w : 0.0;
    count[j] += present ? 1.0 : 0.0;
    weight[j] += own;
    weight_squared[j] += own * own;
    sum[j] += own * (present ? value : 0.0);
    const double below = present ? value : kLargest;
    const double above = present ? value : -kLargest;
    const double least = low[j];
    const double most = high[j];
    low[j] = below < least ? below : least;
    high[j] = above > most ? above : most;
  }
}

template <class T>
__attribute__((always_inline)) inline void add_deviations(const T* __restrict x, int64_t columns, double w,
                                                          const double* __restrict mean,
                                                          double* __restrict residual,
                                                          double* __restrict squares) {
  for (int64_t j = 0; j < columns; ++j) {
    const auto value = static_cast<double>(x[j]);
    const bool present = std::abs(value) <= kLargest;
    const double away = value - mean[j];
    const double difference = present ? away : 0.0;
    residual[j] += w * difference;
    squares[j] += w * difference * difference;
  }
}

template <class T>
__attribute__((always_inline)) inline void transform_values(const T* __restrict x, int64_t columns,
                                                            const RowProgram& program, T* __restrict out) {
  constexpr auto kTop = static_cast<double>(std::numeric_limits<T>::max());
  const double* __restrict fill = program.fill;
  const double* __restrict low = program.low;
  const double* __restrict high = program.high;
  const double* __restrict center = program.center;
  const double* __restrict scale = program.scale;
  for (int64_t j = 0; j < columns; ++j) {
    const auto value = static_cast<double>(x[j]);
    const double filled = fill[j];
    const double least = low[j];
    const double most = high[j];
    double result = std::abs(value) <= kLargest ? value : filled;
    // A missing value that stays compares false with every bound.
    result = result < least ? least : result;
    result = most < result ? most : result;
    result = (result - center[j]) / scale[j];
    result = result < -kTop ? -kTop : result;
    result = kTop < result ? kTop : result;
    out[j] = static_cast<T>(result);
  }
}

}  // namespace

SMCTRAIN_KERNEL
void add_row(const float* x, int64_t columns, double weight, const Sums& to) {
  add_values(x, columns, weight, to);
}

SMCTRAIN_KERNEL
void add_row(const double* x, int64_t columns, double weight, const Sums& to) {
  add_values(x, columns, weight, to);
}

SMCTRAIN_KERNEL
void add_spread(const float* x, int64_t columns, double weight, const double* mean, double* residual,
                double* squares) {
  add_deviations(x, columns, weight, mean, residual, squares);
}

SMCTRAIN_KERNEL
void add_spread(const double* x, int64_t columns, double weight, const double* mean, double* residual,
                double* squares) {
  add_deviations(x, columns, weight, mean, residual, squares);
}

SMCTRAIN_KERNEL
void transform_row(const float* x, int64_t columns, const RowProgram& program, float* out) {
  transform_values(x, columns, program, out);
}

SMCTRAIN_KERNEL
void transform_row(const double* x, int64_t columns, const RowProgram& program, double* out) {
  transform_values(x, columns, program, out);
}

}  // namespace smctrain::prepare
