// Layers of Linear and leaky ReLU, Linear at the end: forward, backward, and the derivative of the gradient
// by x.
//
// Weights are one flat array in the order of leaky_layout(). All passes use the workspace of the last
// forward().
#pragma once

#include <cstdint>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/models/neural/layout.h"

namespace smctrain::models::neural {

NetLayout leaky_layout(int64_t in, const std::vector<int64_t>& widths, int64_t out);

class LeakyLayers {
 public:
  LeakyLayers(int64_t in, const std::vector<int64_t>& widths, int64_t out, int64_t max_batch);

  // He's uniform start; biases 0.
  void initialise(Philox& stream);
  // Output (batch, out).
  const float* forward(const float* x, int64_t batch);
  // d_out (batch, out) -> gradients added (unless null), gradient of x in d_x (unless null).
  void backward(const float* x, const float* d_out, int64_t batch, std::vector<float>* gradients, float* d_x);
  // After backward(): adds the gradient, by the weights, of sum_i v_i . (gradient of x)_i, v (batch, in) held
  // fixed.
  void backward_of_gradient(const float* v, const float* d_out, int64_t batch, std::vector<float>& gradients);

  std::vector<float> weights;

 private:
  struct Layer {
    int64_t in;
    int64_t out;
    int64_t weight;  // offset
    int64_t bias;
    std::vector<float> values;  // after ReLU
    std::vector<float> slopes;
    std::vector<float> d;  // gradient before ReLU
    std::vector<float> u;  // of backward_of_gradient
  };
  std::vector<Layer> layers_;
};

}  // namespace smctrain::models::neural
