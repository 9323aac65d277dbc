#include "smctrain/models/neural/meta.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <memory>

#include "smctrain/base/error.h"
#include "smctrain/base/rng.h"
#include "smctrain/models/neural/gemm.h"
#include "smctrain/models/neural/kernels.h"
#include "smctrain/models/neural/loss.h"
#include "smctrain/models/neural/nets.h"
#include "smctrain/models/neural/optimiser.h"
#include "smctrain/models/neural/schedule.h"
#include "smctrain/models/neural/windows.h"

namespace smctrain::models::neural {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

// Rows in range with a label or number and a weight that are.
void check_input(const MetaInput& in) {
  require_valid(in.shape.validate());
  require_valid(in.settings.validate());
  require_valid(in.meta.validate());
  if (in.X.cols != in.shape.n_features)
    raise("InputError", "X must have ", in.shape.n_features, " columns, but has ", in.X.cols, ".");
  int64_t previous = -1;
  for (const int64_t row : in.rows) {
    if (row <= previous || row >= in.X.rows) {
      raise("InputError", "rows must be ascending row numbers below ", in.X.rows, ", but hold ", row,
            " after ", previous, ".");
    }
    previous = row;
    if (in.shape.regression() && !std::isfinite(in.target[row])) {
      raise("InputError", "y must be a finite number in every row of rows, but is ", in.target[row],
            " in row ", row, ".");
    }
    if (!in.shape.regression() && (in.y[row] < 0 || in.y[row] >= in.shape.n_classes)) {
      raise("InputError", "y must be a class code from 0 to ", in.shape.n_classes - 1,
            " in every row of rows, but is ", in.y[row], " in row ", row, ".");
    }
    if (!in.weight.empty() && !(in.weight[row] >= 0.0 && std::isfinite(in.weight[row]))) {
      raise("InputError", "weight must be finite and at least 0, but is ", in.weight[row], " in row ", row,
            ".");
    }
    if (!in.t1.empty() && (in.t1[row] < row || in.t1[row] >= in.X.rows)) {
      raise("InputError", "t1 must be the row at which the label is known, from the row itself to ",
            in.X.rows - 1, ", but is ", in.t1[row], " in row ", row, ".");
    }
  }
}

struct Episode {
  std::span<const int64_t> support;
  std::span<const int64_t> query;
};

struct Symbol {
  int32_t group = 0;
  std::vector<int64_t> rows;
  std::vector<std::pair<int64_t, int64_t>> places;  // first support row, first query row, within rows

  Episode episode(size_t place, const MetaSettings& meta) const {
    const std::span<const int64_t> all(rows);
    const auto [support, query] = places[place];
    return {all.subspan(static_cast<size_t>(support), static_cast<size_t>(meta.support_rows)),
            all.subspan(static_cast<size_t>(query), static_cast<size_t>(meta.query_rows))};
  }
};

// One net that adapts: steps on given rows from given weights.
class Learner {
 public:
  Learner(const MetaInput& input, double mean, double scale, int64_t max_batch)
      : in_(input), mean_(mean), scale_(scale), net_(make_net(input.shape, max_batch)) {}

  Net& net() { return *net_; }

  // dropout: its stream, or null for none.
  LossSums backward(std::span<const int64_t> rows, Philox* dropout) {
    gather_windows(in_.X, rows, 1, net_->input());
    const auto batch = static_cast<int64_t>(rows.size());
    Philox unused(0, uint64_t{0});
    net_->forward_training(batch, dropout == nullptr ? 0.0 : in_.settings.dropout,
                           dropout == nullptr ? unused : *dropout);
    const LossSums sums = loss(rows, net_->d_logits());
    net_->backward(batch);
    return sums;
  }

  LossSums evaluate(std::span<const int64_t> rows) {
    gather_windows(in_.X, rows, 1, net_->input());
    net_->forward_evaluation(static_cast<int64_t>(rows.size()));
    return loss(rows, nullptr);
  }

  void adapt(std::span<const int64_t> rows, int64_t steps, Philox* dropout) {
    for (int64_t step = 0; step < steps; ++step) {
      backward(rows, dropout);
      const auto& gradients = net_->gradients();
      const double length = norm(gradients.data(), static_cast<int64_t>(gradients.size()));
      const double cut = length > kInnerClip ? kInnerClip / length : 1.0;
      const auto rate = static_cast<float>(in_.meta.inner_rate * cut);
      auto& learned = net_->weights.learned;
      for (size_t i = 0; i < learned.size(); ++i) learned[i] -= rate * gradients[i];
    }
  }

 private:
  LossSums loss(std::span<const int64_t> rows, float* d_outputs) const {
    const auto batch = static_cast<int64_t>(rows.size());
    const auto weight = [&](int64_t i) { return in_.weight.empty() ? 1.0 : in_.weight[rows[i]]; };
    if (in_.shape.regression()) {
      return squared_error(
          net_->logits(), batch, in_.settings.regression_loss == RegressionLoss::kHuber,
          [&](int64_t i) { return (in_.target[rows[i]] - mean_) / scale_; }, weight, d_outputs);
    }
    return cross_entropy(
        net_->logits(), batch, in_.shape.n_classes, in_.settings.label_smoothing,
        [&](int64_t i) { return static_cast<int64_t>(in_.y[rows[i]]); }, weight, d_outputs);
  }

  const MetaInput& in_;
  double mean_;
  double scale_;
  std::unique_ptr<Net> net_;
};

class MetaFit {
 public:
  MetaFit(const MetaInput& input, MetaOutput& output) : in_(input), out_(output) {
    check_input(in_);
    group_rows();
    hold_out();
    if (!in_.shape.regression()) check_classes();
    standardise();
    learner_ = std::make_unique<Learner>(in_, out_.target_mean, out_.target_scale,
                                         in_.meta.support_rows + in_.meta.query_rows);
  }

  void run(const StopToken& stop, const std::function<void(int64_t, int64_t)>& progress) {
    const TorchThreadScope one_thread;
    const FlushDenormals flush;
    Net& net = learner_->net();
    Philox initial(in_.seed, "meta/initial");
    net.initialise(initial);
    start_ = net.weights;
    NetWeights best = start_;
    NetWeights sound = start_;
    Optimiser optimiser(in_.settings, net.gradients().size());
    LearningRate rate(in_.settings);
    Monitor monitor(in_.monitor);
    double best_loss = std::numeric_limits<double>::infinity();
    int64_t waited = 0;
    int64_t recoveries = 0;
    bool interrupted = false;
    for (int64_t epoch = 1; epoch <= in_.settings.max_epochs; ++epoch) {
      StepRecord record{epoch, 0.0, kNan, kNan, kNan, 0.0, 0.0};
      const LossSums training = outer_steps(epoch, rate, optimiser, record, stop);
      const auto [before, after] = validate(stop);
      if (stop.stop_requested()) {
        monitor.record_stop(stop.reason(), epoch);
        interrupted = true;
        break;
      }
      record.train_loss = all_finite(start_.learned) ? training.loss / training.weight : kNan;
      if (!in_.shape.regression()) record.train_accuracy = training.correct / training.rows;
      if (!held_out_.empty()) {
        record.val_loss = after.loss / after.weight;
        if (std::isnan(record.val_loss)) record.val_loss = std::numeric_limits<double>::infinity();
        if (!in_.shape.regression()) record.val_accuracy = after.correct / after.rows;
      }
      out_.history.push_back(record);
      out_.val_loss_before.push_back(held_out_.empty() ? kNan : before.loss / before.weight);
      if (progress) progress(epoch, in_.settings.max_epochs);
      const bool is_sound = std::isfinite(record.train_loss) && !std::isinf(record.val_loss);
      if (!is_sound && recoveries < in_.settings.nan_recoveries) {
        ++recoveries;
        monitor.note("nan_recovery", epoch,
                     "the loss is not finite - back to the last sound weights at a quarter of the rate");
        start_ = sound;
        optimiser.reset();
        rate.slow_down();
        continue;
      }
      const bool must_stop = monitor.observe(record);
      if (!is_sound) break;
      sound = start_;
      const bool better = held_out_.empty() || record.val_loss < best_loss - in_.settings.min_delta;
      rate.observe(better);
      if (better) {
        best_loss = record.val_loss;
        best = start_;
        out_.best_epoch = epoch;
        waited = 0;
      } else {
        ++waited;
      }
      if (must_stop || waited >= in_.settings.patience || rate.exhausted()) break;
    }
    const bool keep_current =
        interrupted && (out_.best_epoch == 0 || held_out_.empty()) && all_finite(start_.learned);
    out_.weights = keep_current ? start_ : best;
    if (constant_) answer_nothing_but_the_mean();
    out_.best_loss = out_.best_epoch > 0 && !held_out_.empty() ? best_loss : kNan;
    out_.alarms = monitor.alarms();
    out_.stop_reason = monitor.stop_reason();
  }

 private:
  // Rows of weight above 0 by symbol, and every place where an episode fits.
  void group_rows() {
    std::map<int32_t, std::vector<int64_t>> by_group;
    for (const int64_t row : in_.rows) {
      if (in_.weight.empty() || in_.weight[row] > 0.0) by_group[in_.group[row]].push_back(row);
    }
    for (auto& [group, rows] : by_group) {
      require_finite(in_.X, rows, 1);
      Symbol symbol{group, std::move(rows), {}};
      find_places(symbol);
      if (symbol.places.empty()) {
        out_.too_short.push_back(group);
      } else {
        symbols_.push_back(std::move(symbol));
      }
    }
    if (symbols_.size() < 2) {
      raise("TooFewRows", "meta-learning needs at least 2 symbols with ", in_.meta.support_rows,
            " support and ", in_.meta.query_rows, " query rows behind them, but there are ", symbols_.size(),
            " of ", by_group.size(),
            ": give more symbols or rows, or ask for fewer support_rows and query_rows.");
    }
  }

  // The query starts behind the latest label of the support: a running maximum of t1 over its rows, kept as
  // the rows that may still become it.
  void find_places(Symbol& symbol) const {
    const auto n = static_cast<int64_t>(symbol.rows.size());
    const auto known = [&](int64_t i) { return in_.t1[symbol.rows[static_cast<size_t>(i)]]; };
    std::deque<int64_t> latest;
    for (int64_t last = 0; last < n; ++last) {
      const int64_t first = last - in_.meta.support_rows + 1;
      int64_t query = last + 1;
      if (!in_.t1.empty()) {
        while (!latest.empty() && known(latest.back()) <= known(last)) latest.pop_back();
        latest.push_back(last);
        if (latest.front() < first) latest.pop_front();
        const auto behind =
            std::upper_bound(symbol.rows.begin() + query, symbol.rows.end(), known(latest.front()));
        query = behind - symbol.rows.begin();
      }
      if (first >= 0 && query + in_.meta.query_rows <= n) symbol.places.emplace_back(first, query);
    }
  }

  void hold_out() {
    if (in_.meta.validation_share <= 0.0 || symbols_.size() < 3) return;
    const auto n = static_cast<int64_t>(symbols_.size());
    const auto wanted =
        std::clamp<int64_t>(std::llround(in_.meta.validation_share * static_cast<double>(n)), 1, n - 2);
    Philox stream(in_.seed, "meta/held_out");
    for (int64_t i = 0; i < wanted; ++i) {
      const auto chosen = symbols_.begin() + stream.below(static_cast<int64_t>(symbols_.size()));
      out_.held_out.push_back(chosen->group);
      held_out_.push_back(std::move(*chosen));
      symbols_.erase(chosen);
    }
    std::sort(out_.held_out.begin(), out_.held_out.end());
  }

  void check_classes() const {
    std::vector<char> seen(static_cast<size_t>(in_.shape.n_classes), 0);
    for (const Symbol& symbol : symbols_) {
      for (const int64_t row : symbol.rows) seen[static_cast<size_t>(in_.y[row])] = 1;
    }
    if (std::count(seen.begin(), seen.end(), 1) < 2)
      raise("OneClass", "the training symbols hold a single class, so there is nothing to learn.");
  }

  void standardise() {
    if (!in_.shape.regression()) return;
    double total = 0.0;
    double sum = 0.0;
    const auto each = [&](const auto& use) {
      for (const Symbol& symbol : symbols_) {
        for (const int64_t row : symbol.rows)
          use(in_.weight.empty() ? 1.0 : in_.weight[row], in_.target[row]);
      }
    };
    each([&](double weight, double y) {
      total += weight;
      sum += weight * y;
    });
    out_.target_mean = sum / total;
    double squares = 0.0;
    each([&](double weight, double y) {
      squares += weight * (y - out_.target_mean) * (y - out_.target_mean);
    });
    const double deviation = std::sqrt(squares / total);
    constant_ = deviation == 0.0;
    if (deviation > 0.0 && std::isfinite(deviation)) out_.target_scale = deviation;
  }

  // All targets are equal: so is every answer of the start. An adaptation can still move the head.
  void answer_nothing_but_the_mean() {
    const auto& arrays = learner_->net().layout().arrays;
    for (size_t i = arrays.size() - 2; i < arrays.size(); ++i)
      std::fill_n(out_.weights.learned.begin() + arrays[i].offset, arrays[i].size(), 0.0F);
  }

  LossSums outer_steps(int64_t epoch, const LearningRate& rate, Optimiser& optimiser, StepRecord& record,
                       const StopToken& stop) {
    Net& net = learner_->net();
    LossSums sums;
    std::vector<float> outer(net.gradients().size());
    std::vector<int64_t> both;
    const auto per_episode = static_cast<float>(1.0 / static_cast<double>(in_.meta.meta_batch));
    const auto per_step =
        static_cast<float>(1.0 / (in_.meta.inner_rate * static_cast<double>(in_.meta.inner_steps)));
    for (int64_t step = 0; step < in_.meta.steps_per_epoch; ++step) {
      std::fill(outer.begin(), outer.end(), 0.0F);
      for (int64_t b = 0; b < in_.meta.meta_batch; ++b) {
        if (stop.stop_requested()) return sums;
        const Symbol& symbol =
            symbols_[static_cast<size_t>(draw_.below(static_cast<int64_t>(symbols_.size())))];
        const auto place = draw_.below(static_cast<int64_t>(symbol.places.size()));
        const Episode episode = symbol.episode(static_cast<size_t>(place), in_.meta);
        net.weights = start_;
        if (in_.meta.reptile) {
          both.assign(episode.support.begin(), episode.support.end());
          both.insert(both.end(), episode.query.begin(), episode.query.end());
          learner_->adapt(both, in_.meta.inner_steps, &dropout_);
          sums += learner_->evaluate(episode.query);
          for (size_t i = 0; i < outer.size(); ++i)
            outer[i] += per_episode * per_step * (start_.learned[i] - net.weights.learned[i]);
        } else {
          learner_->adapt(episode.support, in_.meta.inner_steps, &dropout_);
          sums += learner_->backward(episode.query, &dropout_);
          for (size_t i = 0; i < outer.size(); ++i) outer[i] += per_episode * net.gradients()[i];
        }
      }
      const double length = optimiser.length(outer);
      const double done = (static_cast<double>(step) + 0.5) / static_cast<double>(in_.meta.steps_per_epoch);
      record.learning_rate = rate.at(static_cast<double>(epoch - 1) + done);
      record.grad_norm = std::max(record.grad_norm, length);
      if (!std::isfinite(length)) {
        sums.loss = kNan;
        return sums;
      }
      optimiser.step(start_.learned, outer, length, record.learning_rate);
    }
    return sums;
  }

  // Query losses of the held-out symbols: as they start, and adapted.
  std::pair<LossSums, LossSums> validate(const StopToken& stop) {
    Net& net = learner_->net();
    LossSums before;
    LossSums after;
    for (const Symbol& symbol : held_out_) {
      const auto n = static_cast<int64_t>(symbol.places.size());
      const int64_t episodes = std::min(n, kValidationEpisodes);
      for (int64_t i = 0; i < episodes; ++i) {
        if (stop.stop_requested()) return {before, after};
        const int64_t place = episodes == 1 ? 0 : i * (n - 1) / (episodes - 1);
        const Episode episode = symbol.episode(static_cast<size_t>(place), in_.meta);
        net.weights = start_;
        before += learner_->evaluate(episode.query);
        learner_->adapt(episode.support, in_.meta.inner_steps, nullptr);
        after += learner_->evaluate(episode.query);
      }
    }
    return {before, after};
  }

  const MetaInput& in_;
  MetaOutput& out_;
  std::vector<Symbol> symbols_;
  std::vector<Symbol> held_out_;
  bool constant_ = false;  // a regression whose targets are all equal
  std::unique_ptr<Learner> learner_;
  NetWeights start_;
  Philox draw_{in_.seed, "meta/episodes"};
  Philox dropout_{in_.seed, "meta/dropout"};
};

}  // namespace

std::vector<std::string> MetaSettings::validate() const {
  std::vector<std::string> errors;
  const auto need = [&errors](bool ok, const char* rule, double value) {
    if (!ok) errors.push_back(format(rule, ", but is ", value));
  };
  const auto count = [&need](int64_t value, const char* rule) {
    need(value >= 1 && value <= 1'000'000, rule, static_cast<double>(value));
  };
  count(support_rows, "support_rows must be 1 to 1,000,000");
  count(query_rows, "query_rows must be 1 to 1,000,000");
  need(inner_steps >= 0 && inner_steps <= 1'000'000, "inner_steps must be 0 to 1,000,000",
       static_cast<double>(inner_steps));
  need(inner_rate > 0.0 && std::isfinite(inner_rate), "inner_rate must be above 0", inner_rate);
  count(meta_batch, "meta_batch must be 1 to 1,000,000");
  count(steps_per_epoch, "steps_per_epoch must be 1 to 1,000,000");
  need(validation_share >= 0.0 && validation_share < 1.0, "validation_share must be at least 0 and below 1",
       validation_share);
  return errors;
}

MetaOutput fit_meta(const MetaInput& input, const StopToken& stop,
                    const std::function<void(int64_t, int64_t)>& progress) {
  MetaOutput output;
  MetaFit(input, output).run(stop, progress);
  return output;
}

NetWeights adapt(const MetaInput& input, const NetWeights& start, double target_mean, double target_scale,
                 const StopToken& stop) {
  check_input(input);
  if (input.rows.empty()) raise("TooFewRows", "adapting needs at least 1 row, but there is none.");
  require_finite(input.X, input.rows, 1);
  const TorchThreadScope one_thread;
  const FlushDenormals flush;
  Learner learner(input, target_mean, target_scale, static_cast<int64_t>(input.rows.size()));
  learner.net().weights = start;
  for (int64_t step = 0; step < input.meta.inner_steps; ++step) {
    if (stop.stop_requested()) raise("InputError", "adapting was cancelled.");
    learner.adapt(input.rows, 1, nullptr);
  }
  NetWeights result = learner.net().weights;
  if (!all_finite(result.learned))
    raise("InputError", "adapting blew up: ask for a lower learning_rate or fewer steps.");
  if (!input.shape.regression()) return result;
  const auto& arrays = learner.net().layout().arrays;
  const ArraySpec& head = arrays[arrays.size() - 2];
  for (int64_t i = head.offset; i < head.offset + head.size(); ++i)
    result.learned[static_cast<size_t>(i)] *= static_cast<float>(target_scale);
  float& bias = result.learned[static_cast<size_t>(arrays.back().offset)];
  bias = static_cast<float>(bias * target_scale + target_mean);
  return result;
}

}  // namespace smctrain::models::neural
