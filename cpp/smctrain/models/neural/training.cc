#include "smctrain/models/neural/training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"
#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/loss.h"
#include "smctrain/models/neural/multi_task.h"
#include "smctrain/models/neural/nets.h"
#include "smctrain/models/neural/objective.h"
#include "smctrain/models/neural/optimiser.h"
#include "smctrain/models/neural/schedule.h"
#include "smctrain/models/neural/temperature.h"
#include "smctrain/models/neural/windows.h"

namespace smctrain::models::neural {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kEvaluationBatch = 256;

// One fit: data prepared once, then passes over it.
class Fit {
 public:
  Fit(const FitInput& input, FitOutput& output) : in_(input), out_(output) {
    require_valid(in_.shape.validate());
    require_valid(in_.settings.validate());
    if (in_.X.cols != in_.shape.n_features) {
      raise("InputError", "X must have ", in_.shape.n_features, " columns, but has ", in_.X.cols, ".");
    }
    check_settings();
    check_rows(in_, in_.rows, "rows");
    check_rows(in_, in_.stop_rows, "stop_rows");
    const auto starts = stretch_starts(in_.segment, in_.X.rows);
    rows_ = full_windows(in_.rows, starts, in_.shape.lookback);
    stop_rows_ = full_windows(in_.stop_rows, starts, in_.shape.lookback);
    if (in_.shape.multi_task()) {
      const auto untargeted = [this](int64_t row) { return !has_target(in_, row); };
      std::erase_if(rows_, untargeted);
      std::erase_if(stop_rows_, untargeted);
      out_.tasks.resize(in_.shape.tasks.size());
    }
    out_.left_out = static_cast<int64_t>(in_.rows.size() - rows_.size());
    out_.left_out_stop = static_cast<int64_t>(in_.stop_rows.size() - stop_rows_.size());
    // A row of weight 0 counts as absent.
    const auto weightless = [this](int64_t row) { return !in_.weight.empty() && in_.weight[row] == 0.0; };
    std::erase_if(rows_, weightless);
    std::erase_if(stop_rows_, weightless);
    if (static_cast<int64_t>(rows_.size()) < kMinRows) {
      const std::string what = in_.shape.lookback > 1 ? format(" training rows with a full window of ",
                                                               in_.shape.lookback, " rows inside one segment")
                               : in_.shape.multi_task() ? std::string(" training rows with a target")
                                                        : std::string(" training rows");
      raise("TooFewRows", "a network needs at least ", kMinRows, what, ", but there are ", rows_.size(), ".");
    }
    if (stop_rows_.empty() && !in_.stop_rows.empty()) {
      if (in_.shape.multi_task())
        raise("TooFewRows",
              "early stopping needs at least 1 stop row of weight above 0 with a target, but none of the ",
              in_.stop_rows.size(), " has one: give more stop rows or none.");
      raise("TooFewRows", "early stopping needs at least 1 stop row of weight above 0 with a full window of ",
            in_.shape.lookback, " rows, but none of the ", in_.stop_rows.size(),
            " is: give more stop rows or none.");
    }
    require_finite(in_.X, rows_, in_.shape.lookback);
    require_finite(in_.X, stop_rows_, in_.shape.lookback);
    objective_.emplace(in_, rows_);
    const int64_t most = in_.settings.accuracy_rows;
    const int64_t step = (static_cast<int64_t>(rows_.size()) + most - 1) / most;
    for (size_t i = 0; i < rows_.size(); i += static_cast<size_t>(step)) accuracy_rows_.push_back(rows_[i]);
    const auto n = static_cast<int64_t>(rows_.size());
    batch_ = std::min(in_.settings.batch_size, n);
    net_ = make_net(in_.shape, std::max(batch_ + 1, kEvaluationBatch), in_.settings.path, in_.settings.cuda);
  }

  void run(const StopToken& stop, const std::function<void(int64_t, int64_t)>& progress) {
    const TorchThreadScope one_thread;
    const FlushDenormals flush;
    Monitor monitor(in_.monitor);
    LearningRate rate(in_.settings);
    Best best;
    bool interrupted = false;
    for (int64_t attempt = 0;; ++attempt) {
      const End end = train(attempt, rate, monitor, best, stop, progress);
      interrupted = end == End::kInterrupted;
      if (end != End::kTooEarly || attempt >= in_.settings.restarts) break;
      monitor.note("restart", last_epoch(), "the best epoch was too early - started anew from other weights");
      monitor.start_anew();
      rate.restart();
    }
    // Stopped before any epoch could count as best: the steps taken so far are all there is.
    const bool keep_current = interrupted && (best.epoch == 0 || stop_rows_.empty()) && weights_finite();
    if (!keep_current) net_->weights = std::move(best.epoch > 0 ? best.weights : sound_);
    out_.best_epoch = best.epoch;
    out_.best_loss = best.epoch > 0 && !stop_rows_.empty() ? best.loss : kNan;
    out_.alarms = monitor.alarms();
    out_.stop_reason = monitor.stop_reason();
    net_->push_weights();
    if (in_.settings.calibrate_temperature && !stop_rows_.empty()) calibrate();
    objective_->scale_head_back(net_->weights, net_->layout());
    out_.weights = std::move(net_->weights);
  }

  LossAndGradient loss_and_gradient(const NetWeights& weights) {
    const TorchThreadScope one_thread;
    net_ = make_net(in_.shape, static_cast<int64_t>(rows_.size()), in_.settings.path, in_.settings.cuda);
    net_->weights = weights;
    net_->push_weights();
    LossAndGradient result;
    dropout_ = Philox(in_.seed, "neural/dropout");
    net_->latent_stream = Philox(in_.seed, "neural/latent");
    const LossSums sums = backward(rows_, in_.settings.dropout, in_.settings.kl_weight);
    net_->pull_gradients();
    result.loss = mean_loss(sums);
    result.gradient = net_->gradients();
    return result;
  }

 private:
  struct Best {
    NetWeights weights;
    double loss = std::numeric_limits<double>::infinity();
    int64_t epoch = 0;
  };
  enum class End { kDone, kTooEarly, kInterrupted };

  void check_settings() const {
    const auto layers = static_cast<int64_t>(in_.shape.hidden.size());
    if (in_.settings.freeze_layers > layers) {
      raise("InputError", "freeze_layers must be at most the ", layers, " layers there are, but is ",
            in_.settings.freeze_layers, ".");
    }
    const auto& visible = in_.settings.visible_from;
    if (!visible.empty() && static_cast<int64_t>(visible.size()) != in_.shape.n_features) {
      raise("InputError", "visible_from must hold an epoch for each of the ", in_.shape.n_features,
            " columns, but holds ", visible.size(), ".");
    }
    if (in_.settings.calibrate_temperature && in_.shape.regression()) {
      raise("InputError", "a temperature calibrates class probabilities, but this is a regression.");
    }
  }

  int64_t last_epoch() const { return static_cast<int64_t>(out_.history.size()); }

  // One attempt: epochs until something ends it. Epochs are numbered over all attempts.
  End train(int64_t attempt, LearningRate& rate, Monitor& monitor, Best& best, const StopToken& stop,
            const std::function<void(int64_t, int64_t)>& progress) {
    const auto stream = [&](const char* purpose) {
      return Philox(in_.seed, attempt == 0 ? std::string(purpose) : format(purpose, "/", attempt));
    };
    Philox initial = stream("neural/initial");
    Philox order = stream("neural/order");
    dropout_ = stream("neural/dropout");
    net_->latent_stream = stream("neural/latent");
    net_->initialise(initial);
    net_->push_weights();
    optimiser_ = net_->make_optimiser(in_.settings);
    sound_ = net_->weights;
    const bool has_stop_rows = !stop_rows_.empty();
    const int64_t first = last_epoch();
    int64_t waited = 0;
    int64_t recoveries = 0;
    int64_t best_here = 0;
    double best_loss_here = std::numeric_limits<double>::infinity();
    bool failed = false;

    for (int64_t epoch = 1; epoch <= in_.settings.max_epochs; ++epoch) {
      begin_epoch(epoch);
      shuffle(order);
      const LossSums training = train_epoch(epoch, rate, stop);
      net_->pull_weights();
      StopReason reason = stop.reason();
      LossSums validation;
      LossSums accuracy;
      if (reason == StopReason::kNone && !blown_up_) {
        accuracy = evaluate(accuracy_rows_, stop);
        validation = evaluate(stop_rows_, stop);
        reason = stop.reason();
      }
      if (reason != StopReason::kNone) {
        monitor.record_stop(reason, first + epoch);
        return End::kInterrupted;
      }
      const StepRecord record = record_of(first + epoch, training, accuracy, validation);
      out_.history.push_back(record);
      out_.columns_visible.push_back(in_.shape.n_features - static_cast<int64_t>(hidden_.size()));
      out_.layers_frozen.push_back(frozen_);
      for (size_t k = 0; k < out_.tasks.size(); ++k) record_task(k, training, accuracy, validation);
      if (is_vae()) out_.vae_history.push_back(vae_record(epoch, training, validation));
      if (progress) progress(epoch, in_.settings.max_epochs);
      const bool sound = std::isfinite(record.train_loss) && !std::isinf(record.val_loss);
      if (!sound && recoveries < in_.settings.nan_recoveries) {
        ++recoveries;
        monitor.note("nan_recovery", record.step,
                     "the loss is not finite - back to the last sound weights at a quarter of the rate");
        net_->weights = sound_;
        net_->push_weights();
        optimiser_->reset();
        rate.slow_down();
        blown_up_ = false;
        continue;
      }
      const bool must_stop = monitor.observe(record);
      if (!sound) {
        failed = true;
        break;
      }
      sound_ = net_->weights;
      if (hidden_.empty()) {
        const bool better = !has_stop_rows || record.val_loss < best_loss_here - in_.settings.min_delta;
        rate.observe(better);
        if (better) {
          best_loss_here = record.val_loss;
          best_here = epoch;
          waited = 0;
          if (!has_stop_rows || best.epoch == 0 || record.val_loss < best.loss) {
            best = {net_->weights, record.val_loss, record.step};  // a copy: later epochs must not move it
          }
        } else if (static_cast<double>(epoch) > kl_warmup()) {
          ++waited;
        }
      }
      if (must_stop || waited >= in_.settings.patience || rate.exhausted()) {
        failed = true;
        break;
      }
    }
    const int64_t counted = best_here - (first_judged() - 1);
    return failed && has_stop_rows && counted <= kTooEarly ? End::kTooEarly : End::kDone;
  }

  // First epoch in which all columns are visible.
  int64_t first_judged() const {
    const auto& visible = in_.settings.visible_from;
    return visible.empty() ? 1 : *std::max_element(visible.begin(), visible.end());
  }

  // What is hidden and frozen in this epoch.
  void begin_epoch(int64_t epoch) {
    hidden_.clear();
    const auto& visible = in_.settings.visible_from;
    for (size_t j = 0; j < visible.size(); ++j) {
      if (epoch < visible[j]) hidden_.push_back(static_cast<int64_t>(j));
    }
    const bool freeze = in_.settings.freeze_after > 0 && epoch > in_.settings.freeze_after;
    frozen_ = freeze ? in_.settings.freeze_layers : 0;
    optimiser_->freeze_before(end_of_layers(net_->layout(), frozen_));
    blown_up_ = false;
  }

  StepRecord record_of(int64_t step, const LossSums& training, const LossSums& accuracy,
                       const LossSums& validation) const {
    const bool classes = !in_.shape.regression() || in_.shape.multi_task();
    StepRecord record{step, mean_loss(training), kNan, kNan, kNan, grad_norm_, rate_};
    if (classes) record.train_accuracy = accuracy.accuracy();
    if (!stop_rows_.empty()) {
      record.val_loss = mean_loss(validation);
      if (classes) record.val_accuracy = validation.accuracy();
    }
    if (blown_up_ || !weights_finite()) record.train_loss = kNan;
    // The monitor reads a NaN validation loss as "there is none"; here it is a failure like infinity.
    if (!stop_rows_.empty() && !blown_up_ && std::isnan(record.val_loss))
      record.val_loss = std::numeric_limits<double>::infinity();
    return record;
  }

  // After an epoch that blew up there is nothing but NaN.
  void record_task(size_t k, const LossSums& training, const LossSums& accuracy, const LossSums& validation) {
    const auto of = [k](const LossSums& sums) { return k < sums.tasks.size() ? sums.tasks[k] : TaskSums{}; };
    TaskHistory& history = out_.tasks[k];
    history.train_loss.push_back(of(training).mean());
    history.val_loss.push_back(of(validation).mean());
    history.train_score.push_back(of(accuracy).score());
    history.val_score.push_back(of(validation).score());
  }

  void shuffle(Philox& order) {
    if (in_.settings.block_rows > 1) return shuffle_blocks(order);
    order_ = rows_;
    for (auto i = static_cast<int64_t>(order_.size()) - 1; i > 0; --i) {
      std::swap(order_[i], order_[order.below(i + 1)]);
    }
  }

  // Runs of neighbouring rows in random order; where the first run ends differs from epoch to epoch.
  void shuffle_blocks(Philox& order) {
    const auto n = static_cast<int64_t>(rows_.size());
    const int64_t length = in_.settings.block_rows;
    std::vector<int64_t> starts{0};
    for (int64_t start = order.below(length) + 1; start < n; start += length) starts.push_back(start);
    std::vector<int64_t> turn(starts.size());
    std::iota(turn.begin(), turn.end(), 0);
    for (auto i = static_cast<int64_t>(turn.size()) - 1; i > 0; --i)
      std::swap(turn[i], turn[order.below(i + 1)]);
    starts.push_back(n);
    order_.clear();
    for (const int64_t block : turn)
      order_.insert(order_.end(), rows_.begin() + starts[block], rows_.begin() + starts[block + 1]);
  }

  // The distinct bars of the batch, in the order in which windows first show them. Returns how many.
  int64_t gather_bars(std::span<const int64_t> rows) {
    bar_place_.resize(static_cast<size_t>(in_.X.rows), -1);
    bars_.clear();
    int32_t* place = net_->places();
    for (int64_t t = 1 - in_.shape.lookback; t <= 0; ++t) {
      for (const int64_t row : rows) {
        int32_t& known = bar_place_[row + t];
        if (known < 0) {
          known = static_cast<int32_t>(bars_.size());
          bars_.push_back(row + t);
        }
        *place++ = known;
      }
    }
    for (const int64_t bar : bars_) bar_place_[bar] = -1;
    gather_windows(in_.X, bars_, 1, net_->input());
    return static_cast<int64_t>(bars_.size());
  }

  // shared: windows are given as places among the distinct bars, where the net can read that.
  void gather(std::span<const int64_t> rows, bool shared) {
    float* input = net_->input();
    int64_t bars = in_.shape.lookback * static_cast<int64_t>(rows.size());
    if (shared && net_->shares_bars()) {
      bars = gather_bars(rows);
      net_->place_bars(bars);
    } else {
      gather_windows(in_.X, rows, in_.shape.lookback, input);
      net_->place_bars(0);
    }
    if (hidden_.empty()) return;
    for (int64_t i = 0; i < bars; ++i) {
      for (const int64_t j : hidden_) input[i * in_.shape.n_features + j] = 0.0F;
    }
  }

  LossSums backward(std::span<const int64_t> rows, double dropout, double kl_weight) {
    const auto batch = static_cast<int64_t>(rows.size());
    gather(rows, in_.settings.block_rows > 1);
    net_->forward_training(batch, dropout, dropout_);
    LossSums sums = objective_->loss(net_->logits(), rows, net_->d_logits());
    const OwnWeights weights{in_.settings.reconstruction_weight, kl_weight};
    if (is_vae()) add_own_loss(rows, &weights, sums);
    net_->backward(batch);
    return sums;
  }

  LossSums train_epoch(int64_t epoch, const LearningRate& rate, const StopToken& stop) {
    LossSums sums;
    grad_norm_ = 0.0;
    const auto n = static_cast<int64_t>(order_.size());
    for (int64_t begin = 0; begin < n;) {
      if (stop.stop_requested()) break;
      int64_t end = std::min(begin + batch_, n);
      if (end == n - 1) end = n;  // batch statistics need two rows: a single last row joins this batch
      const std::span<const int64_t> rows{order_.data() + begin, static_cast<size_t>(end - begin)};
      const double middle = 0.5 * static_cast<double>(begin + end) / static_cast<double>(n);
      rate_ = rate.at(static_cast<double>(epoch - 1) + middle);
      begin = end;
      const LossSums batch =
          backward(rows, in_.settings.dropout, kl_weight_at(static_cast<double>(epoch - 1) + middle));
      sums += batch;
      const double length = optimiser_->length(net_->gradients());
      if (!std::isfinite(batch.loss + batch.reconstruction + batch.kl) || !std::isfinite(length)) {
        blown_up_ = true;
        break;
      }
      grad_norm_ = std::max(grad_norm_, length);
      optimiser_->step(net_->weights.learned, net_->gradients(), length, rate_);
      ++out_.n_steps;
    }
    return sums;
  }

  // Divides the head by the temperature that fits the stop rows best.
  void calibrate() {
    hidden_.clear();
    const auto classes = in_.shape.n_classes;
    std::vector<float> logits;
    std::vector<int32_t> labels;
    std::vector<double> weights;
    for (size_t begin = 0; begin < stop_rows_.size(); begin += static_cast<size_t>(kEvaluationBatch)) {
      const auto size = std::min<size_t>(static_cast<size_t>(kEvaluationBatch), stop_rows_.size() - begin);
      const auto part = std::span<const int64_t>(stop_rows_).subspan(begin, size);
      gather(part, true);
      net_->forward_evaluation(static_cast<int64_t>(size));
      logits.insert(logits.end(), net_->logits(), net_->logits() + static_cast<int64_t>(size) * classes);
      for (const int64_t row : part) {
        labels.push_back(in_.y[row]);
        weights.push_back(objective_->own_weight(row));
      }
    }
    out_.temperature = best_temperature(logits, labels, weights, classes);
    const NetLayout& layout = net_->layout();
    const auto cooler = static_cast<float>(1.0 / out_.temperature);
    const int64_t head = layout.arrays[layout.arrays.size() - 2].offset;
    for (auto w = net_->weights.learned.begin() + head; w != net_->weights.learned.end(); ++w) *w *= cooler;
  }

  // Loss and accuracy without dropout, in fixed batches.
  LossSums evaluate(std::span<const int64_t> rows, const StopToken& stop) {
    LossSums sums;
    for (size_t begin = 0; begin < rows.size(); begin += static_cast<size_t>(kEvaluationBatch)) {
      if (stop.stop_requested()) break;
      const auto part =
          rows.subspan(begin, std::min<size_t>(static_cast<size_t>(kEvaluationBatch), rows.size() - begin));
      gather(part, true);
      net_->forward_evaluation(static_cast<int64_t>(part.size()));
      LossSums batch = objective_->loss(net_->logits(), part, nullptr);
      if (is_vae()) add_own_loss(part, nullptr, batch);
      sums += batch;
    }
    return sums;
  }

  bool is_vae() const { return in_.shape.kind == NetKind::kVae; }
  double kl_warmup() const { return is_vae() ? in_.settings.kl_warmup_epochs : 0.0; }

  double kl_weight_at(double epochs_gone) const {
    const double warmup = in_.settings.kl_warmup_epochs;
    return in_.settings.kl_weight * (warmup > 0.0 ? std::min(1.0, epochs_gone / warmup) : 1.0);
  }

  // Adds what a VAE loses besides its head, and weighs the head's gradient.
  void add_own_loss(std::span<const int64_t> rows, const OwnWeights* gradient_weights, LossSums& sums) {
    own_weights_.clear();
    for (const int64_t row : rows) own_weights_.push_back(objective_->own_weight(row));
    const OwnLoss own = net_->own_loss(own_weights_, gradient_weights);
    sums.reconstruction = own.reconstruction;
    sums.kl = own.kl;
    sums.own_weight = own.weight;
    if (gradient_weights == nullptr) return;
    const auto head = static_cast<float>(in_.settings.head_weight);
    float* d = net_->d_logits();
    const auto n = static_cast<int64_t>(rows.size()) * in_.shape.n_outputs();
    for (int64_t i = 0; i < n; ++i) d[i] *= head;
  }

  // Of a row of weight 1, with the KL part at its full weight.
  double mean_loss(const LossSums& sums) const {
    const double head = sums.mean();
    if (!is_vae()) return head;
    const double own =
        in_.settings.reconstruction_weight * sums.reconstruction + in_.settings.kl_weight * sums.kl;
    return in_.settings.head_weight * head +
           own / (sums.own_weight * static_cast<double>(in_.shape.n_features));
  }

  VaeRecord vae_record(int64_t epoch, const LossSums& training, const LossSums& validation) const {
    const bool stops = !stop_rows_.empty() && !blown_up_;
    return {training.reconstruction / training.own_weight,
            stops ? validation.reconstruction / validation.own_weight : kNan,
            training.kl / training.own_weight,
            stops ? validation.kl / validation.own_weight : kNan,
            training.loss / training.weight,
            stops ? validation.loss / validation.weight : kNan,
            kl_weight_at(static_cast<double>(epoch))};
  }

  bool weights_finite() const {
    const auto all_finite = [](const std::vector<float>& values) {
      return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
    };
    return all_finite(net_->weights.learned) && all_finite(net_->weights.statistics);
  }

  const FitInput& in_;
  FitOutput& out_;
  std::vector<int64_t> rows_;
  std::vector<int64_t> stop_rows_;
  std::vector<int64_t> accuracy_rows_;
  std::vector<int64_t> order_;
  std::vector<int64_t> bars_;       // distinct bars of a batch
  std::vector<int32_t> bar_place_;  // of each row of X among them, -1: not there
  std::vector<int64_t> hidden_;     // columns not visible in this epoch
  int64_t frozen_ = 0;              // layers
  std::optional<Objective> objective_;
  std::unique_ptr<Optimiser> optimiser_;
  int64_t batch_ = 0;
  std::unique_ptr<Net> net_;
  NetWeights sound_;  // of the last epoch whose numbers were finite
  Philox dropout_{0, uint64_t{0}};
  std::vector<double> own_weights_;  // of the rows of a VAE's batch
  double grad_norm_ = 0.0;
  double rate_ = 0.0;  // of the last step
  bool blown_up_ = false;
};

}  // namespace

FitOutput fit_net(const FitInput& input, const StopToken& stop,
                  const std::function<void(int64_t, int64_t)>& progress) {
  FitOutput output;
  Fit(input, output).run(stop, progress);
  return output;
}

LossAndGradient loss_and_gradient(const FitInput& input, const NetWeights& weights) {
  FitOutput unused;
  return Fit(input, unused).loss_and_gradient(weights);
}

}  // namespace smctrain::models::neural
