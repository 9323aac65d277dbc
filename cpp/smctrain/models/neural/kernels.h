// Fused elementwise kernels of the networks, over raw float arrays.
//
// Compiled once per SIMD level and picked at run time. Every output element is computed by the same sequence
// of IEEE operations at each level (no contraction, no reassociation; sums run in fixed lanes), so the level
// does not change a bit of the result.
#pragma once

#include <cstdint>

#include "smctrain/base/rng.h"

namespace smctrain::models::neural {

// Flushes denormal numbers to zero on this thread while it lives (they cost up to half the speed of an LSTM).
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned int before_;
};

// gates[i] = 1 / (1 - rate) with probability 1 - rate, else 0. The rate is rounded to 1 / 65536.
void dropout_gates(Philox& stream, double rate, float* gates, int64_t n);

// mean[j], centred sum of squares[j] over the rows of z (rows, cols).
void column_moments(const float* z, int64_t rows, int64_t cols, float* mean, float* squares);

// z <- (z - mean) * inverse; gates <- gates where gamma * z + beta > 0, else 0; out <- (gamma * z + beta) *
// gates
void normalise_relu_gate(float* z, int64_t rows, int64_t cols, const float* mean, const float* inverse,
                         const float* gamma, const float* beta, float* gates, float* out);

// Backward of the above: on entry d is the gradient of `out`; on return that of the block's linear output.
void normalise_relu_gate_backward(float* d, const float* z, const float* gates, int64_t rows, int64_t cols,
                                  const float* inverse, const float* gamma, float* d_gamma, float* d_beta);

// out = max(0, z * scale + shift), column-wise.
void scale_relu(const float* z, int64_t rows, int64_t cols, const float* scale, const float* shift,
                float* out);

// x (rows, cols) += bias, row-wise.
void add_bias(float* x, int64_t rows, int64_t cols, const float* bias);
// x[i] = from[places[i]] row-wise, and its gradient: sums[places[i]] += x[i], in ascending i.
void take_rows(const float* from, const int32_t* places, int64_t rows, int64_t cols, float* x);
void add_to_rows(const float* x, const int32_t* places, int64_t rows, int64_t cols, float* sums);
// sums[j] = sum of the column.
void column_sums(const float* x, int64_t rows, int64_t cols, float* sums);
// x *= y
void multiply(float* x, const float* y, int64_t n);
// x += y
void add(float* x, const float* y, int64_t n);

// One time step of an LSTM layer for `batch` rows. gates (batch, 4h) holds pre-activations in the order
// input, forget, candidate, output and is overwritten by the activations. c_before may be null (zeros).
void lstm_step(float* gates, const float* c_before, float* c, float* tanh_c, float* h, int64_t batch,
               int64_t width);

// Backward of one step: d_h is the gradient of h; d_c carries that of c (in: from the later step, out: for
// the earlier one); d_gates receives the gradient of the pre-activations.
void lstm_step_backward(const float* gates, const float* c_before, const float* tanh_c, const float* d_h,
                        float* d_c, float* d_gates, int64_t batch, int64_t width);

// One time step of a GRU layer. gates (batch, 3h) holds the input side of reset, update, candidate and is
// overwritten by the activations; recurrent (batch, 3h) is the product of the step before, null for zeros;
// product receives its candidate part with the bias, before the reset gate. h_before may be null (zeros).
void gru_step(float* gates, const float* recurrent, const float* bias_new, const float* h_before,
              float* product, float* h, int64_t batch, int64_t width);

// Backward of one step: d_h is the gradient of h; the direct part of that of h_before is added to d_h_before
// (unless null); d_gates and d_recurrent receive the gradients of the pre-activations on either side.
void gru_step_backward(const float* gates, const float* product, const float* h_before, const float* d_h,
                       float* d_h_before, float* d_gates, float* d_recurrent, int64_t batch, int64_t width);

// Euclidean norm, summed in double.
double norm(const float* x, int64_t n);

// AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019) with betas 0.9 and 0.999
// and epsilon 1e-8, step counted from 1; the gradient is multiplied by `grad_scale` first (clipping).
void adamw(float* w, const float* grad, float* m, float* v, int64_t n, int64_t step, double learning_rate,
           double weight_decay, double grad_scale);

// Stochastic gradient descent with Nesterov's momentum and decoupled weight decay; velocity in m (Sutskever
// et al., "On the importance of initialization and momentum in deep learning", ICML 2013, in torch's form).
void sgd_nesterov(float* w, const float* grad, float* m, int64_t n, double learning_rate, double weight_decay,
                  double momentum, double grad_scale);

// y (rows, out) += x (rows, in) times w (in, out). Each element is summed over `in` in ascending order, so a
// row's result does not depend on the rows beside it.
void accumulate_product(const float* x, int64_t rows, int64_t in, const float* w, int64_t out, float* y);

}  // namespace smctrain::models::neural
