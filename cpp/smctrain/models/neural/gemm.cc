#include "smctrain/models/neural/gemm.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm_cpu_dispatch.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <array>
#include <mutex>

#include "smctrain/models/neural/kernels.h"

namespace smctrain::models::neural {

namespace {

at::Tensor view(const float* data, int64_t rows, int64_t cols, Op op) {
  const std::array<int64_t, 2> sizes{rows, cols};
  const std::array<int64_t, 2> strides =
      op == Op::kPlain ? std::array<int64_t, 2>{cols, 1} : std::array<int64_t, 2>{1, rows};
  return at::from_blob(const_cast<float*>(data), sizes, strides, at::TensorOptions().dtype(at::kFloat));
}

std::mutex scope_mutex;
int open_scopes = 0;
int threads_before = 0;

}  // namespace

void gemm(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b, float beta,
          float* c) {
  if (matmul_available() && (beta == 0.0F || beta == 1.0F)) {
    return matmul(op_a, op_b, m, n, k, a, b, beta == 0.0F ? Start::kZero : Start::kKeep, nullptr, c);
  }
  const c10::InferenceMode no_autograd;
  at::Tensor out = view(c, m, n, Op::kPlain);
  // Straight to the CPU kernel: no dispatcher, no autograd. beta 0 ignores what C held, NaN included.
  at::cpu::addmm_out(out, out, view(a, m, k, op_a), view(b, k, n, op_b), beta, 1.0F);
}

void gemm_bias(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
               const float* bias, float* c) {
  if (matmul_available()) return matmul(op_a, op_b, m, n, k, a, b, Start::kBias, bias, c);
  gemm(op_a, op_b, m, n, k, a, b, 0.0F, c);
  add_bias(c, m, n, bias);
}

TorchThreadScope::TorchThreadScope() {
  const std::scoped_lock lock(scope_mutex);
  if (open_scopes++ == 0) threads_before = at::get_num_threads();
  at::set_num_threads(1);
}

TorchThreadScope::~TorchThreadScope() {
  const std::scoped_lock lock(scope_mutex);
  if (--open_scopes == 0) at::set_num_threads(threads_before);
}

}  // namespace smctrain::models::neural
