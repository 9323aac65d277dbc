#include "smctrain/models/neural/matmul.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "smctrain/base/rng.h"

using namespace smctrain;
using namespace smctrain::models::neural;

namespace {

std::vector<float> numbers(int64_t n, Philox& stream) {
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = static_cast<float>(stream.uniform() - 0.5);
  return values;
}

// One chain of fused multiply-adds over k, begun at `c`.
float slow_element(Op op_a, Op op_b, int64_t m, int64_t n, int64_t k, const std::vector<float>& a,
                   const std::vector<float>& b, int64_t i, int64_t j, float c) {
  for (int64_t p = 0; p < k; ++p) {
    const float x = op_a == Op::kPlain ? a[i * k + p] : a[p * m + i];
    const float y = op_b == Op::kPlain ? b[p * n + j] : b[j * k + p];
    c = std::fma(x, y, c);
  }
  return c;
}

}  // namespace

TEST_CASE("every product equals one chain of fused multiply-adds to the bit on both levels") {
  if (!matmul_available()) return;
  Philox stream(3, "matmul");
  const int64_t sizes[][3] = {{1, 1, 1},  {2, 3, 64},    {6, 64, 57},    {16, 256, 57}, {7, 65, 129},
                              {13, 8, 3}, {57, 31, 300}, {64, 128, 256}, {5, 100, 1},   {3, 17, 0}};
  using Kernel = decltype(&matmul);
  std::vector<Kernel> kernels{&matmul};
#if defined(__x86_64__)
  kernels.push_back(&matmul_avx2);
  if (__builtin_cpu_supports("avx512f")) kernels.push_back(&matmul_avx512);
#endif
  for (const auto& [m, n, k] : sizes) {
    for (const Op op_a : {Op::kPlain, Op::kTransposed}) {
      for (const Op op_b : {Op::kPlain, Op::kTransposed}) {
        for (const Start start : {Start::kZero, Start::kKeep, Start::kBias}) {
          const auto a = numbers(m * k, stream);
          const auto b = numbers(k * n, stream);
          const auto bias = numbers(n, stream);
          const auto before = numbers(m * n, stream);
          std::vector<float> expected(before.size());
          for (int64_t i = 0; i < m; ++i) {
            for (int64_t j = 0; j < n; ++j) {
              const float first = start == Start::kZero   ? 0.0F
                                  : start == Start::kKeep ? before[i * n + j]
                                                          : bias[j];
              expected[i * n + j] = slow_element(op_a, op_b, m, n, k, a, b, i, j, first);
            }
          }
          for (const Kernel kernel : kernels) {
            auto c = before;
            kernel(op_a, op_b, m, n, k, a.data(), b.data(), start, bias.data(), c.data());
            CAPTURE(m);
            CAPTURE(n);
            CAPTURE(k);
            CHECK(std::memcmp(c.data(), expected.data(), c.size() * sizeof(float)) == 0);
          }
        }
      }
    }
  }
}

TEST_CASE("a product of zero terms that begins with zero ignores what C held even NaN") {
  if (!matmul_available()) return;
  const float a = 2.0F;
  const float b = 3.0F;
  float c = NAN;
  matmul(Op::kPlain, Op::kPlain, 1, 1, 1, &a, &b, Start::kZero, nullptr, &c);
  CHECK(c == 6.0F);
}

TEST_CASE("transposing twice gives back the matrix") {
  Philox stream(4, "transpose");
  const auto x = numbers(19 * 37, stream);
  std::vector<float> y(x.size());
  std::vector<float> z(x.size());
  transpose(x.data(), 19, 37, y.data());
  CHECK(y[5 * 19 + 3] == x[3 * 37 + 5]);
  transpose(y.data(), 37, 19, z.data());
  CHECK(z == x);
}
