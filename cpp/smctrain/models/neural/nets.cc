#include "smctrain/models/neural/nets.h"

#include <algorithm>
#include <cmath>

#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/torch_net.h"

namespace smctrain::models::neural {

namespace {

constexpr Op kN = Op::kPlain;
constexpr Op kT = Op::kTransposed;

}  // namespace

Net::Net(const NetShape& shape, int64_t max_batch)
    : shape_(shape), layout_(make_layout(shape)), max_batch_(max_batch) {
  weights.learned = buffer(layout_.n_learned);
  weights.statistics = buffer(layout_.n_statistics);
  gradients_ = buffer(layout_.n_learned);
  input_ = buffer(shape.lookback * max_batch * shape.n_features);
  places_.resize(static_cast<size_t>(shape.lookback * max_batch));
  logits_ = buffer(max_batch * shape.n_outputs());
  d_logits_ = buffer(max_batch * shape.n_outputs());
}

void Net::initialise(Philox& stream) {
  double bound = 0.0;
  for (const ArraySpec& spec : layout_.arrays) {
    float* values = (spec.learned ? weights.learned : weights.statistics).data() + spec.offset;
    const bool is_norm = spec.name.find(".norm.") != std::string::npos;
    if (is_norm) {
      const bool one = spec.name.ends_with(".weight") || spec.name.ends_with("running_var");
      std::fill_n(values, spec.size(), one ? 1.0F : 0.0F);
      continue;
    }
    if (spec.name.ends_with("conv.weight")) {
      bound = 1.0 / std::sqrt(static_cast<double>(spec.shape[0] * spec.shape[2]));
    } else if (spec.name.starts_with("layers.") && shape_.kind != NetKind::kCnn &&
               shape_.kind != NetKind::kTransformer) {
      const double gates = shape_.kind == NetKind::kGru ? 3.0 : 4.0;
      if (spec.name.ends_with(".weight_ih"))
        bound = 1.0 / std::sqrt(static_cast<double>(spec.shape[0]) / gates);
    } else if (spec.shape.size() == 2) {
      const bool shared_out = spec.name == "head.weight" && shape_.multi_task();
      const double tasks = shared_out ? static_cast<double>(shape_.tasks.size()) : 1.0;
      // A bias follows its weight and shares the bound.
      bound = 1.0 / std::sqrt(static_cast<double>(spec.shape[1]) / tasks);
    }
    for (int64_t i = 0; i < spec.size(); ++i)
      values[i] = static_cast<float>((2.0 * stream.uniform() - 1.0) * bound);
  }
  keep_own_units(shape_, weight(static_cast<int64_t>(layout_.arrays.size()) - 2));
}

void Net::head_forward(const float* x, int64_t batch) {
  const auto head = static_cast<int64_t>(layout_.arrays.size()) - 2;
  const int64_t in = layout_.arrays[static_cast<size_t>(head)].shape[1];
  gemm_bias(kN, kT, batch, shape_.n_outputs(), in, x, weight(head), weight(head + 1), logits_.data());
}

void Net::head_backward(const float* x, float* d_x, int64_t batch) {
  const auto head = static_cast<int64_t>(layout_.arrays.size()) - 2;
  const int64_t in = layout_.arrays[static_cast<size_t>(head)].shape[1];
  gemm(kT, kN, shape_.n_outputs(), in, batch, d_logits_.data(), x, 0.0F, gradient(head));
  keep_own_units(shape_, gradient(head));
  column_sums(d_logits_.data(), batch, shape_.n_outputs(), gradient(head + 1));
  gemm(kN, kN, batch, in, shape_.n_outputs(), d_logits_.data(), weight(head), 0.0F, d_x);
}

std::unique_ptr<Net> make_net(const NetShape& shape, int64_t max_batch, ForwardPath path, bool cuda) {
  if (path == ForwardPath::kTorch || shape.kind == NetKind::kTransformer)
    return make_torch_net(shape, max_batch, cuda);
  switch (shape.kind) {
    case NetKind::kMlp:
      return shape.norm ? make_mlp(shape, max_batch) : make_plain_mlp(shape, max_batch);
    case NetKind::kVae:
      return make_vae(shape, max_batch);
    case NetKind::kGru:
      return make_gru(shape, max_batch);
    case NetKind::kCnn:
      return make_cnn(shape, max_batch);
    default:
      return make_lstm(shape, max_batch);
  }
}

}  // namespace smctrain::models::neural
