#include "smctrain/models/neural/torch_net.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "smctrain/base/error.h"
#include "smctrain/models/neural/devices.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/torch_forward.h"

namespace smctrain::models::neural {

namespace {

at::Tensor on_host(float* data, at::IntArrayRef sizes) {
  return at::from_blob(data, sizes, at::TensorOptions().dtype(at::kFloat));
}

// Runs it; what LibTorch throws becomes our error, with its first line.
template <class Call>
auto through_torch(const Call& call) {
  try {
    return call();
  } catch (const c10::Error& error) {
    std::string text = error.what_without_backtrace();
    text = text.substr(0, text.find('\n'));
    const bool memory = dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
                        text.find("allocate memory") != std::string::npos;
    if (memory) {
      raise("NotEnoughMemory", "this network and batch need more memory than there is (", text,
            "): lower batch_size, lookback or the widths.");
    }
    raise("NativeLibraryError", "LibTorch failed: ", text);
  }
}

// The formulas of kernels.h (AdamW, Nesterov) on flat tensors.
class TorchOptimiser final : public Optimiser {
 public:
  TorchOptimiser(const TrainingSettings& settings, at::Tensor weights, at::Tensor gradients)
      : Optimiser(settings, 0),
        weights_(std::move(weights)),
        gradients_(std::move(gradients)),
        moment_(at::zeros_like(weights_)) {
    if (settings.optimiser == OptimiserKind::kAdamW) {
      squares_ = at::zeros_like(weights_);
      count_ = at::zeros({}, weights_.options());
    }
  }

  double length(const std::vector<float>&) const override {
    return at::linalg_vector_norm(moving(gradients_), 2, at::OptionalIntArrayRef(), false, at::kDouble)
        .item<double>();
  }

  void step(std::vector<float>&, const std::vector<float>&, double length, double rate) override {
    ++steps_;
    ++all_steps_;
    const at::NoGradGuard no_autograd;
    const double clip = settings_.clip_norm;
    at::Tensor gradient = moving(gradients_);
    if (clip > 0.0 && length > clip) gradient.mul_(clip / length);
    at::Tensor weights = moving(weights_);
    at::Tensor moment = moving(moment_);
    if (settings_.optimiser == OptimiserKind::kAdamW) {
      at::Tensor squares = moving(squares_);
      count_.fill_(static_cast<double>(steps_));
      at::_fused_adamw_({weights}, {gradient}, {moment}, {squares}, {}, {count_}, rate, 0.9, 0.999,
                        settings_.weight_decay, 1e-8, false, false);
    } else {
      moment.mul_(settings_.momentum).add_(gradient);
      weights.mul_(1.0 - rate * settings_.weight_decay);
      weights.sub_(gradient, rate).sub_(moment, rate * settings_.momentum);
    }
  }

  void reset() override {
    moment_.zero_();
    if (squares_.defined()) squares_.zero_();
    steps_ = 0;
  }

 private:
  // The part behind the frozen layers.
  at::Tensor moving(const at::Tensor& flat) const { return flat.narrow(0, first_, flat.size(0) - first_); }

  at::Tensor weights_;
  at::Tensor gradients_;
  at::Tensor moment_;
  at::Tensor squares_;
  at::Tensor count_;
};

class TorchNet final : public Net {
 public:
  TorchNet(const NetShape& shape, int64_t max_batch, bool cuda)
      : Net(shape, max_batch),
        on_device_(at::TensorOptions().dtype(at::kFloat).device(cuda ? at::kCUDA : at::kCPU)),
        learned_(at::zeros({layout_.n_learned}, on_device_)),
        statistics_(at::zeros({layout_.n_statistics}, on_device_)),
        flat_gradients_(at::zeros({layout_.n_learned}, on_device_)) {
    if (cuda) true_float_.emplace();
    const bool normed = shape.kind == NetKind::kMlp || shape.kind == NetKind::kCnn;
    for (const ArraySpec& spec : layout_.arrays) {
      const auto part = [&spec](const at::Tensor& flat) {
        return flat.narrow(0, spec.offset, spec.size()).view(spec.shape).detach();
      };
      at::Tensor array = part(spec.learned ? learned_ : statistics_);
      const bool before_norm =
          normed && (spec.name.ends_with(".linear.bias") || spec.name.ends_with(".conv.bias"));
      if (spec.learned && !before_norm) {
        array.requires_grad_(true);
        array.mutable_grad() = part(flat_gradients_);  // autograd adds to it where it lies
      }
      arrays_.push_back(std::move(array));
    }
  }

  void forward_training(int64_t batch, double dropout, Philox& stream) override {
    const at::AutoGradMode autograd(true);
    const DropTensor drop = [&](const at::Tensor& x) {
      if (dropout == 0.0) return x;
      const at::Tensor gates = at::empty(x.sizes(), at::TensorOptions().dtype(at::kFloat));
      dropout_gates(stream, dropout, gates.mutable_data_ptr<float>(), gates.numel());
      return x * gates.to(on_device_);
    };
    through_torch([&] {
      outputs_ = torch_forward(shape_, arrays_, windows(batch), true, drop);
      answer(batch);
    });
  }

  void forward_evaluation(int64_t batch) override {
    const at::NoGradGuard no_autograd;
    through_torch([&] {
      outputs_ = torch_forward(shape_, arrays_, windows(batch), false, [](const at::Tensor& x) { return x; });
      answer(batch);
    });
  }

  void backward(int64_t batch) override {
    through_torch([&] {
      flat_gradients_.zero_();
      outputs_.backward(on_host(d_logits_.data(), {batch, shape_.n_outputs()}).to(on_device_));
      outputs_.reset();
    });
  }

  void push_weights() override {
    learned_.copy_(on_host(weights.learned.data(), {layout_.n_learned}));
    statistics_.copy_(on_host(weights.statistics.data(), {layout_.n_statistics}));
  }
  void pull_weights() override {
    on_host(weights.learned.data(), {layout_.n_learned}).copy_(learned_);
    on_host(weights.statistics.data(), {layout_.n_statistics}).copy_(statistics_);
  }
  void pull_gradients() override { on_host(gradients_.data(), {layout_.n_learned}).copy_(flat_gradients_); }

  std::unique_ptr<Optimiser> make_optimiser(const TrainingSettings& settings) override {
    return std::make_unique<TorchOptimiser>(settings, learned_, flat_gradients_);
  }

 private:
  at::Tensor windows(int64_t batch) {
    return on_host(input_.data(), {shape_.lookback, batch, shape_.n_features}).to(on_device_);
  }
  void answer(int64_t batch) {
    const at::NoGradGuard no_autograd;
    on_host(logits_.data(), {batch, shape_.n_outputs()}).copy_(outputs_);
  }

  std::optional<TrueFloatScope> true_float_;
  at::TensorOptions on_device_;
  at::Tensor learned_;
  at::Tensor statistics_;
  at::Tensor flat_gradients_;
  std::vector<at::Tensor> arrays_;  // views in the order of the layout
  at::Tensor outputs_;
};

}  // namespace

std::unique_ptr<Net> make_torch_net(const NetShape& shape, int64_t max_batch, bool cuda) {
  return through_torch(
      [&]() -> std::unique_ptr<Net> { return std::make_unique<TorchNet>(shape, max_batch, cuda); });
}

}  // namespace smctrain::models::neural
