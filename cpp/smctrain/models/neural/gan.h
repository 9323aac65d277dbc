// Conditional Wasserstein GAN with gradient penalty for tables (Gulrajani et al., "Improved training of
// Wasserstein GANs", NeurIPS 2017; one-sided penalty: Petzka, Fischer and Lukovnikov, "On the regularization
// of Wasserstein GANs", ICLR 2018).
//
//   generator       noise and a one-hot class -> a row
//   critic          a row and a one-hot class -> a number, high for real rows
//   critic loss     mean D(made) - mean D(real) + penalty * mean max(0, |gradient of D by the row| - 1)^2,
//                   the gradient at a random point between a real row and a made one of the same class
//   generator loss  - mean D(made)
//   report          every `report_every` generator steps: losses, length of the gradient, energy distance
//                   between the judged rows (held out, or training rows where there are none) and rows made
//                   for their classes, estimated without bias: about 0 for rows of one distribution
//
//   1. `critic_steps` critic steps on batches of training rows drawn with replacement, then one generator
//      step
//   2. made rows come from the running average of the generator's weights (Yazici et al., ICLR 2019)
//   3. the averaged generator of the latest report whose energy distance is within 1.5 times the smallest, or
//      within 3 / judged rows, which is chance, is kept; `patience` reports without such a one end the fit
//   4. numbers that are not finite: back to the weights of the last report at a quarter of the rate,
//      `nan_recoveries` times
//
// Measured on 900 rows of 6 columns, two classes of two modes: a two-sided penalty left spreads off by half
// after 1,500 steps where the one-sided one leaves 2 to 6 %; packs of 2 to 8 rows judged together and a
// falling rate came out worse than rows judged one by one at a steady rate.
//
// Both networks are Linear and leaky ReLU (slope 0.2), Linear at the end, without normalisation (the penalty
// is one of single rows). The penalty's gradient needs no second derivatives: leaky ReLU is linear on either
// side, so the gradient of D is a product of weights and slopes, and so is its derivative by each weight.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "smctrain/base/stop.h"
#include "smctrain/base/view.h"
#include "smctrain/models/monitor.h"
#include "smctrain/models/neural/layout.h"

namespace smctrain::models::neural {

struct GanShape {
  int64_t columns = 0;
  int64_t classes = 0;
  int64_t noise = 0;
  std::vector<int64_t> generator;  // widths of the hidden layers
  std::vector<int64_t> critic;

  std::vector<std::string> validate() const;
};

struct GanSettings {
  double learning_rate = 0.001;
  double penalty = 10.0;
  double averaging = 0.998;
  int64_t batch_size = 128;
  int64_t critic_steps = 3;
  int64_t max_steps = 3000;  // of the generator
  int64_t report_every = 50;
  int64_t patience = 10;
  int64_t nan_recoveries = 2;

  std::vector<std::string> validate() const;
};

struct GanInput {
  MatrixView<const float> X;   // standardised
  std::span<const int32_t> y;  // class codes
  std::span<const int64_t> rows;
  std::span<const int64_t> judged;  // empty: training rows
  GanShape shape;
  GanSettings settings;
  uint64_t seed = 42;
};

struct GanReport {
  int64_t step;
  double critic_loss;
  double generator_loss;
  double gradient_norm;  // mean length of the critic's gradient between real and made rows; 1 is what it
                         // should be
  double energy_distance;
  double learning_rate;
};

struct GanOutput {
  std::vector<float> generator;  // flat, in the order of gan_layout
  std::vector<GanReport> history;
  std::vector<Alarm> alarms;
  std::string stop_reason;
  int64_t best_step = 0;
  double best_distance = 0.0;
};

// Arrays `layers.<i>.weight` (out, in), `layers.<i>.bias` (out) of either network; the last layer has no
// ReLU.
NetLayout generator_layout(const GanShape& shape);
NetLayout critic_layout(const GanShape& shape);

GanOutput fit_gan(const GanInput& input, const StopToken& stop,
                  const std::function<void(int64_t, int64_t)>& progress);

// Rows for classes y (codes), (n, columns); a row depends on the seed and its place only. Without torch.
std::vector<float> made_rows(const GanShape& shape, const std::vector<float>& generator,
                             std::span<const int32_t> y, uint64_t seed, const StopToken& stop);

// Loss and gradient of single steps, for the tests. mix: share of the real row at the penalty's point.
struct GanGradient {
  double loss = 0.0;
  std::vector<float> gradient;
};
GanGradient critic_gradient(const GanShape& shape, double penalty, const std::vector<float>& critic,
                            MatrixView<const float> real, MatrixView<const float> made,
                            std::span<const int32_t> y, std::span<const float> mix);
GanGradient generator_gradient(const GanShape& shape, const std::vector<float>& generator,
                               const std::vector<float>& critic, MatrixView<const float> noise,
                               std::span<const int32_t> y);

}  // namespace smctrain::models::neural
