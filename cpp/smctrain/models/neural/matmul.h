// Matrix products of small float32 matrices, own kernels: no packing of what is read once, no call overhead.
//
//   C (m, n) = start + op(A) op(B)     row-major, densely packed; op as in gemm.h
//   start      zero, what C held, or a row `bias` (n) repeated
//
// An element of C is one chain of fused multiply-adds over k in ascending order, begun at its start. So a
// row's numbers depend neither on the rows beside it nor on the vector width: AVX2 and AVX-512, picked at run
// time, give the same bits. Tiles of 6 rows by 4 (AVX-512) or 2 (AVX2) vectors stay in registers; blocks of
// kBlock along k keep a panel of B in the first cache, and are invisible in the result, because a float
// stored and loaded is the same float. Processors without AVX2 and FMA have no kernel here: the caller asks
// matmul_available() and does it another way.
#pragma once

#include <cstdint>

namespace smctrain::models::neural {

enum class Op : bool { kPlain = false, kTransposed = true };
enum class Start { kZero, kKeep, kBias };

bool matmul_available();

void matmul(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b, Start start,
            const float* bias, float* c);

// y (cols, rows) = x (rows, cols) transposed.
void transpose(const float* x, int64_t rows, int64_t cols, float* y);

// One per level; only what matmul() picks may be called.
void matmul_avx2(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
                 Start start, const float* bias, float* c);
void matmul_avx512(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
                   Start start, const float* bias, float* c);

}  // namespace smctrain::models::neural
