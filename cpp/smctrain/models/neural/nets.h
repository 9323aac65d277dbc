// The networks, with forward and backward passes over one flat array of weights: hand-written ones for the
// four kinds below, and LibTorch's autograd for any kind (torch_net.h).
//
//   MLP    blocks of Linear -> BatchNorm1d -> ReLU -> Dropout, then Linear
//          with several tasks the last block is theirs, an equal share of units each, and so is the last
//          Linear; without norm the blocks are Linear -> ReLU -> Dropout
//   LSTM, GRU   one or more layers over a window; dropout between layers and on the output of the last step,
//   then
//          Linear
//   CNN    causal convolutions over a window, each with BatchNorm, ReLU and Dropout, the step between taps
//   doubling
//          from layer to layer; zeros stand before the window; Linear on the last step
//
//   VAE    encoder, sampled latent units, decoder and Linear head: vae.cc
//
// A network owns its workspace: input(), logits() and d_logits() are buffers for up to `max_batch` rows that
// the caller fills and reads; no step allocates. Matrix products are LibTorch's, everything between them is
// fused (kernels.h). Gradients are checked against PyTorch's autograd in the tests.
//
// Differences from a plain torch module, on purpose: the bias of a Linear before BatchNorm gets the gradient
// zero that it has mathematically (torch computes rounding noise, which Adam blows up to full steps); dropout
// masks come from a seeded stream of the fit, not from a generator shared by the process.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "smctrain/base/rng.h"
#include "smctrain/models/neural/layout.h"
#include "smctrain/models/neural/optimiser.h"

namespace smctrain::models::neural {

// Weights of a VAE's own parts of the loss, at this step.
struct OwnWeights {
  double reconstruction = 0.0;
  double kl = 0.0;
};

// Sums of row weight * part.
struct OwnLoss {
  double reconstruction = 0.0;  // half the squared error, summed over the columns
  double kl = 0.0;
  double weight = 0.0;
};

class Net {
 public:
  Net(const NetShape& shape, int64_t max_batch);
  virtual ~Net() = default;
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;

  // (lookback, batch, n_features) for the batch of the next pass.
  float* input() { return input_.data(); }
  // A net that shares bars may find in input() the distinct bars (bars, n_features) of the next pass instead,
  // and in `places` (lookback, batch) which of them each window reads. The input part of the first layer is
  // then computed once for each bar, not once for each window that holds it. Zero bars: windows as above.
  virtual bool shares_bars() const { return false; }
  void place_bars(int64_t bars) { bars_ = bars; }
  int32_t* places() { return places_.data(); }
  const float* logits() const { return logits_.data(); }
  float* d_logits() { return d_logits_.data(); }

  // Training pass: batch statistics, dropout from `stream`, running statistics updated. Needs at least 2
  // rows.
  virtual void forward_training(int64_t batch, double dropout, Philox& stream) = 0;
  virtual void forward_evaluation(int64_t batch) = 0;
  // After forward_training, with d_logits filled: writes all of gradients().
  virtual void backward(int64_t batch) = 0;

  // What a network loses besides its head, of the last pass's batch. With weights given, backward() adds the
  // gradient of their weighted sum per column and unit of row weight.
  virtual OwnLoss own_loss(std::span<const double> row_weights, const OwnWeights* gradient_weights) {
    (void)row_weights;
    (void)gradient_weights;
    return {};
  }

  // As torch does it: uniform within 1 / sqrt(fan in) (LSTM: 1 / sqrt(hidden)); norms start as the identity.
  void initialise(Philox& stream);

  // For a net that keeps its weights elsewhere than in `weights`: they were written; they are about to be
  // read.
  virtual void push_weights() {}
  virtual void pull_weights() {}
  virtual void pull_gradients() {}
  virtual std::unique_ptr<Optimiser> make_optimiser(const TrainingSettings& settings) {
    return std::make_unique<Optimiser>(settings, gradients_.size());
  }

  const NetLayout& layout() const { return layout_; }

  NetWeights weights;
  Philox latent_stream{0, uint64_t{0}};  // noise of a VAE's latent units
  std::vector<float>& gradients() { return gradients_; }

 protected:
  float* weight(int64_t array) {
    return weights.learned.data() + layout_.arrays[static_cast<size_t>(array)].offset;
  }
  float* gradient(int64_t array) {
    return gradients_.data() + layout_.arrays[static_cast<size_t>(array)].offset;
  }
  float* statistic(int64_t array) {
    return weights.statistics.data() + layout_.arrays[static_cast<size_t>(array)].offset;
  }

  // Linear head over x (batch, in); its backward returns the gradient of x in d_x.
  void head_forward(const float* x, int64_t batch);
  void head_backward(const float* x, float* d_x, int64_t batch);

  NetShape shape_;
  NetLayout layout_;
  int64_t max_batch_;
  std::vector<float> gradients_;
  std::vector<float> input_;
  int64_t bars_ = 0;
  std::vector<int32_t> places_;
  std::vector<float> logits_;
  std::vector<float> d_logits_;
};

// The Transformer has only the LibTorch path.
std::unique_ptr<Net> make_net(const NetShape& shape, int64_t max_batch,
                              ForwardPath path = ForwardPath::kFused, bool cuda = false);

// Of one kind; the shape is valid.
std::unique_ptr<Net> make_mlp(const NetShape& shape, int64_t max_batch);
std::unique_ptr<Net> make_plain_mlp(const NetShape& shape, int64_t max_batch);  // without norm
std::unique_ptr<Net> make_lstm(const NetShape& shape, int64_t max_batch);
std::unique_ptr<Net> make_gru(const NetShape& shape, int64_t max_batch);
std::unique_ptr<Net> make_cnn(const NetShape& shape, int64_t max_batch);
std::unique_ptr<Net> make_vae(const NetShape& shape, int64_t max_batch);

inline std::vector<float> buffer(int64_t n) { return std::vector<float>(static_cast<size_t>(n), 0.0F); }

}  // namespace smctrain::models::neural
