// Kernels of matmul.h for AVX-512. Compiled with that level: nothing may be included that other files share.
#include "smctrain/models/neural/matmul.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace smctrain::models::neural {

namespace {

using Vec = __m512;
using Mask = __mmask16;
constexpr int64_t kLanes = 16;
constexpr int64_t kRows = 6;
constexpr int64_t kVectors = 4;

inline Vec load(const float* p) { return _mm512_loadu_ps(p); }
inline Vec load_masked(const float* p, Mask mask) { return _mm512_maskz_loadu_ps(mask, p); }
inline void store(float* p, Vec x) { _mm512_storeu_ps(p, x); }
inline void store_masked(float* p, Vec x, Mask mask) { _mm512_mask_storeu_ps(p, mask, x); }
inline Vec splat(float x) { return _mm512_set1_ps(x); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Mask mask_of(int64_t n) { return static_cast<Mask>((1U << n) - 1U); }

#include "smctrain/models/neural/matmul_kernel.h"

}  // namespace

void matmul_avx512(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
                   Start start, const float* bias, float* c) {
  run_product(op_a, op_b, m, n, k, a, b, start, bias, c);
}

}  // namespace smctrain::models::neural
#endif
