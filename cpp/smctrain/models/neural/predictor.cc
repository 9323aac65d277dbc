#include "smctrain/models/neural/predictor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/matmul.h"
#include "smctrain/models/neural/windows.h"

namespace smctrain::models::neural {

namespace {

constexpr int64_t kBlock = 64;  // rows at a time: activations stay in cache
constexpr float kNormEpsilon = 1e-5F;

// (out, in) -> (in, out)
std::vector<float> transposed(const float* weight, int64_t out, int64_t in) {
  std::vector<float> result(static_cast<size_t>(in * out));
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t i = 0; i < in; ++i) result[i * out + o] = weight[o * in + i];
  }
  return result;
}

// Probabilities of one target, or its number.
void answer(const float* logits, int64_t classes, float bias, double* out) {
  if (classes == 0) {
    // Columns far off their scale may overflow a float on the way: the answer stays a number.
    constexpr float kMost = std::numeric_limits<float>::max();
    *out = std::isnan(*logits) ? bias : std::clamp(*logits, -kMost, kMost);
    return;
  }
  const double largest = *std::max_element(logits, logits + classes);
  double sum = 0.0;
  for (int64_t c = 0; c < classes; ++c) sum += out[c] = std::exp(logits[c] - largest);
  for (int64_t c = 0; c < classes; ++c) out[c] /= sum;
}

void fill_rows(const std::vector<float>& bias, int64_t rows, float* y) {
  for (int64_t r = 0; r < rows; ++r)
    std::copy(bias.begin(), bias.end(), y + r * static_cast<int64_t>(bias.size()));
}

// y (rows, out) += x (rows, in) times w (in, out). Either way a row's numbers do not depend on the rows
// beside it.
void add_product(const float* x, int64_t rows, int64_t in, const float* w, int64_t out, float* y) {
  if (matmul_available()) {
    matmul(Op::kPlain, Op::kPlain, rows, out, in, x, w, Start::kKeep, nullptr, y);
  } else {
    accumulate_product(x, rows, in, w, out, y);
  }
}

}  // namespace

Predictor::Predictor(const NetShape& shape, const NetWeights& weights) : shape_(shape) {
  require_valid(shape.validate());
  const NetLayout layout = make_layout(shape);
  if (static_cast<int64_t>(weights.learned.size()) != layout.n_learned ||
      static_cast<int64_t>(weights.statistics.size()) != layout.n_statistics) {
    raise("InputError", "the weights do not fit the network's shape.");
  }
  if (shape.kind == NetKind::kTransformer) {
    transformer_.emplace(shape, weights);
    head_.bias.assign(weights.learned.end() - shape.n_outputs(),
                      weights.learned.end());  // last of the layout
    return;
  }
  size_t next = 0;
  const auto take = [&]() {
    const ArraySpec& spec = layout.arrays[next++];
    const auto& source = spec.learned ? weights.learned : weights.statistics;
    return std::vector<float>(source.begin() + spec.offset, source.begin() + spec.offset + spec.size());
  };
  const auto fold_norm = [&](Affine& layer) {
    const auto bias = take();
    if (!shape.norm) {
      layer.scale.assign(bias.size(), 1.0F);
      layer.bias = bias;
      return;
    }
    const auto gamma = take();
    const auto beta = take();
    const auto mean = take();
    const auto variance = take();
    for (size_t j = 0; j < bias.size(); ++j) {
      const float scale = gamma[j] / std::sqrt(variance[j] + kNormEpsilon);
      layer.scale.push_back(scale);
      layer.bias.push_back(beta[j] + (bias[j] - mean[j]) * scale);
    }
  };
  int64_t in = shape.n_features;
  for (const int64_t width : shape.hidden) {
    Affine layer;
    layer.in = in;
    if (shape.kind == NetKind::kMlp || shape.kind == NetKind::kVae) {
      layer.out = width;
      layer.weight = transposed(take().data(), width, in);
      fold_norm(layer);
    } else if (shape.kind == NetKind::kCnn) {
      layer.out = width;
      const auto taps = take();
      for (int64_t k = 0; k < shape.kernel_size; ++k) {
        const auto tap = transposed(taps.data() + k * width * in, width, in);
        layer.weight.insert(layer.weight.end(), tap.begin(), tap.end());
      }
      fold_norm(layer);
    } else {
      layer.width = width;
      layer.out = (shape.kind == NetKind::kGru ? 3 : 4) * width;
      layer.weight = transposed(take().data(), layer.out, in);
      layer.recurrent = transposed(take().data(), layer.out, width);
      layer.bias = take();
      if (shape.kind == NetKind::kGru) layer.bias_new = take();
    }
    layers_.push_back(std::move(layer));
    in = width;
  }
  if (shape.kind == NetKind::kVae) {
    take_latent_head(layout, weights, in);
    return;
  }
  head_.in = in;
  head_.out = shape.n_outputs();
  head_.weight = transposed(take().data(), shape.n_outputs(), in);
  head_.bias = take();
}

// The head reads the latent means, and both maps are affine: they become one.
void Predictor::take_latent_head(const NetLayout& layout, const NetWeights& weights, int64_t in) {
  const auto values = [&](std::string_view name) {
    const auto spec = std::find_if(layout.arrays.begin(), layout.arrays.end(),
                                   [name](const ArraySpec& array) { return array.name == name; });
    return weights.learned.data() + spec->offset;
  };
  const float* mean = values("latent.weight");
  const float* mean_bias = values("latent.bias");
  const float* head = values("head.weight");
  head_.in = in;
  head_.out = shape_.n_outputs();
  head_.weight.resize(static_cast<size_t>(in * head_.out));
  for (int64_t c = 0; c < head_.out; ++c) {
    double bias = values("head.bias")[c];
    for (int64_t k = 0; k < shape_.latent; ++k)
      bias += static_cast<double>(head[c * shape_.latent + k]) * mean_bias[k];
    head_.bias.push_back(static_cast<float>(bias));
    for (int64_t i = 0; i < in; ++i) {
      double sum = 0.0;
      for (int64_t k = 0; k < shape_.latent; ++k)
        sum += static_cast<double>(head[c * shape_.latent + k]) * mean[k * in + i];
      head_.weight[i * head_.out + c] = static_cast<float>(sum);
    }
  }
}

void Predictor::mlp_logits(MatrixView<const float> X, std::span<const int64_t> rows, float* logits) const {
  const auto n = static_cast<int64_t>(rows.size());
  std::vector<float> x(static_cast<size_t>(n * shape_.n_features));
  gather_windows(X, rows, 1, x.data());
  for (const Affine& layer : layers_) {
    std::vector<float> z(static_cast<size_t>(n * layer.out), 0.0F);
    add_product(x.data(), n, layer.in, layer.weight.data(), layer.out, z.data());
    x.resize(z.size());
    scale_relu(z.data(), n, layer.out, layer.scale.data(), layer.bias.data(), x.data());
  }
  fill_rows(head_.bias, n, logits);
  add_product(x.data(), n, head_.in, head_.weight.data(), head_.out, logits);
}

void Predictor::cnn_logits(MatrixView<const float> X, std::span<const int64_t> rows, float* logits) const {
  const auto n = static_cast<int64_t>(rows.size());
  const int64_t steps = shape_.lookback;
  std::vector<float> x(static_cast<size_t>(steps * n * shape_.n_features));
  gather_windows(X, rows, steps, x.data());
  int64_t dilation = 1;
  for (const Affine& layer : layers_) {
    std::vector<float> z(static_cast<size_t>(steps * n * layer.out), 0.0F);
    for (int64_t k = 0; k < shape_.kernel_size && k * dilation < steps; ++k) {
      const int64_t shift = k * dilation;
      add_product(x.data(), (steps - shift) * n, layer.in, layer.weight.data() + k * layer.in * layer.out,
                  layer.out, z.data() + shift * n * layer.out);
    }
    x.resize(z.size());
    scale_relu(z.data(), steps * n, layer.out, layer.scale.data(), layer.bias.data(), x.data());
    dilation = std::min(2 * dilation, steps);
  }
  fill_rows(head_.bias, n, logits);
  add_product(x.data() + (steps - 1) * n * head_.in, n, head_.in, head_.weight.data(), head_.out, logits);
}

void Predictor::recurrent_logits(MatrixView<const float> X, std::span<const int64_t> rows,
                                 float* logits) const {
  const auto n = static_cast<int64_t>(rows.size());
  const int64_t steps = shape_.lookback;
  // Input part of layer 0, once for each distinct row of X in the block's windows.
  std::vector<int64_t> used;
  for (const int64_t last : rows) {
    for (int64_t row = last - steps + 1; row <= last; ++row) used.push_back(row);
  }
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());
  const auto n_used = static_cast<int64_t>(used.size());
  std::vector<float> inputs(static_cast<size_t>(n_used * shape_.n_features));
  gather_windows(X, used, 1, inputs.data());
  const Affine& first = layers_.front();
  std::vector<float> shared(static_cast<size_t>(n_used * first.out));
  fill_rows(first.bias, n_used, shared.data());
  add_product(inputs.data(), n_used, first.in, first.weight.data(), first.out, shared.data());

  std::vector<float> below;  // (step, row, hidden) of the layer below
  std::vector<float> h;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Affine& layer = layers_[i];
    const int64_t width = layer.width;
    const auto cells = static_cast<size_t>(n * width);
    const auto all_gates = static_cast<size_t>(n * layer.out);
    const bool gru = shape_.kind == NetKind::kGru;
    std::vector<float> gates(all_gates);
    std::vector<float> c(cells);  // LSTM only
    std::vector<float> next(cells);
    std::vector<float> scratch(cells);
    std::vector<float> product(gru ? all_gates : 0);
    std::vector<float> all(static_cast<size_t>(steps) * cells);
    h.assign(cells, 0.0F);
    for (int64_t t = 0; t < steps; ++t) {
      if (i == 0) {
        for (int64_t r = 0; r < n; ++r) {
          const int64_t row = rows[r] - steps + 1 + t;
          const auto at = std::lower_bound(used.begin(), used.end(), row) - used.begin();
          std::copy_n(shared.data() + at * layer.out, layer.out, gates.data() + r * layer.out);
        }
      } else {
        fill_rows(layer.bias, n, gates.data());
        add_product(below.data() + t * n * layer.in, n, layer.in, layer.weight.data(), layer.out,
                    gates.data());
      }
      if (gru) {
        if (t > 0) {
          std::fill(product.begin(), product.end(), 0.0F);
          add_product(h.data(), n, width, layer.recurrent.data(), layer.out, product.data());
        }
        gru_step(gates.data(), t == 0 ? nullptr : product.data(), layer.bias_new.data(),
                 t == 0 ? nullptr : h.data(), scratch.data(), next.data(), n, width);
        std::swap(h, next);
      } else {
        if (t > 0) add_product(h.data(), n, width, layer.recurrent.data(), layer.out, gates.data());
        lstm_step(gates.data(), t == 0 ? nullptr : c.data(), next.data(), scratch.data(), h.data(), n, width);
        std::swap(c, next);
      }
      std::copy(h.begin(), h.end(), all.begin() + t * static_cast<int64_t>(cells));
    }
    below = std::move(all);
  }
  fill_rows(head_.bias, n, logits);
  add_product(h.data(), n, head_.in, head_.weight.data(), head_.out, logits);
}

std::vector<double> Predictor::predict(MatrixView<const float> X, std::span<const int64_t> rows,
                                       std::span<const int32_t> segment, const StopToken& stop) const {
  if (X.cols != shape_.n_features) {
    raise("InputError", "X must have ", shape_.n_features, " columns, as in training, but has ", X.cols, ".");
  }
  for (const int64_t row : rows) {
    if (row < 0 || row >= X.rows)
      raise("InputError", "rows must be row numbers of X (0 to ", X.rows - 1, "), but one is ", row, ".");
  }
  const FlushDenormals flush;
  const int64_t classes = shape_.n_outputs();
  std::vector<double> result(rows.size() * static_cast<size_t>(classes),
                             std::numeric_limits<double>::quiet_NaN());
  const auto tasks = task_slices(shape_);
  const auto starts = stretch_starts(segment, X.rows);
  std::vector<int64_t> full;
  std::vector<int64_t> place;  // where in the answer
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] - starts[rows[i]] + 1 < shape_.lookback) continue;
    full.push_back(rows[i]);
    place.push_back(static_cast<int64_t>(i));
  }
  require_finite(X, full, shape_.lookback);
  std::vector<float> logits(static_cast<size_t>(kBlock * classes));
  const auto n = static_cast<int64_t>(full.size());
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    if (stop.stop_requested()) raise("InputError", "prediction was cancelled.");
    const int64_t size = std::min(kBlock, n - begin);
    const std::span<const int64_t> block{full.data() + begin, static_cast<size_t>(size)};
    if (shape_.kind == NetKind::kMlp || shape_.kind == NetKind::kVae) {
      mlp_logits(X, block, logits.data());
    } else if (shape_.kind == NetKind::kCnn) {
      cnn_logits(X, block, logits.data());
    } else if (transformer_) {
      transformer_->logits(X, block, logits.data());
    } else {
      recurrent_logits(X, block, logits.data());
    }
    for (int64_t r = 0; r < size; ++r) {
      const float* row = logits.data() + r * classes;
      double* out = result.data() + place[begin + r] * classes;
      if (shape_.multi_task()) {
        for (const TaskSlice& task : tasks)
          answer(row + task.first_output, task.n_classes, head_.bias[task.first_output],
                 out + task.first_output);
      } else {
        answer(row, shape_.n_classes, head_.bias[0], out);
      }
    }
  }
  return result;
}

}  // namespace smctrain::models::neural
