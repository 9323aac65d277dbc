#include "smctrain/models/neural/torch_forward.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <tuple>

namespace smctrain::models::neural {

namespace {

constexpr double kNormEpsilon = 1e-5;
constexpr double kNormMomentum = 0.1;

// Hands out the arrays in the order of the layout.
class Arrays {
 public:
  explicit Arrays(const std::vector<at::Tensor>& arrays) : arrays_(arrays) {}
  const at::Tensor& take() { return arrays_[next_++]; }

  at::Tensor linear(const at::Tensor& x) {
    const at::Tensor& weight = take();
    return at::linear(x, weight, take());
  }
  // Of rows (n, width).
  at::Tensor batch_norm(const at::Tensor& x, bool training) {
    const at::Tensor& weight = take();
    const at::Tensor& bias = take();
    const at::Tensor& mean = take();
    const at::Tensor& variance = take();
    return at::batch_norm(x, weight, bias, mean, variance, training, kNormMomentum, kNormEpsilon, false);
  }
  at::Tensor layer_norm(const at::Tensor& x) {
    const at::Tensor& weight = take();
    return at::layer_norm(x, {x.size(-1)}, weight, take(), kNormEpsilon);
  }

 private:
  const std::vector<at::Tensor>& arrays_;
  size_t next_ = 0;
};

at::Tensor mlp(const NetShape& shape, Arrays& arrays, at::Tensor x, bool training, const DropTensor& drop) {
  x = x.select(0, 0);
  for (size_t i = 0; i < shape.hidden.size(); ++i) {
    x = arrays.linear(x);
    x = drop(at::relu(arrays.batch_norm(x, training)));
  }
  return x;
}

at::Tensor recurrent(const NetShape& shape, Arrays& arrays, at::Tensor x, bool training,
                     const DropTensor& drop) {
  for (size_t i = 0; i < shape.hidden.size(); ++i) {
    const int64_t width = shape.hidden[i];
    const at::Tensor& input = arrays.take();
    const at::Tensor& hidden = arrays.take();
    const at::Tensor& bias = arrays.take();
    const at::Tensor start = at::zeros({1, x.size(1), width}, x.options());
    if (shape.kind == NetKind::kGru) {
      const at::Tensor second = at::cat({at::zeros({2 * width}, x.options()), arrays.take()});
      x = std::get<0>(at::gru(x, start, {input, hidden, bias, second}, true, 1, 0.0, training, false, false));
    } else {
      const at::Tensor second = at::zeros({4 * width}, x.options());
      x = std::get<0>(
          at::lstm(x, {start, start}, {input, hidden, bias, second}, true, 1, 0.0, training, false, false));
    }
    if (i + 1 < shape.hidden.size()) x = drop(x);
  }
  return drop(x.select(0, -1));
}

at::Tensor cnn(const NetShape& shape, Arrays& arrays, at::Tensor x, bool training, const DropTensor& drop) {
  const int64_t steps = x.size(0);
  const int64_t batch = x.size(1);
  int64_t dilation = 1;
  for (const int64_t width : shape.hidden) {
    const int64_t taps =
        std::min(shape.kernel_size, (steps - 1) / dilation + 1);  // the others see zeros only
    // (tap, out, in), newest first -> (out, in, tap), oldest first
    const at::Tensor weight = arrays.take().narrow(0, 0, taps).flip(0).permute({1, 2, 0});
    const at::Tensor padded = at::constant_pad_nd(x.permute({1, 2, 0}), {(taps - 1) * dilation, 0});
    const at::Tensor z = at::conv1d(padded, weight, arrays.take(), 1, at::IntArrayRef{0}, dilation);
    const at::Tensor rows = z.permute({2, 0, 1}).reshape({steps * batch, width});
    x = drop(at::relu(arrays.batch_norm(rows, training))).reshape({steps, batch, width});
    dilation = std::min(2 * dilation, steps);
  }
  return x.select(0, -1);
}

// What attention adds: to all steps, or to the last one alone.
at::Tensor attend(const NetShape& shape, Arrays& arrays, const at::Tensor& x, bool last_only) {
  const int64_t steps = x.size(0);
  const int64_t batch = x.size(1);
  const int64_t width = x.size(2);
  const int64_t heads = shape.num_heads;
  const int64_t size = width / heads;
  const at::Tensor seen = arrays.layer_norm(x);
  const at::Tensor& weight = arrays.take();
  const at::Tensor& bias = arrays.take();
  // (steps, batch, width) -> (batch, heads, steps, size)
  const auto split = [&](const at::Tensor& z) {
    return z.reshape({z.size(0), batch, heads, size}).permute({1, 2, 0, 3});
  };
  at::Tensor query;
  at::Tensor key;
  at::Tensor value;
  if (last_only) {
    query =
        split(at::linear(seen.narrow(0, steps - 1, 1), weight.narrow(0, 0, width), bias.narrow(0, 0, width)));
    const auto both =
        at::linear(seen, weight.narrow(0, width, 2 * width), bias.narrow(0, width, 2 * width)).chunk(2, -1);
    key = split(both[0]);
    value = split(both[1]);
  } else {
    const auto all = at::linear(seen, weight, bias).chunk(3, -1);
    query = split(all[0]);
    key = split(all[1]);
    value = split(all[2]);
  }
  const at::Tensor mixed = at::scaled_dot_product_attention(query, key, value, {}, 0.0, !last_only);
  return arrays.linear(mixed.permute({2, 0, 1, 3}).reshape({query.size(2), batch, width}));
}

at::Tensor transformer(const NetShape& shape, Arrays& arrays, at::Tensor x, const DropTensor& drop) {
  const int64_t steps = x.size(0);
  x = arrays.linear(x);
  x = drop(x + arrays.take().unsqueeze(1));
  for (size_t i = 0; i < shape.hidden.size(); ++i) {
    const bool last_only = i + 1 == shape.hidden.size();
    const at::Tensor added = drop(attend(shape, arrays, x, last_only));
    if (last_only) x = x.narrow(0, steps - 1, 1);
    x = x + added;
    const at::Tensor seen = arrays.layer_norm(x);
    const at::Tensor wide = drop(at::gelu(arrays.linear(seen)));
    x = x + drop(arrays.linear(wide));
  }
  return arrays.layer_norm(x.select(0, -1));
}

}  // namespace

at::Tensor torch_forward(const NetShape& shape, const std::vector<at::Tensor>& all, const at::Tensor& input,
                         bool training, const DropTensor& drop) {
  Arrays arrays(all);
  at::Tensor last;
  switch (shape.kind) {
    case NetKind::kMlp:
      last = mlp(shape, arrays, input, training, drop);
      break;
    case NetKind::kCnn:
      last = cnn(shape, arrays, input, training, drop);
      break;
    case NetKind::kTransformer:
      last = transformer(shape, arrays, input, drop);
      break;
    default:
      last = recurrent(shape, arrays, input, training, drop);
  }
  return arrays.linear(last);
}

}  // namespace smctrain::models::neural
