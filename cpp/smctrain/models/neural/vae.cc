// Variational autoencoder with a prediction head (Kingma and Welling, "Auto-encoding variational Bayes", ICLR
// 2014).
//
//   encoder   DenseBlocks, then mean and log variance of each latent unit
//   z         mean + exp(log variance / 2) * noise in training (reparameterised), the mean in evaluation
//   decoder   DenseBlocks in the reverse order of widths, then Linear: the row again
//   head      Linear on z
//
// Log variances are cut to [-10, 10], with no gradient beyond.
#include <algorithm>
#include <cmath>
#include <vector>

#include "smctrain/models/neural/dense.h"
#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/nets.h"

namespace smctrain::models::neural {

namespace {

constexpr Op kN = Op::kPlain;
constexpr Op kT = Op::kTransposed;
constexpr float kLargestLogVariance = 10.0F;

class Vae final : public Net {
 public:
  Vae(const NetShape& shape, int64_t max_batch)
      : Net(shape, max_batch),
        latent_(shape.latent),
        columns_(shape.n_features),
        encoder_(layout_, weights, gradients_, 0, shape.n_features, shape.hidden, max_batch),
        decoder_(layout_, weights, gradients_, encoder_.end() + 2, shape.latent,
                 std::vector<int64_t>(shape.hidden.rbegin(), shape.hidden.rend()), max_batch),
        code_(buffer(max_batch * 2 * latent_)),
        d_code_(buffer(max_batch * 2 * latent_)),
        noise_(buffer(max_batch * latent_)),
        z_(buffer(max_batch * latent_)),
        d_z_(buffer(max_batch * latent_)),
        d_z_decoder_(buffer(max_batch * latent_)),
        again_(buffer(max_batch * columns_)),
        d_again_(buffer(max_batch * columns_)) {}

  void forward_training(int64_t batch, double dropout, Philox& stream) override {
    encode(encoder_.forward_training(input(), batch, dropout, stream), batch);
    for (int64_t i = 0; i < batch; ++i) {
      for (int64_t k = 0; k < latent_; ++k) {
        const auto noise = static_cast<float>(latent_stream.normal());
        noise_[i * latent_ + k] = noise;
        z_[i * latent_ + k] = mean(i)[k] + std::exp(0.5F * cut(log_variance(i)[k])) * noise;
      }
    }
    decode(decoder_.forward_training(z_.data(), batch, 0.0, stream), batch);
    head_forward(z_.data(), batch);
  }

  void forward_evaluation(int64_t batch) override {
    encode(encoder_.forward_evaluation(input(), batch), batch);
    for (int64_t i = 0; i < batch; ++i) std::copy_n(mean(i), latent_, z_.data() + i * latent_);
    decode(decoder_.forward_evaluation(z_.data(), batch), batch);
    head_forward(z_.data(), batch);
  }

  OwnLoss own_loss(std::span<const double> row_weights, const OwnWeights* gradient_weights) override {
    OwnLoss sums;
    const auto batch = static_cast<int64_t>(row_weights.size());
    for (const double w : row_weights) sums.weight += w;
    const double share = sums.weight > 0.0 ? 1.0 / (sums.weight * static_cast<double>(columns_)) : 0.0;
    for (int64_t i = 0; i < batch; ++i) {
      const double w = row_weights[i];
      const float* x = input() + i * columns_;
      const float* again = again_.data() + i * columns_;
      double squares = 0.0;
      for (int64_t j = 0; j < columns_; ++j) {
        const double error = again[j] - x[j];
        squares += error * error;
      }
      double kl = 0.0;
      for (int64_t k = 0; k < latent_; ++k) {
        const double m = mean(i)[k];
        const double log_var = cut(log_variance(i)[k]);
        kl += 0.5 * (m * m + std::exp(log_var) - 1.0 - log_var);
      }
      sums.reconstruction += w * 0.5 * squares;
      sums.kl += w * kl;
      if (gradient_weights == nullptr) continue;
      const auto pull = static_cast<float>(w * share * gradient_weights->reconstruction);
      float* d_again = d_again_.data() + i * columns_;
      for (int64_t j = 0; j < columns_; ++j) d_again[j] = pull * (again[j] - x[j]);
      const double kl_share = w * share * gradient_weights->kl;
      float* d_mean = d_code_.data() + i * 2 * latent_;
      for (int64_t k = 0; k < latent_; ++k) {
        d_mean[k] = static_cast<float>(kl_share * mean(i)[k]);
        d_mean[latent_ + k] = static_cast<float>(
            kl_share * 0.5 * (std::exp(static_cast<double>(cut(log_variance(i)[k]))) - 1.0));
      }
    }
    return sums;
  }

  void backward(int64_t batch) override {
    head_backward(z_.data(), d_z_.data(), batch);
    const int64_t output = decoder_.end();
    gemm(kT, kN, columns_, decoder_.width(), batch, d_again_.data(), decoder_.out(), 0.0F, gradient(output));
    column_sums(d_again_.data(), batch, columns_, gradient(output + 1));
    gemm(kN, kN, batch, decoder_.width(), columns_, d_again_.data(), weight(output), 0.0F, decoder_.d_out());
    decoder_.backward(z_.data(), d_z_decoder_.data(), batch);
    add(d_z_.data(), d_z_decoder_.data(), batch * latent_);
    for (int64_t i = 0; i < batch; ++i) {
      float* d_mean = d_code_.data() + i * 2 * latent_;
      for (int64_t k = 0; k < latent_; ++k) {
        const float d = d_z_[i * latent_ + k];
        const float log_var = log_variance(i)[k];
        d_mean[k] += d;
        d_mean[latent_ + k] += d * 0.5F * noise_[i * latent_ + k] * std::exp(0.5F * cut(log_var));
        if (std::abs(log_var) > kLargestLogVariance) d_mean[latent_ + k] = 0.0F;
      }
    }
    const int64_t code = encoder_.end();
    gemm(kT, kN, 2 * latent_, encoder_.width(), batch, d_code_.data(), encoder_.out(), 0.0F, gradient(code));
    column_sums(d_code_.data(), batch, 2 * latent_, gradient(code + 1));
    gemm(kN, kN, batch, encoder_.width(), 2 * latent_, d_code_.data(), weight(code), 0.0F, encoder_.d_out());
    encoder_.backward(input(), nullptr, batch);
  }

 private:
  static float cut(float log_var) { return std::clamp(log_var, -kLargestLogVariance, kLargestLogVariance); }
  const float* mean(int64_t row) const { return code_.data() + row * 2 * latent_; }
  const float* log_variance(int64_t row) const { return mean(row) + latent_; }

  void encode(const float* hidden, int64_t batch) {
    const int64_t code = encoder_.end();
    gemm(kN, kT, batch, 2 * latent_, encoder_.width(), hidden, weight(code), 0.0F, code_.data());
    add_bias(code_.data(), batch, 2 * latent_, weight(code + 1));
  }
  void decode(const float* hidden, int64_t batch) {
    const int64_t output = decoder_.end();
    gemm(kN, kT, batch, columns_, decoder_.width(), hidden, weight(output), 0.0F, again_.data());
    add_bias(again_.data(), batch, columns_, weight(output + 1));
  }

  int64_t latent_;
  int64_t columns_;
  DenseBlocks encoder_;
  DenseBlocks decoder_;
  std::vector<float> code_;  // (batch, 2 latent): means, then log variances
  std::vector<float> d_code_;
  std::vector<float> noise_;
  std::vector<float> z_;
  std::vector<float> d_z_;
  std::vector<float> d_z_decoder_;
  std::vector<float> again_;  // the reconstruction (batch, columns)
  std::vector<float> d_again_;
};

}  // namespace

std::unique_ptr<Net> make_vae(const NetShape& shape, int64_t max_batch) {
  return std::make_unique<Vae>(shape, max_batch);
}

}  // namespace smctrain::models::neural
