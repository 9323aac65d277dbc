#include "smctrain/models/neural/kernels.h"

#include <algorithm>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Clones need ifuncs, which thread sanitizer cannot start with.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define SMCTRAIN_KERNEL __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SMCTRAIN_KERNEL
#endif
#define SMCTRAIN_INLINE inline __attribute__((always_inline))

// Vectorise the loops below. Neither errno nor floating point traps are read; results are plain IEEE all the
// same.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")
#endif

namespace smctrain::models::neural {

namespace {

// exp(x) to about 2 ulp over the float range: Cephes expf (S. Moshier), written without branches.
SMCTRAIN_INLINE float exp_f(float x) {
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  const float shifted = x * 1.44269504088896341F + 12582912.0F;  // round to nearest by the 2^23 * 1.5 trick
  const float n = shifted - 12582912.0F;
  float r = x - n * 0.693359375F;
  r = r - n * -2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const uint32_t exponent = (__builtin_bit_cast(uint32_t, shifted) - 0x4B400000U + 127U) << 23U;
  return p * __builtin_bit_cast(float, exponent);
}

SMCTRAIN_INLINE float sigmoid_f(float x) { return 1.0F / (1.0F + exp_f(-x)); }
SMCTRAIN_INLINE float tanh_f(float x) { return 1.0F - 2.0F / (1.0F + exp_f(2.0F * x)); }

constexpr int kLanes = 8;

}  // namespace

#if defined(__x86_64__)
FlushDenormals::FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040U); }
FlushDenormals::~FlushDenormals() { _mm_setcsr(before_); }
#else
FlushDenormals::FlushDenormals() : before_(0) {}
FlushDenormals::~FlushDenormals() = default;
#endif

SMCTRAIN_KERNEL
static void gates_of_words(const uint16_t* __restrict words, uint32_t threshold, float scale,
                           float* __restrict gates, int64_t n) {
  for (int64_t i = 0; i < n; ++i) gates[i] = words[i] >= threshold ? scale : 0.0F;
}

void dropout_gates(Philox& stream, double rate, float* gates, int64_t n) {
  constexpr int64_t kDraws = 64;
  const auto threshold = static_cast<uint32_t>(std::lround(rate * 65536.0));
  const float scale = 65536.0F / static_cast<float>(65536U - threshold);
  // Four 16-bit numbers of each draw, the lowest first.
  uint16_t words[4 * kDraws];
  for (int64_t begin = 0; begin < n; begin += 4 * kDraws) {
    const int64_t size = std::min(4 * kDraws, n - begin);
    for (int64_t i = 0; i < (size + 3) / 4; ++i) {
      const uint64_t draw = stream.next();
      for (int part = 0; part < 4; ++part) words[4 * i + part] = static_cast<uint16_t>(draw >> (16 * part));
    }
    gates_of_words(words, threshold, scale, gates + begin, size);
  }
}

SMCTRAIN_KERNEL
void column_moments(const float* __restrict z, int64_t rows, int64_t cols, float* __restrict mean,
                    float* __restrict squares) {
  for (int64_t j = 0; j < cols; ++j) mean[j] = 0.0F;
  for (int64_t i = 0; i < rows; ++i) {
    const float* __restrict row = z + i * cols;
    for (int64_t j = 0; j < cols; ++j) mean[j] += row[j];
  }
  const float share = 1.0F / static_cast<float>(rows);
  for (int64_t j = 0; j < cols; ++j) {
    mean[j] *= share;
    squares[j] = 0.0F;
  }
  for (int64_t i = 0; i < rows; ++i) {
    const float* __restrict row = z + i * cols;
    for (int64_t j = 0; j < cols; ++j) {
      const float centred = row[j] - mean[j];
      squares[j] += centred * centred;
    }
  }
}

SMCTRAIN_KERNEL
void normalise_relu_gate(float* __restrict z, int64_t rows, int64_t cols, const float* __restrict mean,
                         const float* __restrict inverse, const float* __restrict gamma,
                         const float* __restrict beta, float* __restrict gates, float* __restrict out) {
  for (int64_t i = 0; i < rows; ++i) {
    float* __restrict zi = z + i * cols;
    float* __restrict gi = gates + i * cols;
    float* __restrict oi = out + i * cols;
    for (int64_t j = 0; j < cols; ++j) {
      const float x = (zi[j] - mean[j]) * inverse[j];
      const float y = gamma[j] * x + beta[j];
      const float gate = y > 0.0F ? gi[j] : 0.0F;
      zi[j] = x;
      gi[j] = gate;
      oi[j] = y * gate;
    }
  }
}

SMCTRAIN_KERNEL
void normalise_relu_gate_backward(float* __restrict d, const float* __restrict z,
                                  const float* __restrict gates, int64_t rows, int64_t cols,
                                  const float* __restrict inverse, const float* __restrict gamma,
                                  float* __restrict d_gamma, float* __restrict d_beta) {
  for (int64_t j = 0; j < cols; ++j) d_gamma[j] = d_beta[j] = 0.0F;
  for (int64_t i = 0; i < rows; ++i) {
    float* __restrict di = d + i * cols;
    const float* __restrict zi = z + i * cols;
    const float* __restrict gi = gates + i * cols;
    for (int64_t j = 0; j < cols; ++j) {
      const float dy = di[j] * gi[j];
      di[j] = dy;
      d_beta[j] += dy;
      d_gamma[j] += dy * zi[j];
    }
  }
  const float share = 1.0F / static_cast<float>(rows);
  for (int64_t i = 0; i < rows; ++i) {
    float* __restrict di = d + i * cols;
    const float* __restrict zi = z + i * cols;
    for (int64_t j = 0; j < cols; ++j) {
      di[j] = gamma[j] * inverse[j] * (di[j] - share * (d_beta[j] + zi[j] * d_gamma[j]));
    }
  }
}

SMCTRAIN_KERNEL
void scale_relu(const float* __restrict z, int64_t rows, int64_t cols, const float* __restrict scale,
                const float* __restrict shift, float* __restrict out) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      const float y = z[i * cols + j] * scale[j] + shift[j];
      out[i * cols + j] = y < 0.0F ? 0.0F : y;  // NaN stays NaN
    }
  }
}

SMCTRAIN_KERNEL
void add_bias(float* __restrict x, int64_t rows, int64_t cols, const float* __restrict bias) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) x[i * cols + j] += bias[j];
  }
}

void take_rows(const float* from, const int32_t* places, int64_t rows, int64_t cols, float* x) {
  for (int64_t i = 0; i < rows; ++i) std::copy_n(from + places[i] * cols, cols, x + i * cols);
}

SMCTRAIN_KERNEL
void add_to_rows(const float* __restrict x, const int32_t* __restrict places, int64_t rows, int64_t cols,
                 float* __restrict sums) {
  for (int64_t i = 0; i < rows; ++i) {
    float* __restrict to = sums + places[i] * cols;
    for (int64_t j = 0; j < cols; ++j) to[j] += x[i * cols + j];
  }
}

SMCTRAIN_KERNEL
void column_sums(const float* __restrict x, int64_t rows, int64_t cols, float* __restrict sums) {
  for (int64_t j = 0; j < cols; ++j) sums[j] = 0.0F;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) sums[j] += x[i * cols + j];
  }
}

SMCTRAIN_KERNEL
void multiply(float* __restrict x, const float* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] *= y[i];
}

SMCTRAIN_KERNEL
void add(float* __restrict x, const float* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] += y[i];
}

SMCTRAIN_KERNEL
void lstm_step(float* __restrict gates, const float* __restrict c_before, float* __restrict c,
               float* __restrict tanh_c, float* __restrict h, int64_t batch, int64_t width) {
  for (int64_t b = 0; b < batch; ++b) {
    float* __restrict input = gates + b * 4 * width;
    float* __restrict forget = input + width;
    float* __restrict candidate = forget + width;
    float* __restrict output = candidate + width;
    float* __restrict cb = c + b * width;
    float* __restrict tb = tanh_c + b * width;
    float* __restrict hb = h + b * width;
    for (int64_t j = 0; j < width; ++j) input[j] = sigmoid_f(input[j]);
    for (int64_t j = 0; j < width; ++j) candidate[j] = tanh_f(candidate[j]);
    for (int64_t j = 0; j < width; ++j) output[j] = sigmoid_f(output[j]);
    for (int64_t j = 0; j < width; ++j) forget[j] = sigmoid_f(forget[j]);
    if (c_before != nullptr) {
      const float* __restrict before = c_before + b * width;
      for (int64_t j = 0; j < width; ++j) cb[j] = forget[j] * before[j] + input[j] * candidate[j];
    } else {
      for (int64_t j = 0; j < width; ++j) cb[j] = input[j] * candidate[j];
    }
    for (int64_t j = 0; j < width; ++j) {
      tb[j] = tanh_f(cb[j]);
      hb[j] = output[j] * tb[j];
    }
  }
}

SMCTRAIN_KERNEL
void lstm_step_backward(const float* __restrict gates, const float* __restrict c_before,
                        const float* __restrict tanh_c, const float* __restrict d_h, float* __restrict d_c,
                        float* __restrict d_gates, int64_t batch, int64_t width) {
  for (int64_t b = 0; b < batch; ++b) {
    const float* __restrict input = gates + b * 4 * width;
    const float* __restrict forget = input + width;
    const float* __restrict candidate = forget + width;
    const float* __restrict output = candidate + width;
    const float* __restrict tb = tanh_c + b * width;
    const float* __restrict dh = d_h + b * width;
    float* __restrict dc = d_c + b * width;
    float* __restrict d_input = d_gates + b * 4 * width;
    float* __restrict d_forget = d_input + width;
    float* __restrict d_candidate = d_forget + width;
    float* __restrict d_output = d_candidate + width;
    for (int64_t j = 0; j < width; ++j) {
      const float o = output[j];
      d_output[j] = dh[j] * tb[j] * o * (1.0F - o);
      dc[j] += dh[j] * o * (1.0F - tb[j] * tb[j]);
    }
    if (c_before != nullptr) {
      const float* __restrict before = c_before + b * width;
      for (int64_t j = 0; j < width; ++j) d_forget[j] = dc[j] * before[j] * forget[j] * (1.0F - forget[j]);
    } else {
      for (int64_t j = 0; j < width; ++j) d_forget[j] = 0.0F;
    }
    for (int64_t j = 0; j < width; ++j) {
      const float i = input[j];
      const float g = candidate[j];
      d_input[j] = dc[j] * g * i * (1.0F - i);
      d_candidate[j] = dc[j] * i * (1.0F - g * g);
      dc[j] *= forget[j];
    }
  }
}

SMCTRAIN_KERNEL
void gru_step(float* __restrict gates, const float* __restrict recurrent, const float* __restrict bias_new,
              const float* __restrict h_before, float* __restrict product, float* __restrict h, int64_t batch,
              int64_t width) {
  for (int64_t b = 0; b < batch; ++b) {
    float* __restrict reset = gates + b * 3 * width;
    float* __restrict update = reset + width;
    float* __restrict candidate = update + width;
    float* __restrict pb = product + b * width;
    float* __restrict hb = h + b * width;
    if (recurrent != nullptr) {
      const float* __restrict rb = recurrent + b * 3 * width;
      for (int64_t j = 0; j < 2 * width; ++j) reset[j] += rb[j];
      for (int64_t j = 0; j < width; ++j) pb[j] = rb[2 * width + j] + bias_new[j];
    } else {
      for (int64_t j = 0; j < width; ++j) pb[j] = bias_new[j];
    }
    for (int64_t j = 0; j < 2 * width; ++j) reset[j] = sigmoid_f(reset[j]);
    for (int64_t j = 0; j < width; ++j) candidate[j] = tanh_f(candidate[j] + reset[j] * pb[j]);
    if (h_before != nullptr) {
      const float* __restrict before = h_before + b * width;
      for (int64_t j = 0; j < width; ++j) hb[j] = candidate[j] + update[j] * (before[j] - candidate[j]);
    } else {
      for (int64_t j = 0; j < width; ++j) hb[j] = candidate[j] - update[j] * candidate[j];
    }
  }
}

SMCTRAIN_KERNEL
void gru_step_backward(const float* __restrict gates, const float* __restrict product,
                       const float* __restrict h_before, const float* __restrict d_h,
                       float* __restrict d_h_before, float* __restrict d_gates, float* __restrict d_recurrent,
                       int64_t batch, int64_t width) {
  for (int64_t b = 0; b < batch; ++b) {
    const float* __restrict reset = gates + b * 3 * width;
    const float* __restrict update = reset + width;
    const float* __restrict candidate = update + width;
    const float* __restrict pb = product + b * width;
    const float* __restrict dh = d_h + b * width;
    float* __restrict d_reset = d_gates + b * 3 * width;
    float* __restrict d_update = d_reset + width;
    float* __restrict d_candidate = d_update + width;
    float* __restrict d_product = d_recurrent + b * 3 * width + 2 * width;
    if (h_before != nullptr) {
      const float* __restrict before = h_before + b * width;
      for (int64_t j = 0; j < width; ++j)
        d_update[j] = dh[j] * (before[j] - candidate[j]) * update[j] * (1.0F - update[j]);
    } else {
      for (int64_t j = 0; j < width; ++j)
        d_update[j] = -dh[j] * candidate[j] * update[j] * (1.0F - update[j]);
    }
    for (int64_t j = 0; j < width; ++j) {
      const float d = dh[j] * (1.0F - update[j]) * (1.0F - candidate[j] * candidate[j]);
      d_candidate[j] = d;
      d_product[j] = d * reset[j];
      d_reset[j] = d * pb[j] * reset[j] * (1.0F - reset[j]);
    }
    float* __restrict d_both = d_recurrent + b * 3 * width;
    for (int64_t j = 0; j < 2 * width; ++j) d_both[j] = d_reset[j];
    if (d_h_before != nullptr) {
      float* __restrict db = d_h_before + b * width;
      for (int64_t j = 0; j < width; ++j) db[j] += dh[j] * update[j];
    }
  }
}

SMCTRAIN_KERNEL
double norm(const float* __restrict x, int64_t n) {
  double sums[kLanes] = {};
  const int64_t whole = n - n % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double value = x[i + lane];
      sums[lane] += value * value;
    }
  }
  for (int64_t i = whole; i < n; ++i) sums[0] += static_cast<double>(x[i]) * x[i];
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return std::sqrt(total);
}

namespace {

constexpr int64_t kRootBlock = 256;

// roots[i] = sqrt(x[i]). By hand: the compiler keeps a scalar loop, because std::sqrt may set errno.
void square_roots(const float* x, float* roots, int64_t n) {
  int64_t i = 0;
#if defined(__x86_64__)
  for (; i + 4 <= n; i += 4) _mm_storeu_ps(roots + i, _mm_sqrt_ps(_mm_loadu_ps(x + i)));
#endif
  for (; i < n; ++i) roots[i] = std::sqrt(x[i]);
}

}  // namespace

SMCTRAIN_KERNEL
static void adamw_moments(const float* __restrict grad, float* __restrict m, float* __restrict v, int64_t n,
                          float grad_scale) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = grad[i] * grad_scale;
    m[i] = 0.9F * m[i] + 0.1F * g;
    v[i] = 0.999F * v[i] + 0.001F * g * g;
  }
}

SMCTRAIN_KERNEL
static void adamw_move(float* __restrict w, const float* __restrict m, const float* __restrict roots,
                       int64_t n, float keep, float rate, float scale) {
  for (int64_t i = 0; i < n; ++i) w[i] = keep * w[i] - rate * m[i] / (roots[i] * scale + 1e-8F);
}

void adamw(float* w, const float* grad, float* m, float* v, int64_t n, int64_t step, double learning_rate,
           double weight_decay, double grad_scale) {
  const double bias1 = 1.0 - std::pow(0.9, static_cast<double>(step));
  const double bias2 = 1.0 - std::pow(0.999, static_cast<double>(step));
  const auto keep = static_cast<float>(1.0 - learning_rate * weight_decay);
  const auto rate = static_cast<float>(learning_rate / bias1);
  const auto scale = static_cast<float>(1.0 / std::sqrt(bias2));
  float roots[kRootBlock];
  for (int64_t begin = 0; begin < n; begin += kRootBlock) {
    const int64_t size = std::min(kRootBlock, n - begin);
    adamw_moments(grad + begin, m + begin, v + begin, size, static_cast<float>(grad_scale));
    square_roots(v + begin, roots, size);
    adamw_move(w + begin, m + begin, roots, size, keep, rate, scale);
  }
}

SMCTRAIN_KERNEL
static void sgd_move(float* __restrict w, const float* __restrict grad, float* __restrict m, int64_t n,
                     float keep, float rate, float momentum, float grad_scale) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = grad[i] * grad_scale;
    m[i] = momentum * m[i] + g;
    w[i] = keep * w[i] - rate * (g + momentum * m[i]);
  }
}

void sgd_nesterov(float* w, const float* grad, float* m, int64_t n, double learning_rate, double weight_decay,
                  double momentum, double grad_scale) {
  sgd_move(w, grad, m, n, static_cast<float>(1.0 - learning_rate * weight_decay),
           static_cast<float>(learning_rate), static_cast<float>(momentum), static_cast<float>(grad_scale));
}

SMCTRAIN_KERNEL
void accumulate_product(const float* __restrict x, int64_t rows, int64_t in, const float* __restrict w,
                        int64_t out, float* __restrict y) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float* __restrict x0 = x + r * in;
    float* __restrict y0 = y + r * out;
    float* __restrict y1 = y0 + out;
    float* __restrict y2 = y1 + out;
    float* __restrict y3 = y2 + out;
    for (int64_t k = 0; k < in; ++k) {
      const float a0 = x0[k];
      const float a1 = x0[in + k];
      const float a2 = x0[2 * in + k];
      const float a3 = x0[3 * in + k];
      const float* __restrict wk = w + k * out;
      for (int64_t j = 0; j < out; ++j) {
        y0[j] += a0 * wk[j];
        y1[j] += a1 * wk[j];
        y2[j] += a2 * wk[j];
        y3[j] += a3 * wk[j];
      }
    }
  }
  for (; r < rows; ++r) {
    const float* __restrict xr = x + r * in;
    float* __restrict yr = y + r * out;
    for (int64_t k = 0; k < in; ++k) {
      const float a = xr[k];
      const float* __restrict wk = w + k * out;
      for (int64_t j = 0; j < out; ++j) yr[j] += a * wk[j];
    }
  }
}

}  // namespace smctrain::models::neural
