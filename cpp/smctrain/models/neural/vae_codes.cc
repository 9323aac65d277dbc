#include "smctrain/models/neural/vae_codes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/windows.h"

namespace smctrain::models::neural {

namespace {

constexpr int64_t kBlock = 64;  // rows at a time: activations stay in cache
constexpr float kNormEpsilon = 1e-5F;
constexpr float kLargestLogVariance = 10.0F;

}  // namespace

VaeCodes::VaeCodes(const NetShape& shape, const NetWeights& weights) : shape_(shape) {
  require_valid(shape.validate());
  if (shape.kind != NetKind::kVae) raise("InputError", "kind must be vae.");
  const NetLayout layout = make_layout(shape);
  if (static_cast<int64_t>(weights.learned.size()) != layout.n_learned ||
      static_cast<int64_t>(weights.statistics.size()) != layout.n_statistics) {
    raise("InputError", "the weights do not fit the network's shape.");
  }
  size_t next = 0;
  const auto take = [&]() {
    const ArraySpec& spec = layout.arrays[next++];
    const auto& source = spec.learned ? weights.learned : weights.statistics;
    return std::vector<float>(source.begin() + spec.offset, source.begin() + spec.offset + spec.size());
  };
  const auto linear = [&](int64_t in, int64_t out) {
    Affine layer{in, out, std::vector<float>(static_cast<size_t>(in * out)), {}, {}};
    const auto weight = take();
    for (int64_t o = 0; o < out; ++o) {
      for (int64_t i = 0; i < in; ++i) layer.weight[i * out + o] = weight[o * in + i];
    }
    layer.bias = take();
    return layer;
  };
  const auto block = [&](int64_t in, int64_t out) {
    Affine layer = linear(in, out);
    const auto gamma = take();
    const auto beta = take();
    const auto mean = take();
    const auto variance = take();
    for (size_t j = 0; j < layer.bias.size(); ++j) {
      const float scale = gamma[j] / std::sqrt(variance[j] + kNormEpsilon);
      layer.scale.push_back(scale);
      layer.bias[j] = beta[j] + (layer.bias[j] - mean[j]) * scale;
    }
    return layer;
  };
  int64_t in = shape.n_features;
  for (const int64_t width : shape.hidden) {
    encoder_.push_back(block(in, width));
    in = width;
  }
  encoder_.push_back(linear(in, 2 * shape.latent));
  in = shape.latent;
  for (size_t i = shape.hidden.size(); i-- > 0;) {
    decoder_.push_back(block(in, shape.hidden[i]));
    in = shape.hidden[i];
  }
  decoder_.push_back(linear(in, shape.n_features));
}

std::vector<float> VaeCodes::through(const std::vector<Affine>& layers, std::vector<float> x, int64_t n) {
  for (const Affine& layer : layers) {
    std::vector<float> z(static_cast<size_t>(n * layer.out), 0.0F);
    accumulate_product(x.data(), n, layer.in, layer.weight.data(), layer.out, z.data());
    x.resize(z.size());
    if (layer.scale.empty()) {
      add_bias(z.data(), n, layer.out, layer.bias.data());
      std::swap(x, z);
    } else {
      scale_relu(z.data(), n, layer.out, layer.scale.data(), layer.bias.data(), x.data());
    }
  }
  return x;
}

std::vector<float> VaeCodes::means(const std::vector<float>& codes, int64_t n) const {
  std::vector<float> z(static_cast<size_t>(n * shape_.latent));
  for (int64_t i = 0; i < n; ++i)
    std::copy_n(codes.data() + i * 2 * shape_.latent, shape_.latent, z.data() + i * shape_.latent);
  return z;
}

void VaeCodes::each_block(
    MatrixView<const float> X, std::span<const int64_t> rows, const StopToken& stop,
    const std::function<void(int64_t, const std::vector<float>&, const std::vector<float>&)>& visit) const {
  if (X.cols != shape_.n_features) {
    raise("InputError", "X must have ", shape_.n_features, " columns, as in training, but has ", X.cols, ".");
  }
  for (const int64_t row : rows) {
    if (row < 0 || row >= X.rows)
      raise("InputError", "rows must be row numbers of X (0 to ", X.rows - 1, "), but one is ", row, ".");
  }
  require_finite(X, rows, 1);
  const FlushDenormals flush;
  const auto n = static_cast<int64_t>(rows.size());
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    if (stop.stop_requested()) raise("InputError", "the computation was cancelled.");
    const int64_t size = std::min(kBlock, n - begin);
    std::vector<float> x(static_cast<size_t>(size * X.cols));
    gather_windows(X, rows.subspan(static_cast<size_t>(begin), static_cast<size_t>(size)), 1, x.data());
    std::vector<float> codes = through(encoder_, x, size);
    for (int64_t i = 0; i < size; ++i) {
      float* log_var = codes.data() + i * 2 * shape_.latent + shape_.latent;
      for (int64_t k = 0; k < shape_.latent; ++k)
        log_var[k] = std::clamp(log_var[k], -kLargestLogVariance, kLargestLogVariance);
    }
    visit(begin, x, codes);
  }
}

std::vector<double> VaeCodes::codes(MatrixView<const float> X, std::span<const int64_t> rows,
                                    const StopToken& stop) const {
  std::vector<double> result(rows.size() * static_cast<size_t>(2 * shape_.latent));
  each_block(X, rows, stop, [&](int64_t begin, const std::vector<float>&, const std::vector<float>& codes) {
    std::copy(codes.begin(), codes.end(), result.begin() + begin * 2 * shape_.latent);
  });
  return result;
}

std::vector<double> VaeCodes::reconstruction(MatrixView<const float> X, std::span<const int64_t> rows,
                                             const StopToken& stop) const {
  std::vector<double> result(rows.size() * static_cast<size_t>(shape_.n_features));
  each_block(X, rows, stop, [&](int64_t begin, const std::vector<float>& x, const std::vector<float>& codes) {
    const auto n = static_cast<int64_t>(x.size()) / shape_.n_features;
    const auto again = through(decoder_, means(codes, n), n);
    std::copy(again.begin(), again.end(), result.begin() + begin * shape_.n_features);
  });
  return result;
}

std::vector<double> VaeCodes::losses(MatrixView<const float> X, std::span<const int64_t> rows,
                                     const StopToken& stop) const {
  std::vector<double> result(rows.size() * 2);
  each_block(X, rows, stop, [&](int64_t begin, const std::vector<float>& x, const std::vector<float>& codes) {
    const auto n = static_cast<int64_t>(x.size()) / shape_.n_features;
    const auto again = through(decoder_, means(codes, n), n);
    for (int64_t i = 0; i < n; ++i) {
      double squares = 0.0;
      for (int64_t j = i * shape_.n_features; j < (i + 1) * shape_.n_features; ++j) {
        const double error = static_cast<double>(again[j]) - x[j];
        squares += error * error;
      }
      double kl = 0.0;
      const float* mean = codes.data() + i * 2 * shape_.latent;
      for (int64_t k = 0; k < shape_.latent; ++k) {
        const double m = mean[k];
        const double log_var = mean[shape_.latent + k];
        kl += 0.5 * (m * m + std::exp(log_var) - 1.0 - log_var);
      }
      result[2 * (begin + i)] = 0.5 * squares;
      result[2 * (begin + i) + 1] = kl;
    }
  });
  return result;
}

}  // namespace smctrain::models::neural
