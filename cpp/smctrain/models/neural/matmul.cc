#include "smctrain/models/neural/matmul.h"

namespace smctrain::models::neural {

namespace {

using Kernel = void (*)(Op, Op, int64_t, int64_t, int64_t, const float*, const float*, Start, const float*,
                        float*);

Kernel best_kernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma")) return &matmul_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &matmul_avx2;
#endif
  return nullptr;
}

Kernel kernel() {
  static const Kernel best = best_kernel();
  return best;
}

}  // namespace

bool matmul_available() { return kernel() != nullptr; }

void matmul(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b, Start start,
            const float* bias, float* c) {
  kernel()(op_a, op_b, m, n, k, a, b, start, bias, c);
}

void transpose(const float* x, int64_t rows, int64_t cols, float* y) {
  constexpr int64_t kSide = 16;  // of a block that stays in cache
  for (int64_t i0 = 0; i0 < rows; i0 += kSide) {
    const int64_t i1 = i0 + kSide < rows ? i0 + kSide : rows;
    for (int64_t j = 0; j < cols; ++j) {
      for (int64_t i = i0; i < i1; ++i) y[j * rows + i] = x[i * cols + j];
    }
  }
}

}  // namespace smctrain::models::neural
