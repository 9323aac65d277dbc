#include "smctrain/models/neural/training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"
#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/loss.h"
#include "smctrain/models/neural/nets.h"
#include "smctrain/models/neural/windows.h"

namespace smctrain::models::neural {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kEvaluationBatch = 256;

void check_rows(const FitInput& in, std::span<const int64_t> rows, const char* name) {
  int64_t previous = -1;
  for (const int64_t row : rows) {
    if (row <= previous || row >= in.X.rows) {
      raise("InputError", name, " must be ascending row numbers below ", in.X.rows, ", but holds ", row,
            " after ", previous, ".");
    }
    previous = row;
    if (in.y[row] < 0 || in.y[row] >= in.shape.n_classes) {
      raise("InputError", "y must be a class code from 0 to ", in.shape.n_classes - 1, " in every row of ",
            name, ", but is ", in.y[row], " in row ", row, ".");
    }
    if (!in.weight.empty() && !(in.weight[row] >= 0.0 && std::isfinite(in.weight[row]))) {
      raise("InputError", "weight must be finite and at least 0, but is ", in.weight[row], " in row ", row,
            ".");
    }
  }
}

// Class weights n / (classes present * rows of the class), as scikit-learn's "balanced"; all 1 when not
// balanced.
std::vector<double> class_weights(const FitInput& in, std::span<const int64_t> rows) {
  std::vector<double> counts(static_cast<size_t>(in.shape.n_classes), 0.0);
  for (const int64_t row : rows) counts[in.y[row]] += 1.0;
  const auto present = std::count_if(counts.begin(), counts.end(), [](double count) { return count > 0.0; });
  if (present < 2)
    raise("OneClass", "the ", rows.size(),
          " training rows hold a single class, so there is nothing to learn.");
  std::vector<double> weights(counts.size(), 1.0);
  if (in.settings.balanced) {
    for (size_t c = 0; c < counts.size(); ++c) {
      // A class absent from training keeps weight 1: it can still occur among the stop rows.
      if (counts[c] > 0.0)
        weights[c] = static_cast<double>(rows.size()) / (static_cast<double>(present) * counts[c]);
    }
  }
  return weights;
}

// One fit: data prepared once, then passes over it.
class Fit {
 public:
  Fit(const FitInput& input, FitOutput& output) : in_(input), out_(output) {
    require_valid(in_.shape.validate());
    require_valid(in_.settings.validate());
    if (in_.X.cols != in_.shape.n_features) {
      raise("InputError", "X must have ", in_.shape.n_features, " columns, but has ", in_.X.cols, ".");
    }
    check_rows(in_, in_.rows, "rows");
    check_rows(in_, in_.stop_rows, "stop_rows");
    const auto starts = stretch_starts(in_.segment, in_.X.rows);
    rows_ = full_windows(in_.rows, starts, in_.shape.lookback);
    stop_rows_ = full_windows(in_.stop_rows, starts, in_.shape.lookback);
    out_.left_out = static_cast<int64_t>(in_.rows.size() - rows_.size());
    out_.left_out_stop = static_cast<int64_t>(in_.stop_rows.size() - stop_rows_.size());
    // A row of weight 0 counts as absent.
    const auto weightless = [this](int64_t row) { return !in_.weight.empty() && in_.weight[row] == 0.0; };
    std::erase_if(rows_, weightless);
    std::erase_if(stop_rows_, weightless);
    const char* what = in_.shape.lookback > 1 ? " training rows with a full window" : " training rows";
    if (static_cast<int64_t>(rows_.size()) < kMinRows) {
      raise("TooFewRows", "a network needs at least ", kMinRows, what, ", but there are ", rows_.size(), ".");
    }
    if (stop_rows_.empty() && !in_.stop_rows.empty()) {
      raise("TooFewRows", "early stopping needs at least 1 stop row of weight above 0 with a full window of ",
            in_.shape.lookback, " rows, but none of the ", in_.stop_rows.size(),
            " is: give more stop rows or none.");
    }
    require_finite(in_.X, rows_, in_.shape.lookback);
    require_finite(in_.X, stop_rows_, in_.shape.lookback);
    class_weights_ = class_weights(in_, rows_);
    const int64_t step = (static_cast<int64_t>(rows_.size()) + kAccuracyRows - 1) / kAccuracyRows;
    for (size_t i = 0; i < rows_.size(); i += static_cast<size_t>(step)) accuracy_rows_.push_back(rows_[i]);
    const auto n = static_cast<int64_t>(rows_.size());
    batch_ = std::min(in_.settings.batch_size, n);
    net_ = make_net(in_.shape, std::max(batch_ + 1, kEvaluationBatch));
    m_.assign(net_->gradients().size(), 0.0F);
    v_.assign(net_->gradients().size(), 0.0F);
  }

  void run(const StopToken& stop, const std::function<void(int64_t, int64_t)>& progress) {
    const TorchThreadScope one_thread;
    const FlushDenormals flush;
    Philox initial(in_.seed, "neural/initial");
    Philox order(in_.seed, "neural/order");
    dropout_ = Philox(in_.seed, "neural/dropout");
    net_->initialise(initial);
    NetWeights best = net_->weights;
    Monitor monitor(in_.monitor);
    const bool has_stop_rows = !stop_rows_.empty();
    double best_loss = std::numeric_limits<double>::infinity();
    double rate = in_.settings.learning_rate;
    int64_t waited = 0;
    int64_t waited_for_rate = 0;
    bool interrupted = false;

    for (int64_t epoch = 1; epoch <= in_.settings.max_epochs; ++epoch) {
      shuffle(order);
      const LossSums training = train_epoch(rate, stop);
      StopReason reason = stop.reason();
      LossSums validation;
      LossSums accuracy;
      if (reason == StopReason::kNone && !blown_up_) {
        accuracy = evaluate(accuracy_rows_, stop);
        validation = evaluate(stop_rows_, stop);
        reason = stop.reason();
      }
      if (reason != StopReason::kNone) {
        monitor.record_stop(reason, epoch);
        interrupted = true;
        break;
      }
      StepRecord record{
          epoch, training.loss / training.weight, kNan, accuracy.correct / accuracy.rows, kNan, grad_norm_,
          rate};
      if (has_stop_rows) {
        record.val_loss = validation.loss / validation.weight;
        record.val_accuracy = validation.correct / validation.rows;
      }
      if (blown_up_ || !weights_finite()) record.train_loss = kNan;
      // The monitor reads a NaN validation loss as "there is none"; here it is a failure like infinity.
      if (has_stop_rows && !blown_up_ && std::isnan(record.val_loss))
        record.val_loss = std::numeric_limits<double>::infinity();
      out_.history.push_back(record);
      if (progress) progress(epoch, in_.settings.max_epochs);
      const bool must_stop = monitor.observe(record);
      if (monitor.stop_reason() == "nan_loss") break;

      const bool better = !has_stop_rows || record.val_loss < best_loss - in_.settings.min_delta;
      if (better) {
        best_loss = record.val_loss;
        best = net_->weights;  // a copy: later epochs must not move it
        out_.best_epoch = epoch;
        waited = waited_for_rate = 0;
      } else {
        ++waited;
        if (in_.settings.halve_on_plateau && ++waited_for_rate >= kPlateauEpochs) {
          rate *= 0.5;
          waited_for_rate = 0;
        }
      }
      if (must_stop || waited >= in_.settings.patience) break;
    }
    // Stopped from outside before any epoch was finished: the steps taken so far are all there is.
    const bool keep_current = interrupted && (out_.best_epoch == 0 || !has_stop_rows) && weights_finite();
    out_.weights = keep_current ? net_->weights : std::move(best);
    out_.best_loss = out_.best_epoch > 0 && has_stop_rows ? best_loss : kNan;
    out_.alarms = monitor.alarms();
    out_.stop_reason = monitor.stop_reason();
  }

  LossAndGradient loss_and_gradient(const NetWeights& weights) {
    const TorchThreadScope one_thread;
    net_ = make_net(in_.shape, static_cast<int64_t>(rows_.size()));
    net_->weights = weights;
    LossAndGradient result;
    const LossSums sums = backward(rows_, 0.0);
    result.loss = sums.loss / sums.weight;
    result.gradient = net_->gradients();
    return result;
  }

 private:
  double row_weight(int64_t row) const {
    return class_weights_[in_.y[row]] * (in_.weight.empty() ? 1.0 : in_.weight[row]);
  }

  void shuffle(Philox& order) {
    order_ = rows_;
    for (auto i = static_cast<int64_t>(order_.size()) - 1; i > 0; --i) {
      std::swap(order_[i], order_[order.below(i + 1)]);
    }
  }

  LossSums loss_of(std::span<const int64_t> rows, float* d_logits) const {
    return cross_entropy(
        net_->logits(), static_cast<int64_t>(rows.size()), in_.shape.n_classes, in_.settings.label_smoothing,
        [&](int64_t i) { return static_cast<int64_t>(in_.y[rows[i]]); },
        [&](int64_t i) { return row_weight(rows[i]); }, d_logits);
  }

  LossSums backward(std::span<const int64_t> rows, double dropout) {
    const auto batch = static_cast<int64_t>(rows.size());
    gather_windows(in_.X, rows, in_.shape.lookback, net_->input());
    net_->forward_training(batch, dropout, dropout_);
    const LossSums sums = loss_of(rows, net_->d_logits());
    net_->backward(batch);
    return sums;
  }

  LossSums train_epoch(double rate, const StopToken& stop) {
    LossSums sums;
    grad_norm_ = 0.0;
    const auto n = static_cast<int64_t>(order_.size());
    for (int64_t begin = 0; begin < n;) {
      if (stop.stop_requested()) break;
      int64_t end = std::min(begin + batch_, n);
      if (end == n - 1) end = n;  // batch statistics need two rows: a single last row joins this batch
      const std::span<const int64_t> rows{order_.data() + begin, static_cast<size_t>(end - begin)};
      begin = end;
      const LossSums batch = backward(rows, in_.settings.dropout);
      sums += batch;
      auto& gradients = net_->gradients();
      const auto size = static_cast<int64_t>(gradients.size());
      const double length = norm(gradients.data(), size);
      if (!std::isfinite(batch.loss) || !std::isfinite(length)) {
        blown_up_ = true;
        break;
      }
      grad_norm_ = std::max(grad_norm_, length);
      const double clip = in_.settings.clip_norm;
      adamw(net_->weights.learned.data(), gradients.data(), m_.data(), v_.data(), size, ++out_.n_steps, rate,
            in_.settings.weight_decay, clip > 0.0 && length > clip ? clip / length : 1.0);
    }
    return sums;
  }

  // Loss and accuracy without dropout, in fixed batches.
  LossSums evaluate(std::span<const int64_t> rows, const StopToken& stop) {
    LossSums sums;
    for (size_t begin = 0; begin < rows.size(); begin += static_cast<size_t>(kEvaluationBatch)) {
      if (stop.stop_requested()) break;
      const auto part =
          rows.subspan(begin, std::min<size_t>(static_cast<size_t>(kEvaluationBatch), rows.size() - begin));
      gather_windows(in_.X, part, in_.shape.lookback, net_->input());
      net_->forward_evaluation(static_cast<int64_t>(part.size()));
      sums += loss_of(part, nullptr);
    }
    return sums;
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
  std::vector<double> class_weights_;
  int64_t batch_ = 0;
  std::unique_ptr<Net> net_;
  std::vector<float> m_;
  std::vector<float> v_;
  Philox dropout_{0, uint64_t{0}};
  double grad_norm_ = 0.0;
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
