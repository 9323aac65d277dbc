// Kernels of matmul.h for AVX2. Compiled with that level: nothing may be included that other files share.
#include "smctrain/models/neural/matmul.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace smctrain::models::neural {

namespace {

using Vec = __m256;
using Mask = __m256i;
constexpr int64_t kLanes = 8;
constexpr int64_t kRows = 6;
constexpr int64_t kVectors = 2;

inline Vec load(const float* p) { return _mm256_loadu_ps(p); }
inline Vec load_masked(const float* p, Mask mask) { return _mm256_maskload_ps(p, mask); }
inline void store(float* p, Vec x) { _mm256_storeu_ps(p, x); }
inline void store_masked(float* p, Vec x, Mask mask) { _mm256_maskstore_ps(p, mask, x); }
inline Vec splat(float x) { return _mm256_set1_ps(x); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Mask mask_of(int64_t n) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lanes);
}

#include "smctrain/models/neural/matmul_kernel.h"

}  // namespace

void matmul_avx2(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
                 Start start, const float* bias, float* c) {
  run_product(op_a, op_b, m, n, k, a, b, start, bias, c);
}

}  // namespace smctrain::models::neural
#endif
