#include "smctrain/models/boosting/boosting_task.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "smctrain/base/error.h"
#include "smctrain/models/boosting/matrix_cache.h"

namespace smctrain::models::boosting {

namespace {

constexpr int64_t kMostClasses = 10'000;  // one tree per class and round: more would hang, not fail

double row_weight(const BoostingTask& task, int64_t row) {
  return task.weight.empty() ? 1.0 : task.weight[static_cast<size_t>(row)];
}

void check_labels(const BoostingTask& task, std::span<const int64_t> rows) {
  for (const int64_t row : rows) {
    if (!task.weight.empty()) {
      const double weight = task.weight[static_cast<size_t>(row)];
      if (!(weight >= 0.0) || std::isinf(weight)) {
        raise("InputError", "weight must be finite and at least 0, but is ", weight, " in row ", row, ".");
      }
      if (weight == 0.0 && task.n_classes == 0) continue;
    }
    if (task.n_classes == 0) {
      const double value = task.target[static_cast<size_t>(row)];
      if (!std::isfinite(static_cast<float>(value))) {
        raise("InputError", "y must be finite and fit into float32 in every row used for fitting, but is ",
              value, " in row ", row, ".");
      }
      continue;
    }
    const int32_t label = task.y[static_cast<size_t>(row)];
    if (label < 0 || label >= task.n_classes) {
      raise("InputError", "y must lie in 0..", task.n_classes - 1, " in every row used for fitting, but is ",
            label, " in row ", row, ".");
    }
  }
}

void check_init(const RoundSettings& settings, const BoostingTask& task) {
  if (task.init == nullptr) return;
  const TreeArrays& init = task.init->arrays();
  const int64_t width = width_of(settings, task);
  if (init.n_features != task.X.cols || init.n_classes != task.n_classes || init.width() != width) {
    raise("InputError", "init_model must be a model of ", task.X.cols, " columns, ", task.n_classes,
          " classes (0: regression) and ", width, " margins, but has ", init.n_features, ", ", init.n_classes,
          " and ", init.width(), ".");
  }
}

}  // namespace

Metric metric_of(const std::string& name) {
  if (name.empty() || name == "log_loss") return Metric::kLoss;
  if (name == "accuracy") return Metric::kAccuracy;
  if (name == "balanced_accuracy") return Metric::kBalancedAccuracy;
  if (name == "mse") return Metric::kMse;
  if (name == "mae") return Metric::kMae;
  if (name == "pinball") return Metric::kPinball;
  raise("InputError", "there is no metric '", name, "'.");
}

void RoundSettings::add_problems(std::vector<std::string>& found) const {
  if (n_estimators < 1)
    found.push_back(format("n_estimators must be at least 1, but is ", n_estimators, "."));
  if (!(learning_rate > 0.0) || !std::isfinite(static_cast<float>(learning_rate))) {
    found.push_back(format("learning_rate must be above 0 and finite, but is ", learning_rate, "."));
  }
  if (early_stopping_rounds < 0) {
    found.push_back(format("early_stopping_rounds must be at least 1, or None for none, but is ",
                           early_stopping_rounds, "."));
  }
  if (!(min_delta >= 0.0) || std::isinf(min_delta)) {
    found.push_back(format("min_delta must be at least 0, but is ", min_delta, "."));
  }
  const bool is_classes = loss == Loss::kClasses;
  const std::vector<std::string> known =
      is_classes                ? std::vector<std::string>{"log_loss", "accuracy", "balanced_accuracy"}
      : loss == Loss::kQuantile ? std::vector<std::string>{"pinball", "mse", "mae"}
                                : std::vector<std::string>{"mse", "mae"};
  // Squared error of several quantiles would judge each of them as if it were the mean.
  if (!eval_metric.empty() && std::find(known.begin(), known.end(), eval_metric) == known.end()) {
    std::string names;
    for (const std::string& name : known) names += (names.empty() ? "'" : ", '") + name + "'";
    found.push_back(format("eval_metric must be one of ", names, " here, but is '", eval_metric, "'."));
  } else if (loss == Loss::kQuantile && quantiles.size() > 1 && !eval_metric.empty() &&
             eval_metric != "pinball") {
    found.push_back(
        format("eval_metric must be 'pinball' for several quantiles, but is '", eval_metric, "'."));
  }
  if (!(slope > 0.0) || std::isinf(slope)) {
    found.push_back(format("the slope of Huber's loss must be above 0, but is ", slope, "."));
  }
  if (loss == Loss::kQuantile && quantiles.empty()) found.push_back("there must be at least 1 quantile.");
  if (quantiles.size() > 1000) {
    found.push_back(format("there may be at most 1000 quantiles, but there are ", quantiles.size(), "."));
  }
  double before = 0.0;
  for (const double quantile : quantiles) {
    if (!(quantile > 0.0 && quantile < 1.0)) {
      found.push_back(format("a quantile must lie between 0 and 1, but is ", quantile, "."));
    } else if (!(quantile > before)) {
      found.push_back(format("quantiles must ascend, but ", quantile, " follows ", before, "."));
    }
    before = quantile;
  }
}

bool Sample::is_weighted() const {
  return std::any_of(weight.begin(), weight.end(), [](float w) { return w != 1.0F; });
}

uint64_t seed_of(const BoostingTask& task) {
  const int64_t before = task.init == nullptr ? 0 : task.init->n_rounds();
  return (task.seed + static_cast<uint64_t>(before)) & 0x7fffffffU;
}

int64_t width_of(const RoundSettings& settings, const BoostingTask& task) {
  if (task.n_classes == 0) return std::max<int64_t>(1, static_cast<int64_t>(settings.quantiles.size()));
  return task.n_classes == 2 ? 1 : task.n_classes;
}

void check_task(const RoundSettings& settings, const BoostingTask& task, const StopToken& stop) {
  if ((settings.loss == Loss::kClasses) != (task.n_classes != 0)) {
    raise("InputError", "n_classes must be ", settings.loss == Loss::kClasses ? "at least 2" : "0",
          " with this objective, but is ", task.n_classes, ".");
  }
  if (task.n_classes != 0 && task.n_classes < 2) {
    raise("OneClass", "n_classes must be at least 2, but is ", task.n_classes, ".");
  }
  if (task.n_classes > kMostClasses) {
    raise("InputError", "n_classes must be at most ", kMostClasses, ", but is ", task.n_classes, ".");
  }
  if (task.X.cols < 1) raise("TooFewColumns", "X has no columns, so there is nothing to learn from.");
  const auto labels = static_cast<int64_t>(task.n_classes == 0 ? task.target.size() : task.y.size());
  if (labels != task.X.rows) {
    raise("InputError", "y must have the ", task.X.rows, " entries of X, but has ", labels, ".");
  }
  if (!task.weight.empty() && static_cast<int64_t>(task.weight.size()) != task.X.rows) {
    raise("InputError", "weight must have the ", task.X.rows, " entries of X, but has ", task.weight.size(),
          ".");
  }
  if (task.threads < 1) raise("InputError", "threads must be at least 1, but is ", task.threads, ".");
  const auto check_in_blocks = [&](std::span<const int64_t> rows, const char* name) {
    constexpr size_t kBlock = 4096;
    for (size_t first = 0; first < rows.size(); first += kBlock) {
      if (stop.stop_requested()) return;  // the fit ends before anything reads the rows
      check_rows(task.X, rows.subspan(first, std::min(kBlock, rows.size() - first)), task.X.cols, name);
    }
  };
  check_in_blocks(task.rows, "rows");
  check_in_blocks(task.stop_rows, "stop_rows");
  if (task.matrices != nullptr) task.matrices->check(task.X);
  check_labels(task, task.rows);
  check_labels(task, task.stop_rows);
  check_init(settings, task);
}

std::vector<double> class_weights(const RoundSettings& settings, const BoostingTask& task) {
  std::vector<int64_t> counts(static_cast<size_t>(task.n_classes), 0);
  int64_t n = 0;
  for (const int64_t row : task.rows) {
    if (row_weight(task, row) == 0.0) continue;
    if (task.n_classes > 0) ++counts[static_cast<size_t>(task.y[static_cast<size_t>(row)])];
    ++n;
  }
  if (n == 0) raise("TooFewRows", "fitting needs at least 1 row of positive weight, but has 0.");
  if (task.n_classes == 0) return {};
  const auto present = std::count_if(counts.begin(), counts.end(), [](int64_t c) { return c > 0; });
  if (present < 2) {
    raise("OneClass", "the ", n, " training rows hold a single class, so there is nothing to learn.");
  }
  std::vector<double> weights(counts.size(), 1.0);
  if (!settings.balanced) return weights;
  for (size_t c = 0; c < counts.size(); ++c) {
    // A class without training rows may still appear among the stop rows: it weighs what an average one does.
    if (counts[c] > 0) {
      weights[c] = static_cast<double>(n) / (static_cast<double>(present) * static_cast<double>(counts[c]));
    }
  }
  return weights;
}

Sample gather_labels(const BoostingTask& task, std::span<const int64_t> rows,
                     const std::vector<double>& class_weight) {
  Sample sample;
  for (const int64_t row : rows) {
    const double own = row_weight(task, row);
    if (own == 0.0) continue;
    double of_class = 1.0;
    if (task.n_classes > 0) {
      const int32_t label = task.y[static_cast<size_t>(row)];
      of_class = class_weight[static_cast<size_t>(label)];
      sample.y.push_back(static_cast<float>(label));
    } else {
      sample.y.push_back(static_cast<float>(task.target[static_cast<size_t>(row)]));
    }
    const auto weight = static_cast<float>(own * of_class);
    if (!std::isfinite(weight) || weight == 0.0F) {
      raise("InputError", "weight must fit into float32, but is ", own, " in row ", row, ".");
    }
    sample.weight.push_back(weight);
    sample.from.push_back(row);
  }
  return sample;
}

void gather_values(const BoostingTask& task, const Sample& sample, int64_t first, int64_t last,
                   std::vector<float>& out) {
  const auto columns = static_cast<size_t>(task.X.cols);
  out.resize(static_cast<size_t>(last - first) * columns);
  for (int64_t i = first; i < last; ++i) {
    const auto values = task.X.row(sample.from[static_cast<size_t>(i)]);
    std::copy(values.begin(), values.end(), out.begin() + (i - first) * task.X.cols);
  }
}

void gather_margins(const BoostingTask& task, Sample& sample, const StopToken& stop) {
  if (task.init != nullptr) sample.margin = task.init->margins(task.X, sample.from, stop);
}

void gather_all_values(const BoostingTask& task, Sample& sample, const StopToken& stop) {
  constexpr int64_t kBlock = 1 << 20;
  const int64_t step = std::max<int64_t>(1, kBlock / task.X.cols);
  sample.X.reserve(static_cast<size_t>(sample.rows() * task.X.cols));
  std::vector<float> block;
  for (int64_t first = 0; first < sample.rows(); first += step) {
    poll(stop);
    gather_values(task, sample, first, std::min(sample.rows(), first + step), block);
    sample.X.insert(sample.X.end(), block.begin(), block.end());
  }
}

void weighted_gradient(const BoostingTask& task, const Sample& sample, std::span<const float> margins,
                       int64_t width, std::vector<float>& gradient, std::vector<float>& curvature) {
  task.gradient(sample.y, margins, width, gradient, curvature);
  const auto w = static_cast<size_t>(width);
  if (gradient.size() != margins.size() || curvature.size() != margins.size()) {
    raise("InputError", "the objective must return gradient and curvature of ", sample.rows(), " x ", width,
          " values, but returned ", gradient.size(), " and ", curvature.size(), ".");
  }
  for (size_t i = 0; i < gradient.size(); ++i) {
    if (!std::isfinite(gradient[i]) || !std::isfinite(curvature[i])) {
      raise("InputError", "the objective must return finite values, but the gradient is ", gradient[i],
            " and the curvature ", curvature[i], " in training row ", i / w, ".");
    }
    gradient[i] *= sample.weight[i / w];
    curvature[i] *= sample.weight[i / w];
  }
}

std::string number(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), error == std::errc() ? end : text.data()};
}

}  // namespace smctrain::models::boosting
