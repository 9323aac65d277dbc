#include "smctrain/models/linear/kernels.h"

// Clones need ifuncs, which thread sanitizer cannot start with.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define SMCTRAIN_KERNEL __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SMCTRAIN_KERNEL
#endif

// Vectorise the loops below. Neither errno nor floating point traps are read; results are plain IEEE all the
// same.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")
#endif

namespace smctrain::models::linear {

namespace {

// Eight doubles: one register or several, the same arithmetic. Aligned like a double.
typedef double Lanes __attribute__((vector_size(64), aligned(8), may_alias));

constexpr int64_t kTile = 4;

}  // namespace

SMCTRAIN_KERNEL
void add_moments(const float* x, int64_t columns, double weight, const double* shift, double* __restrict sum,
                 double* __restrict square) {
  for (int64_t j = 0; j < columns; ++j) {
    const double value = static_cast<double>(x[j]) - shift[j];
    const double weighted = weight * value;
    sum[j] += weighted;
    square[j] += weighted * value;
  }
}

SMCTRAIN_KERNEL
void standardise_row(const float* x, int64_t columns, const double* mean, const double* inverse,
                     double* __restrict z) {
  for (int64_t j = 0; j < columns; ++j) z[j] = (static_cast<double>(x[j]) - mean[j]) * inverse[j];
}

SMCTRAIN_KERNEL
void add_gram(const double* block, int64_t count, int64_t stride, const double* weight,
              double* __restrict work, double* __restrict gram) {
  for (int64_t i = 0; i < stride; i += kTile) {
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t a = 0; a < kTile; ++a) work[r * kTile + a] = weight[r] * block[r * stride + i + a];
    }
    for (int64_t j = i / kLanes * kLanes; j < stride; j += kLanes) {
      double* out = gram + i * stride + j;
      Lanes s0 = *reinterpret_cast<const Lanes*>(out);
      Lanes s1 = *reinterpret_cast<const Lanes*>(out + stride);
      Lanes s2 = *reinterpret_cast<const Lanes*>(out + 2 * stride);
      Lanes s3 = *reinterpret_cast<const Lanes*>(out + 3 * stride);
      const double* row = block + j;
      for (int64_t r = 0; r < count; ++r, row += stride) {
        const Lanes z = *reinterpret_cast<const Lanes*>(row);
        const double* left = work + r * kTile;
        s0 += left[0] * z;
        s1 += left[1] * z;
        s2 += left[2] * z;
        s3 += left[3] * z;
      }
      *reinterpret_cast<Lanes*>(out) = s0;
      *reinterpret_cast<Lanes*>(out + stride) = s1;
      *reinterpret_cast<Lanes*>(out + 2 * stride) = s2;
      *reinterpret_cast<Lanes*>(out + 3 * stride) = s3;
    }
  }
}

void mirror(double* gram, int64_t stride) {
  for (int64_t i = 0; i < stride; ++i) {
    for (int64_t j = i + 1; j < stride; ++j) gram[j * stride + i] = gram[i * stride + j];
  }
}

SMCTRAIN_KERNEL
void block_times(const double* block, int64_t count, int64_t stride, const double* vector,
                 double* __restrict out) {
  int64_t r = 0;
  for (; r + 4 <= count; r += 4) {
    const double* row = block + r * stride;
    Lanes s0{};
    Lanes s1{};
    Lanes s2{};
    Lanes s3{};
    for (int64_t j = 0; j < stride; j += kLanes) {
      const Lanes v = *reinterpret_cast<const Lanes*>(vector + j);
      s0 += *reinterpret_cast<const Lanes*>(row + j) * v;
      s1 += *reinterpret_cast<const Lanes*>(row + stride + j) * v;
      s2 += *reinterpret_cast<const Lanes*>(row + 2 * stride + j) * v;
      s3 += *reinterpret_cast<const Lanes*>(row + 3 * stride + j) * v;
    }
    out[r] = ((s0[0] + s0[4]) + (s0[1] + s0[5])) + ((s0[2] + s0[6]) + (s0[3] + s0[7]));
    out[r + 1] = ((s1[0] + s1[4]) + (s1[1] + s1[5])) + ((s1[2] + s1[6]) + (s1[3] + s1[7]));
    out[r + 2] = ((s2[0] + s2[4]) + (s2[1] + s2[5])) + ((s2[2] + s2[6]) + (s2[3] + s2[7]));
    out[r + 3] = ((s3[0] + s3[4]) + (s3[1] + s3[5])) + ((s3[2] + s3[6]) + (s3[3] + s3[7]));
  }
  for (; r < count; ++r) {
    Lanes s{};
    for (int64_t j = 0; j < stride; j += kLanes) {
      s += *reinterpret_cast<const Lanes*>(block + r * stride + j) *
           *reinterpret_cast<const Lanes*>(vector + j);
    }
    out[r] = ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
  }
}

SMCTRAIN_KERNEL
void add_transposed_times(const double* block, int64_t count, int64_t stride, const double* scale,
                          double* __restrict sum) {
  int64_t r = 0;
  for (; r + 4 <= count; r += 4) {
    const double* row = block + r * stride;
    for (int64_t j = 0; j < stride; ++j) {
      sum[j] = (((sum[j] + scale[r] * row[j]) + scale[r + 1] * row[stride + j]) +
                scale[r + 2] * row[2 * stride + j]) +
               scale[r + 3] * row[3 * stride + j];
    }
  }
  for (; r < count; ++r) {
    for (int64_t j = 0; j < stride; ++j) sum[j] += scale[r] * block[r * stride + j];
  }
}

SMCTRAIN_KERNEL
double dot(const double* a, const double* b, int64_t n) {
  Lanes s0{};
  Lanes s1{};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    s0 += *reinterpret_cast<const Lanes*>(a + i) * *reinterpret_cast<const Lanes*>(b + i);
    s1 += *reinterpret_cast<const Lanes*>(a + i + kLanes) * *reinterpret_cast<const Lanes*>(b + i + kLanes);
  }
  s0 += s1;
  double rest = ((s0[0] + s0[4]) + (s0[1] + s0[5])) + ((s0[2] + s0[6]) + (s0[3] + s0[7]));
  for (; i < n; ++i) rest += a[i] * b[i];
  return rest;
}

SMCTRAIN_KERNEL
void add_scaled(double a, const double* x, double* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}

}  // namespace smctrain::models::linear
