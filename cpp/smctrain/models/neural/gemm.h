// Matrix product of training: own kernels (matmul.h), or LibTorch's where the processor has neither AVX2 nor
// FMA. (Whole networks on LibTorch: torch_net.h.)
//
//   C (m, n) = op(A) op(B) + beta C      row-major, float32, densely packed
//   op       A is (m, k), stored (k, m) when transposed; B is (k, n), stored (n, k) when transposed
//
// TorchThreadScope keeps LibTorch at one thread inside a fit: results then cannot depend on the machine's
// cores or on fits that run beside it. The setting is process-wide in torch, so the scope gives back what it
// found.
#pragma once

#include <cstdint>

#include "smctrain/models/neural/matmul.h"

namespace smctrain::models::neural {

void gemm(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b, float beta,
          float* c);
// C = op(A) op(B) + bias in every row
void gemm_bias(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
               const float* bias, float* c);

class TorchThreadScope {
 public:
  TorchThreadScope();
  ~TorchThreadScope();
  TorchThreadScope(const TorchThreadScope&) = delete;
  TorchThreadScope& operator=(const TorchThreadScope&) = delete;
};

}  // namespace smctrain::models::neural
