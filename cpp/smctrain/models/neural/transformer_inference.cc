#include "smctrain/models/neural/transformer_inference.h"

#include <algorithm>
#include <cmath>

#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/windows.h"

namespace smctrain::models::neural {

namespace {

constexpr float kNormEpsilon = 1e-5F;
constexpr float kHalfRoot = 0.70710678F;

}  // namespace

// Of one window: (steps, width) unless said otherwise.
struct TransformerInference::Workspace {
  std::vector<float> x;
  std::vector<float> seen;
  std::vector<float> query;
  std::vector<float> key_value;  // (steps, 2 width)
  std::vector<float> mixed;
  std::vector<float> added;
  std::vector<float> wide;  // (steps, feed_forward)
  std::vector<float> scores;
};

TransformerInference::TransformerInference(const NetShape& shape, const NetWeights& weights)
    : shape_(shape), width_(shape.hidden.front()) {
  const NetLayout layout = make_layout(shape);
  size_t next = 0;
  const auto take = [&] {
    const ArraySpec& spec = layout.arrays[next++];
    const auto from = weights.learned.begin() + spec.offset;
    return std::vector<float>(from, from + spec.size());
  };
  // Outputs [begin, end) of a stored (out, in) map.
  const auto part = [](const std::vector<float>& weight, const std::vector<float>& bias, int64_t in,
                       int64_t begin, int64_t end) {
    Affine map{in, end - begin, std::vector<float>(static_cast<size_t>((end - begin) * in)), {}};
    for (int64_t o = begin; o < end; ++o) {
      for (int64_t i = 0; i < in; ++i) map.weight[i * map.out + o - begin] = weight[o * in + i];
    }
    map.bias.assign(bias.begin() + begin, bias.begin() + end);
    return map;
  };
  const auto take_affine = [&](int64_t in, int64_t out) {
    const auto weight = take();
    return part(weight, take(), in, 0, out);
  };
  const auto take_norm = [&] {
    auto weight = take();
    return LayerNorm{std::move(weight), take()};
  };
  embed_ = take_affine(shape.n_features, width_);
  positions_ = take();
  for (size_t i = 0; i < shape.hidden.size(); ++i) {
    Layer layer;
    layer.attention_norm = take_norm();
    const auto weight = take();
    const auto bias = take();
    layer.query = part(weight, bias, width_, 0, width_);
    layer.key_value = part(weight, bias, width_, width_, 3 * width_);
    layer.attention_out = take_affine(width_, width_);
    layer.feed_norm = take_norm();
    layer.up = take_affine(width_, shape.feed_forward);
    layer.down = take_affine(shape.feed_forward, width_);
    layers_.push_back(std::move(layer));
  }
  final_ = take_norm();
  head_ = take_affine(width_, shape.n_outputs());
}

void TransformerInference::apply(const Affine& map, const float* x, int64_t rows, float* y) {
  for (int64_t r = 0; r < rows; ++r) std::copy(map.bias.begin(), map.bias.end(), y + r * map.out);
  accumulate_product(x, rows, map.in, map.weight.data(), map.out, y);
}

void TransformerInference::normalise(const LayerNorm& norm, const float* x, int64_t rows, float* y) const {
  const auto share = 1.0F / static_cast<float>(width_);
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = x + r * width_;
    float* to = y + r * width_;
    float mean = 0.0F;
    for (int64_t j = 0; j < width_; ++j) mean += from[j];
    mean *= share;
    float variance = 0.0F;
    for (int64_t j = 0; j < width_; ++j) variance += (from[j] - mean) * (from[j] - mean);
    const float inverse = 1.0F / std::sqrt(variance * share + kNormEpsilon);
    for (int64_t j = 0; j < width_; ++j) to[j] = (from[j] - mean) * inverse * norm.weight[j] + norm.bias[j];
  }
}

// Steps from `first` on ask, each of itself and the steps before it.
void TransformerInference::attend(int64_t first, Workspace& work) const {
  const int64_t size = width_ / shape_.num_heads;
  const float scale = 1.0F / std::sqrt(static_cast<float>(size));
  float* scores = work.scores.data();
  for (int64_t t = first; t < shape_.lookback; ++t) {
    for (int64_t head = 0; head < shape_.num_heads; ++head) {
      const float* query = work.query.data() + (t - first) * width_ + head * size;
      const float* key = work.key_value.data() + head * size;
      const float* value = key + width_;
      float* mixed = work.mixed.data() + (t - first) * width_ + head * size;
      float largest = -INFINITY;
      for (int64_t s = 0; s <= t; ++s) {
        float product = 0.0F;
        for (int64_t j = 0; j < size; ++j) product += query[j] * key[2 * s * width_ + j];
        scores[s] = product * scale;
        largest = std::max(largest, scores[s]);
      }
      float sum = 0.0F;
      for (int64_t s = 0; s <= t; ++s) sum += scores[s] = std::exp(scores[s] - largest);
      std::fill_n(mixed, size, 0.0F);
      for (int64_t s = 0; s <= t; ++s) {
        const float weight = scores[s] / sum;
        for (int64_t j = 0; j < size; ++j) mixed[j] += weight * value[2 * s * width_ + j];
      }
    }
  }
}

void TransformerInference::run_layer(const Layer& layer, bool last_only, Workspace& work) const {
  const int64_t steps = shape_.lookback;
  const int64_t first = last_only ? steps - 1 : 0;
  const int64_t asked = steps - first;
  float* x = work.x.data() + first * width_;
  normalise(layer.attention_norm, work.x.data(), steps, work.seen.data());
  apply(layer.query, work.seen.data() + first * width_, asked, work.query.data());
  apply(layer.key_value, work.seen.data(), steps, work.key_value.data());
  attend(first, work);
  apply(layer.attention_out, work.mixed.data(), asked, work.added.data());
  add(x, work.added.data(), asked * width_);
  normalise(layer.feed_norm, x, asked, work.seen.data());
  apply(layer.up, work.seen.data(), asked, work.wide.data());
  for (int64_t i = 0; i < asked * shape_.feed_forward; ++i) {
    const float z = work.wide[i];
    work.wide[i] = 0.5F * z * (1.0F + std::erf(z * kHalfRoot));
  }
  apply(layer.down, work.wide.data(), asked, work.added.data());
  add(x, work.added.data(), asked * width_);
}

void TransformerInference::logits(MatrixView<const float> X, std::span<const int64_t> rows,
                                  float* out) const {
  const int64_t steps = shape_.lookback;
  const auto cells = static_cast<size_t>(steps * width_);
  // Embedding of each distinct row of X in the block's windows.
  std::vector<int64_t> used;
  for (const int64_t last : rows) {
    for (int64_t row = last - steps + 1; row <= last; ++row) used.push_back(row);
  }
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());
  const auto n_used = static_cast<int64_t>(used.size());
  std::vector<float> bars(static_cast<size_t>(n_used * shape_.n_features));
  gather_windows(X, used, 1, bars.data());
  std::vector<float> embedded(static_cast<size_t>(n_used * width_));
  apply(embed_, bars.data(), n_used, embedded.data());

  const auto buffer = [](size_t n) { return std::vector<float>(n); };
  Workspace work{buffer(cells),
                 buffer(cells),
                 buffer(cells),
                 buffer(2 * cells),
                 buffer(cells),
                 buffer(cells),
                 buffer(static_cast<size_t>(steps * shape_.feed_forward)),
                 buffer(static_cast<size_t>(steps))};
  std::vector<float> normed(static_cast<size_t>(width_));
  for (size_t r = 0; r < rows.size(); ++r) {
    // A window's rows follow one another in X, hence also among the used ones.
    const auto begin = std::lower_bound(used.begin(), used.end(), rows[r] - steps + 1) - used.begin();
    std::copy_n(embedded.data() + begin * width_, cells, work.x.data());
    add(work.x.data(), positions_.data(), static_cast<int64_t>(cells));
    for (size_t i = 0; i < layers_.size(); ++i) run_layer(layers_[i], i + 1 == layers_.size(), work);
    normalise(final_, work.x.data() + (steps - 1) * width_, 1, normed.data());
    apply(head_, normed.data(), 1, out + static_cast<int64_t>(r) * head_.out);
  }
}

}  // namespace smctrain::models::neural
