#include "smctrain/models/neural/gan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"
#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/leaky.h"
#include "smctrain/models/neural/nets.h"
#include "smctrain/models/neural/table_distance.h"
#include "smctrain/models/neural/windows.h"

namespace smctrain::models::neural {

namespace {

constexpr int64_t kJudgedRows = 500;
constexpr int64_t kBlock = 256;  // rows made at a time
constexpr float kSlope = 0.2F;

bool finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

// Adam with betas 0.5 and 0.9: a critic that moves each step needs a short memory.
class Adam {
 public:
  explicit Adam(size_t n) : m_(n, 0.0F), v_(n, 0.0F) {}

  void step(std::vector<float>& weights, const std::vector<float>& gradients, double rate) {
    ++steps_;
    const auto t = static_cast<double>(steps_);
    const auto scale = static_cast<float>(rate / (1.0 - std::pow(0.5, t)));
    const auto spread = static_cast<float>(1.0 / (1.0 - std::pow(0.9, t)));
    for (size_t i = 0; i < weights.size(); ++i) {
      const float g = gradients[i];
      m_[i] += 0.5F * (g - m_[i]);
      v_[i] += 0.1F * (g * g - v_[i]);
      weights[i] -= scale * m_[i] / (std::sqrt(v_[i] * spread) + 1e-8F);
    }
  }
  void reset() {
    std::fill(m_.begin(), m_.end(), 0.0F);
    std::fill(v_.begin(), v_.end(), 0.0F);
    steps_ = 0;
  }

 private:
  std::vector<float> m_;
  std::vector<float> v_;
  int64_t steps_ = 0;
};

// Both networks and the gradients of their losses over batches of one size.
class Duel {
 public:
  Duel(const GanShape& shape, int64_t batch)
      : generator(shape.noise + shape.classes, shape.generator, shape.columns, batch),
        critic(shape.columns + shape.classes, shape.critic, 1, 2 * batch),
        generator_gradient(generator.weights.size(), 0.0F),
        critic_gradient(critic.weights.size(), 0.0F),
        shape_(shape),
        batch_(batch),
        wide_(shape.columns + shape.classes),
        pair_(buffer(2 * batch * wide_)),
        between_(buffer(batch * wide_)),
        slope_(buffer(2 * batch * wide_)),
        noise_(buffer(batch * (shape.noise + shape.classes))),
        d_made_(buffer(batch * shape.columns)),
        d_out_(buffer(2 * batch)) {}

  LeakyLayers generator;
  LeakyLayers critic;
  std::vector<float> generator_gradient;
  std::vector<float> critic_gradient;
  double gradient_norm = 0.0;

  // The real row that batch row i is about, its class, and where between real and made the penalty looks.
  float* real(int64_t i) { return pair_.data() + i * wide_; }
  float* noise(int64_t i) { return noise_.data() + i * (shape_.noise + shape_.classes); }
  float* made(int64_t i) { return pair_.data() + (batch_ + i) * wide_; }
  void set_class(int64_t i, int64_t label) {
    const auto one_hot = [&](float* to) {
      std::fill_n(to, shape_.classes, 0.0F);
      to[label] = 1.0F;
    };
    one_hot(real(i) + shape_.columns);
    one_hot(made(i) + shape_.columns);
    one_hot(noise(i) + shape_.noise);
  }

  // From noise to the made half of the pair.
  void make() {
    const float* rows = generator.forward(noise_.data(), batch_);
    for (int64_t i = 0; i < batch_; ++i) std::copy_n(rows + i * shape_.columns, shape_.columns, made(i));
  }

  // mix(i): share of the real row.
  template <class Mix>
  double critic_loss(double penalty, const Mix& mix) {
    std::fill(critic_gradient.begin(), critic_gradient.end(), 0.0F);
    const double share = 1.0 / static_cast<double>(batch_);
    const float* judged = critic.forward(pair_.data(), 2 * batch_);
    double loss = 0.0;
    for (int64_t i = 0; i < batch_; ++i) {
      loss += share * (static_cast<double>(judged[batch_ + i]) - judged[i]);
      d_out_[i] = static_cast<float>(-share);
      d_out_[batch_ + i] = static_cast<float>(share);
    }
    critic.backward(pair_.data(), d_out_.data(), 2 * batch_, &critic_gradient, nullptr);
    for (int64_t i = 0; i < batch_; ++i) {
      const float t = mix(i);
      float* to = between_.data() + i * wide_;
      for (int64_t j = 0; j < wide_; ++j) to[j] = t * real(i)[j] + (1.0F - t) * made(i)[j];
    }
    critic.forward(between_.data(), batch_);
    std::fill_n(d_out_.data(), batch_, 1.0F);
    critic.backward(between_.data(), d_out_.data(), batch_, nullptr, slope_.data());
    gradient_norm = 0.0;
    for (int64_t i = 0; i < batch_; ++i) {
      float* g = slope_.data() + i * wide_;
      double squares = 0.0;
      for (int64_t j = 0; j < shape_.columns; ++j) squares += static_cast<double>(g[j]) * g[j];
      const double length = std::sqrt(squares);
      gradient_norm += share * length;
      const double excess = std::max(0.0, length - 1.0);
      loss += penalty * share * excess * excess;
      const double pull = excess > 0.0 ? 2.0 * penalty * share * excess / length : 0.0;
      for (int64_t j = 0; j < shape_.columns; ++j) g[j] = static_cast<float>(pull * g[j]);
      std::fill_n(g + shape_.columns, shape_.classes, 0.0F);  // the class is given, not judged
    }
    critic.backward_of_gradient(slope_.data(), d_out_.data(), batch_, critic_gradient);
    return loss;
  }

  double generator_loss() {
    std::fill(generator_gradient.begin(), generator_gradient.end(), 0.0F);
    const double share = 1.0 / static_cast<double>(batch_);
    const float* judged = critic.forward(made(0), batch_);
    double loss = 0.0;
    for (int64_t i = 0; i < batch_; ++i) {
      loss -= share * judged[i];
      d_out_[i] = static_cast<float>(-share);
    }
    critic.backward(made(0), d_out_.data(), batch_, nullptr, slope_.data());
    for (int64_t i = 0; i < batch_; ++i)
      std::copy_n(slope_.data() + i * wide_, shape_.columns, d_made_.data() + i * shape_.columns);
    generator.backward(noise_.data(), d_made_.data(), batch_, &generator_gradient, nullptr);
    return loss;
  }

 private:
  const GanShape& shape_;
  int64_t batch_;
  int64_t wide_;             // a row and its class
  std::vector<float> pair_;  // real rows, then made ones
  std::vector<float> between_;
  std::vector<float> slope_;  // gradients of the critic by its input
  std::vector<float> noise_;
  std::vector<float> d_made_;
  std::vector<float> d_out_;
};

class Fit {
 public:
  Fit(const GanInput& input, GanOutput& output)
      : in_(input), out_(output), duel_(checked(input), input.settings.batch_size) {}

  void run(const StopToken& stop, const std::function<void(int64_t, int64_t)>& progress) {
    const TorchThreadScope one_thread;
    const FlushDenormals flush;
    choose_judged();
    Philox initial(in_.seed, "gan/initial");
    Philox draws(in_.seed, "gan/draws");
    duel_.generator.initialise(initial);
    duel_.critic.initialise(initial);
    Adam generator_steps(duel_.generator.weights.size());
    Adam critic_steps(duel_.critic.weights.size());
    Monitor monitor({}, "Step");
    std::vector<float> average = duel_.generator.weights;
    std::vector<float> best = average;
    std::vector<float> sound_generator = average;
    std::vector<float> sound_critic = duel_.critic.weights;
    std::vector<float> sound_average = average;
    const GanSettings& s = in_.settings;
    double rate = s.learning_rate;
    double best_distance = std::numeric_limits<double>::infinity();
    double kept_distance = std::numeric_limits<double>::quiet_NaN();
    int64_t waited = 0;
    int64_t recoveries = 0;
    double critic_loss = 0.0;
    for (int64_t step = 1; step <= s.max_steps; ++step) {
      bool sound = true;
      for (int64_t k = 0; k < s.critic_steps && sound; ++k) {
        draw(draws);
        duel_.make();
        critic_loss =
            duel_.critic_loss(s.penalty, [&](int64_t) { return static_cast<float>(draws.uniform()); });
        sound = std::isfinite(critic_loss) && finite(duel_.critic_gradient);
        if (sound) critic_steps.step(duel_.critic.weights, duel_.critic_gradient, rate);
      }
      double generator_loss = 0.0;
      if (sound) {
        draw(draws);
        duel_.make();
        generator_loss = duel_.generator_loss();
        sound = std::isfinite(generator_loss) && finite(duel_.generator_gradient);
      }
      if (sound) {
        generator_steps.step(duel_.generator.weights, duel_.generator_gradient, rate);
        const double decay =
            std::min(s.averaging, (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step)));
        const auto fresh = static_cast<float>(1.0 - decay);
        for (size_t i = 0; i < average.size(); ++i)
          average[i] += fresh * (duel_.generator.weights[i] - average[i]);
      } else {
        if (recoveries++ >= s.nan_recoveries) {
          monitor.observe({step, std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN(),
                           rate});
          break;
        }
        monitor.note("nan_recovery", step,
                     "the loss is not finite - back to the last sound weights at a quarter of the rate");
        duel_.generator.weights = sound_generator;
        duel_.critic.weights = sound_critic;
        average = sound_average;
        generator_steps.reset();
        critic_steps.reset();
        rate *= 0.25;
        continue;
      }
      const StopReason reason = stop.reason();
      if (reason != StopReason::kNone || step % s.report_every == 0 || step == s.max_steps) {
        const double distance = distance_of(average, stop);
        out_.history.push_back({step, critic_loss, generator_loss, duel_.gradient_norm, distance, rate});
        sound_generator = duel_.generator.weights;
        sound_critic = duel_.critic.weights;
        sound_average = average;
        ++waited;
        // Distances near the best, or such as two samples of one distribution have (about 1 / rows), do not
        // tell generators apart: of these the latest, which has learned longest, is kept.
        if (distance <= std::max(1.5 * best_distance, 3.0 / static_cast<double>(judged_classes_.size()))) {
          best_distance = std::min(best_distance, distance);
          kept_distance = distance;
          best = average;
          out_.best_step = step;
          waited = 0;
        }
        if (progress) progress(step, s.max_steps);
        if (reason != StopReason::kNone) {
          monitor.record_stop(reason, step);
          break;
        }
        if (waited >= s.patience) break;
      }
    }
    out_.best_distance = kept_distance;
    out_.generator = std::move(best);
    out_.alarms = monitor.alarms();
    out_.stop_reason = monitor.stop_reason();
  }

 private:
  static const GanShape& checked(const GanInput& in) {
    require_valid(in.shape.validate());
    require_valid(in.settings.validate());
    if (in.X.cols != in.shape.columns)
      raise("InputError", "X must have ", in.shape.columns, " columns, but has ", in.X.cols, ".");
    for (const auto& part : {in.rows, in.judged}) {
      for (const int64_t row : part) {
        if (row < 0 || row >= in.X.rows)
          raise("InputError", "rows must lie in 0 to ", in.X.rows - 1, ", but one is ", row, ".");
        if (in.y[row] < 0 || in.y[row] >= in.shape.classes) {
          raise("InputError", "y must be a class code from 0 to ", in.shape.classes - 1, ", but is ",
                in.y[row], " in row ", row, ".");
        }
      }
    }
    require_finite(in.X, in.rows, 1);
    require_finite(in.X, in.judged, 1);
    if (in.rows.size() < 10)
      raise("TooFewRows", "a generator needs at least 10 training rows, but there are ", in.rows.size(), ".");
    return in.shape;
  }

  void draw(Philox& draws) {
    const auto n = static_cast<int64_t>(in_.rows.size());
    for (int64_t i = 0; i < in_.settings.batch_size; ++i) {
      const int64_t row = in_.rows[draws.below(n)];
      std::copy_n(in_.X.data + row * in_.X.cols, in_.X.cols, duel_.real(i));
      duel_.set_class(i, in_.y[row]);
      float* noise = duel_.noise(i);
      for (int64_t j = 0; j < in_.shape.noise; ++j) noise[j] = static_cast<float>(draws.normal());
    }
  }

  // A row and its class, so that rows of the wrong class are far away.
  std::vector<float> with_class(const float* rows, int64_t n) const {
    const int64_t wide = in_.shape.columns + in_.shape.classes;
    std::vector<float> result(static_cast<size_t>(n * wide), 0.0F);
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(rows + i * in_.shape.columns, in_.shape.columns, result.data() + i * wide);
      result[i * wide + in_.shape.columns + judged_classes_[i]] = 1.0F;
    }
    return result;
  }

  void choose_judged() {
    const auto from = in_.judged.empty() ? in_.rows : in_.judged;
    const int64_t every = (static_cast<int64_t>(from.size()) + kJudgedRows - 1) / kJudgedRows;
    std::vector<float> rows;
    for (size_t i = 0; i < from.size(); i += static_cast<size_t>(every)) {
      judged_classes_.push_back(in_.y[from[i]]);
      const float* row = in_.X.data + from[i] * in_.X.cols;
      rows.insert(rows.end(), row, row + in_.X.cols);
    }
    const auto n = static_cast<int64_t>(judged_classes_.size());
    judged_ = with_class(rows.data(), n);
    judged_within_ = mean_distance_of_others(view(judged_));
  }

  MatrixView<const float> view(const std::vector<float>& rows) const {
    const int64_t wide = in_.shape.columns + in_.shape.classes;
    return {rows.data(), static_cast<int64_t>(rows.size()) / wide, wide};
  }

  double distance_of(const std::vector<float>& generator, const StopToken& stop) const {
    (void)stop;
    const auto rows =
        made_rows(in_.shape, generator, judged_classes_, in_.seed ^ fnv1a64("gan/judge"), StopToken());
    const auto made = with_class(rows.data(), static_cast<int64_t>(judged_classes_.size()));
    const double between = 2.0 * mean_distance(view(judged_), view(made));
    return between > 0.0 ? (between - judged_within_ - mean_distance_of_others(view(made))) / between : 0.0;
  }

  const GanInput& in_;
  GanOutput& out_;
  Duel duel_;
  std::vector<int32_t> judged_classes_;
  std::vector<float> judged_;
  double judged_within_ = 0.0;
};

void take_weights(std::vector<float>& into, const std::vector<float>& from, const char* name) {
  if (into.size() != from.size()) raise("InputError", "the weights do not fit the ", name, "'s shape.");
  into = from;
}

}  // namespace

std::vector<std::string> GanShape::validate() const {
  std::vector<std::string> errors;
  const auto need = [&errors](bool ok, const char* rule, int64_t value) {
    if (!ok) errors.push_back(format(rule, ", but is ", value));
  };
  need(columns >= 1 && columns <= 1'000'000, "columns must be 1 to 1,000,000", columns);
  need(classes >= 1 && classes <= 10'000, "classes must be 1 to 10,000", classes);
  need(noise >= 1 && noise <= 65'536, "noise must be 1 to 65,536", noise);
  for (const auto* widths : {&generator, &critic}) {
    need(!widths->empty() && widths->size() <= 64, "hidden layers must be 1 to 64",
         static_cast<int64_t>(widths->size()));
    for (const int64_t width : *widths)
      need(width >= 1 && width <= 65'536, "a layer must be 1 to 65,536 wide", width);
  }
  return errors;
}

std::vector<std::string> GanSettings::validate() const {
  std::vector<std::string> errors;
  const auto need = [&errors](bool ok, const char* rule, double value) {
    if (!ok) errors.push_back(format(rule, ", but is ", value));
  };
  need(learning_rate > 0.0 && std::isfinite(learning_rate), "learning_rate must be above 0", learning_rate);
  need(penalty >= 0.0 && std::isfinite(penalty), "penalty must be at least 0", penalty);
  need(averaging >= 0.0 && averaging < 1.0, "averaging must be at least 0 and below 1", averaging);
  const auto at_least = [&need](int64_t value, int64_t least, const char* rule) {
    need(value >= least, rule, static_cast<double>(value));
  };
  at_least(batch_size, 2, "batch_size must be at least 2");
  at_least(critic_steps, 1, "critic_steps must be at least 1");
  at_least(max_steps, 1, "max_steps must be at least 1");
  at_least(report_every, 1, "report_every must be at least 1");
  at_least(patience, 1, "patience must be at least 1");
  at_least(nan_recoveries, 0, "nan_recoveries must be at least 0");
  return errors;
}

NetLayout generator_layout(const GanShape& shape) {
  return leaky_layout(shape.noise + shape.classes, shape.generator, shape.columns);
}

NetLayout critic_layout(const GanShape& shape) {
  return leaky_layout(shape.columns + shape.classes, shape.critic, 1);
}

GanOutput fit_gan(const GanInput& input, const StopToken& stop,
                  const std::function<void(int64_t, int64_t)>& progress) {
  GanOutput output;
  Fit(input, output).run(stop, progress);
  return output;
}

std::vector<float> made_rows(const GanShape& shape, const std::vector<float>& generator,
                             std::span<const int32_t> y, uint64_t seed, const StopToken& stop) {
  require_valid(shape.validate());
  const NetLayout layout = generator_layout(shape);
  if (static_cast<int64_t>(generator.size()) != layout.n_learned)
    raise("InputError", "the weights do not fit the generator's shape.");
  std::vector<std::vector<float>> transposed;  // (in, out) of each layer
  for (size_t k = 0; k < layout.arrays.size(); k += 2) {
    const ArraySpec& spec = layout.arrays[k];
    std::vector<float> weight(static_cast<size_t>(spec.size()));
    for (int64_t o = 0; o < spec.shape[0]; ++o) {
      for (int64_t i = 0; i < spec.shape[1]; ++i)
        weight[i * spec.shape[0] + o] = generator[spec.offset + o * spec.shape[1] + i];
    }
    transposed.push_back(std::move(weight));
  }
  const FlushDenormals flush;
  Philox noise(seed, "gan/sample");
  const auto n = static_cast<int64_t>(y.size());
  std::vector<float> result(static_cast<size_t>(n * shape.columns));
  const int64_t in = shape.noise + shape.classes;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    if (stop.stop_requested()) raise("InputError", "making rows was cancelled.");
    const int64_t size = std::min(kBlock, n - begin);
    std::vector<float> x(static_cast<size_t>(size * in), 0.0F);
    for (int64_t r = 0; r < size; ++r) {
      const int32_t label = y[begin + r];
      if (label < 0 || label >= shape.classes)
        raise("InputError", "y must be a class code from 0 to ", shape.classes - 1, ", but is ", label, ".");
      for (int64_t j = 0; j < shape.noise; ++j) x[r * in + j] = static_cast<float>(noise.normal());
      x[r * in + shape.noise + label] = 1.0F;
    }
    for (size_t k = 0; k < transposed.size(); ++k) {
      const ArraySpec& weight = layout.arrays[2 * k];
      const int64_t out = weight.shape[0];
      std::vector<float> z(static_cast<size_t>(size * out), 0.0F);
      accumulate_product(x.data(), size, weight.shape[1], transposed[k].data(), out, z.data());
      add_bias(z.data(), size, out, generator.data() + layout.arrays[2 * k + 1].offset);
      if (k + 1 < transposed.size()) {
        for (float& value : z) value *= value > 0.0F ? 1.0F : kSlope;
      }
      x = std::move(z);
    }
    std::copy(x.begin(), x.end(), result.begin() + begin * shape.columns);
  }
  return result;
}

GanGradient critic_gradient(const GanShape& shape, double penalty, const std::vector<float>& critic,
                            MatrixView<const float> real, MatrixView<const float> made,
                            std::span<const int32_t> y, std::span<const float> mix) {
  const TorchThreadScope one_thread;
  Duel duel(shape, real.rows);
  take_weights(duel.critic.weights, critic, "critic");
  for (int64_t i = 0; i < real.rows; ++i) {
    std::copy_n(real.data + i * shape.columns, shape.columns, duel.real(i));
    std::copy_n(made.data + i * shape.columns, shape.columns, duel.made(i));
    duel.set_class(i, y[i]);
  }
  GanGradient result;
  result.loss = duel.critic_loss(penalty, [&](int64_t i) { return mix[i]; });
  result.gradient = duel.critic_gradient;
  return result;
}

GanGradient generator_gradient(const GanShape& shape, const std::vector<float>& generator,
                               const std::vector<float>& critic, MatrixView<const float> noise,
                               std::span<const int32_t> y) {
  const TorchThreadScope one_thread;
  Duel duel(shape, noise.rows);
  take_weights(duel.critic.weights, critic, "critic");
  take_weights(duel.generator.weights, generator, "generator");
  for (int64_t i = 0; i < noise.rows; ++i) {
    duel.set_class(i, y[i]);
    std::copy_n(noise.data + i * shape.noise, shape.noise, duel.noise(i));
  }
  duel.make();
  GanGradient result;
  result.loss = duel.generator_loss();
  result.gradient = duel.generator_gradient;
  return result;
}

}  // namespace smctrain::models::neural
