#include "smctrain/models/boosting/xgboost_trainer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "smctrain/base/error.h"
#include "smctrain/models/boosting/handles.h"
#include "smctrain/models/boosting/xgboost_model.h"

namespace smctrain::models::boosting {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Rows copied out of the shared matrix, in the types XGBoost wants.
struct Sample {
  std::vector<float> X;
  std::vector<float> y;
  std::vector<float> weight;
  int64_t rows() const { return static_cast<int64_t>(y.size()); }
};

template <class T>
std::string array_json(const T* data, const char* type, std::initializer_list<int64_t> shape) {
  std::string text = format("{\"data\":[", reinterpret_cast<uintptr_t>(data), ",true],\"shape\":[");
  const char* separator = "";
  for (const int64_t size : shape) {
    text += separator + std::to_string(size);
    separator = ",";
  }
  return text + "],\"typestr\":\"" + type + "\",\"version\":3}";
}

std::string number(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), error == std::errc() ? end : text.data()};
}

void check_labels(const BoostingTask& task, std::span<const int64_t> rows) {
  for (const int64_t row : rows) {
    const int32_t label = task.y[static_cast<size_t>(row)];
    if (label < 0 || label >= task.n_classes) {
      raise("InputError", "y must lie in 0..", task.n_classes - 1, " in every row used for fitting, but is ",
            label, " in row ", row, ".");
    }
    if (task.weight.empty()) continue;
    const double weight = task.weight[static_cast<size_t>(row)];
    if (!(weight >= 0.0) || std::isinf(weight)) {
      raise("InputError", "weight must be finite and at least 0, but is ", weight, " in row ", row, ".");
    }
  }
}

void check_task(const BoostingTask& task) {
  if (task.n_classes < 2) raise("OneClass", "n_classes must be at least 2, but is ", task.n_classes, ".");
  constexpr int64_t kMostClasses = 10'000;  // one tree per class and round: more would hang, not fail
  if (task.n_classes > kMostClasses) {
    raise("InputError", "n_classes must be at most ", kMostClasses, ", but is ", task.n_classes, ".");
  }
  if (task.X.cols < 1) raise("TooFewColumns", "X has no columns, so there is nothing to learn from.");
  if (static_cast<int64_t>(task.y.size()) != task.X.rows) {
    raise("InputError", "y must have the ", task.X.rows, " entries of X, but has ", task.y.size(), ".");
  }
  if (!task.weight.empty() && static_cast<int64_t>(task.weight.size()) != task.X.rows) {
    raise("InputError", "weight must have the ", task.X.rows, " entries of X, but has ", task.weight.size(),
          ".");
  }
  if (task.threads < 1) raise("InputError", "threads must be at least 1, but is ", task.threads, ".");
  check_rows(task.X, task.rows, task.X.cols, "rows");
  check_rows(task.X, task.stop_rows, task.X.cols, "stop_rows");
  check_labels(task, task.rows);
  check_labels(task, task.stop_rows);
}

double row_weight(const BoostingTask& task, int64_t row) {
  return task.weight.empty() ? 1.0 : task.weight[static_cast<size_t>(row)];
}

// n / (classes present * rows of the class); 1 for every class when not balanced.
std::vector<double> class_weights(const XGBoostSettings& settings, const BoostingTask& task) {
  std::vector<int64_t> counts(static_cast<size_t>(task.n_classes), 0);
  int64_t n = 0;
  for (const int64_t row : task.rows) {
    if (row_weight(task, row) == 0.0) continue;
    ++counts[static_cast<size_t>(task.y[static_cast<size_t>(row)])];
    ++n;
  }
  if (n == 0) raise("TooFewRows", "fitting needs at least 1 row of positive weight, but has 0.");
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

Sample gather(const BoostingTask& task, std::span<const int64_t> rows,
              const std::vector<double>& class_weight) {
  Sample sample;
  sample.X.reserve(rows.size() * static_cast<size_t>(task.X.cols));
  for (const int64_t row : rows) {
    const double own = row_weight(task, row);
    if (own == 0.0) continue;
    const int32_t label = task.y[static_cast<size_t>(row)];
    const auto weight = static_cast<float>(own * class_weight[static_cast<size_t>(label)]);
    if (!std::isfinite(weight) || weight == 0.0F) {
      raise("InputError", "weight must fit into float32, but is ", own, " in row ", row, ".");
    }
    const auto values = task.X.row(row);
    sample.X.insert(sample.X.end(), values.begin(), values.end());
    sample.y.push_back(static_cast<float>(label));
    sample.weight.push_back(weight);
  }
  return sample;
}

DMatrix make_matrix(const XGBoostLibrary& library, const Sample& sample, int64_t columns, int threads) {
  XGBHandle handle = nullptr;
  const std::string data = array_json(sample.X.data(), "<f4", {sample.rows(), columns});
  const std::string config = format("{\"missing\":NaN,\"nthread\":", threads, "}");
  library.check(library.XGDMatrixCreateFromDense(data.c_str(), config.c_str(), &handle),
                "taking in the rows");
  DMatrix matrix(library, handle);
  for (const auto& [field, values] : {std::pair{"label", &sample.y}, std::pair{"weight", &sample.weight}}) {
    const std::string json = array_json(values->data(), "<f4", {sample.rows()});
    library.check(library.XGDMatrixSetInfoFromInterface(matrix.get(), field, json.c_str()),
                  std::string("taking in the ") + field + "s");
  }
  return matrix;
}

void set_parameters(const XGBoostLibrary& library, const Booster& booster, const XGBoostSettings& s,
                    const BoostingTask& task) {
  const auto set = [&](const char* key, const std::string& value) {
    library.check(library.XGBoosterSetParam(booster.get(), key, value.c_str()),
                  std::string("setting ") + key);
  };
  if (task.n_classes == 2) {
    set("objective", "binary:logistic");
    set("eval_metric", "logloss");
    set("eval_metric", "error");
  } else {
    set("objective", "multi:softprob");
    set("num_class", std::to_string(task.n_classes));
    set("eval_metric", "mlogloss");
    set("eval_metric", "merror");
  }
  set("booster", "gbtree");
  set("tree_method", "hist");
  set("device", "cpu");
  set("nthread", std::to_string(task.threads));
  set("seed", std::to_string(task.seed & 0x7fffffffU));
  set("max_depth", std::to_string(s.max_depth));
  set("learning_rate", number(s.learning_rate));
  set("subsample", number(s.subsample));
  set("colsample_bytree", number(s.colsample_bytree));
  set("min_child_weight", number(s.min_child_weight));
  set("reg_alpha", number(s.reg_alpha));
  set("reg_lambda", number(s.reg_lambda));
  set("max_bin", std::to_string(s.max_bin));
}

std::vector<double> normalised(std::vector<double> gains) {
  double sum = 0.0;
  for (const double gain : gains) sum += gain;
  if (sum > 0.0) {
    for (double& gain : gains) gain /= sum;
  }
  return gains;
}

// Rounds before the first leaf that is not finite.
int64_t finite_rounds(const TreeArrays& trees) {
  for (int64_t t = 0; t < trees.n_trees(); ++t) {
    const auto first = trees.value.begin() + trees.tree_offset[static_cast<size_t>(t)];
    const auto last = trees.value.begin() + trees.tree_offset[static_cast<size_t>(t) + 1];
    if (!std::all_of(first, last, [](float value) { return std::isfinite(value); })) return t / trees.width();
  }
  return trees.n_trees() / trees.width();
}

// No round finished: equal probabilities, said openly through `complete` and `stop_reason`.
TreeArrays empty_ensemble(const BoostingTask& task) {
  TreeArrays arrays;
  arrays.n_features = task.X.cols;
  arrays.n_classes = task.n_classes;
  arrays.base_margin.assign(static_cast<size_t>(arrays.width()), 0.0F);
  return arrays;
}

}  // namespace

std::vector<std::string> XGBoostSettings::problems() const {
  std::vector<std::string> found;
  const auto at_least = [&](const char* name, auto value, auto low) {
    if (!(value >= low) || !std::isfinite(static_cast<float>(value))) {
      found.push_back(format(name, " must be at least ", low, ", but is ", value, "."));
    }
  };
  const auto share = [&](const char* name, double value) {
    if (!(value > 0.0 && value <= 1.0)) {
      found.push_back(format(name, " must be above 0 and at most 1, but is ", value, "."));
    }
  };
  at_least("n_estimators", n_estimators, int64_t{1});
  if (max_depth < 1 || max_depth > 30)
    found.push_back(format("max_depth must lie in 1..30, but is ", max_depth, "."));
  if (!(learning_rate > 0.0) || !std::isfinite(static_cast<float>(learning_rate))) {
    found.push_back(format("learning_rate must be above 0 and finite, but is ", learning_rate, "."));
  }
  share("subsample", subsample);
  share("colsample_bytree", colsample_bytree);
  at_least("min_child_weight", min_child_weight, 0.0);
  at_least("reg_alpha", reg_alpha, 0.0);
  at_least("reg_lambda", reg_lambda, 0.0);
  if (early_stopping_rounds < 0) {
    found.push_back(format("early_stopping_rounds must be at least 1, or None for none, but is ",
                           early_stopping_rounds, "."));
  }
  if (max_bin < 2 || max_bin > 65535)
    found.push_back(format("max_bin must lie in 2..65535, but is ", max_bin, "."));
  return found;
}

void XGBoostSettings::validate() const {
  std::string text;
  for (const std::string& sentence : problems()) text += (text.empty() ? "" : " ") + sentence;
  if (!text.empty()) raise("InputError", text);
}

std::vector<double> parse_evaluation(std::string_view line) {
  std::vector<double> values;
  for (size_t tab = line.find('\t'); tab != std::string_view::npos; tab = line.find('\t', tab + 1)) {
    const std::string_view entry = line.substr(tab + 1, line.find('\t', tab + 1) - tab - 1);
    const size_t colon = entry.rfind(':');
    double value = kNaN;
    const char* const end = entry.data() + entry.size();
    if (colon == std::string_view::npos || std::from_chars(entry.data() + colon + 1, end, value).ptr != end) {
      raise("NativeLibraryError", "XGBoost's evaluation '", line, "' cannot be read.");
    }
    values.push_back(value);
  }
  return values;
}

BoostingFit fit_xgboost(const XGBoostLibrary& library, const XGBoostSettings& settings,
                        const BoostingTask& task, const StopToken& stop,
                        const std::function<void(int64_t, int64_t)>& progress) {
  settings.validate();
  check_task(task);
  const std::vector<double> class_weight = class_weights(settings, task);

  library.quiet();
  const int64_t columns = task.X.cols;
  std::vector<DMatrix> matrices;
  {
    // The library keeps its own copy; ours goes as soon as it has one.
    const Sample train = gather(task, task.rows, class_weight);
    matrices.push_back(make_matrix(library, train, columns, task.threads));
  }
  if (!task.stop_rows.empty()) {
    const Sample held_out = gather(task, task.stop_rows, class_weight);
    if (held_out.rows() > 0) matrices.push_back(make_matrix(library, held_out, columns, task.threads));
  }
  const bool has_validation = matrices.size() == 2;
  const bool early_stopping = has_validation && settings.early_stopping_rounds > 0;

  // Both matrices are announced: the booster then keeps their margins and evaluation costs no prediction.
  std::array<XGBHandle, 2> handles{matrices[0].get(), has_validation ? matrices[1].get() : nullptr};
  std::array<const char*, 2> names{"train", "valid"};
  XGBHandle raw_booster = nullptr;
  library.check(library.XGBoosterCreate(handles.data(), matrices.size(), &raw_booster), "making a booster");
  const Booster booster(library, raw_booster);
  set_parameters(library, booster, settings, task);

  Monitor monitor(MonitorSettings{}, "Round");
  std::vector<StepRecord> history;
  int64_t best_round = 0;
  double best_loss = std::numeric_limits<double>::infinity();
  bool complete = true;
  for (int64_t round = 1; round <= settings.n_estimators; ++round) {
    if (const StopReason reason = stop.reason(); reason != StopReason::kNone) {
      monitor.record_stop(reason, round - 1);
      complete = false;
      break;
    }
    const auto index = static_cast<int>(round - 1);
    const auto what = [&] { return format("training round ", round); };
    library.check(library.XGBoosterUpdateOneIter(booster.get(), index, matrices[0].get()), what());
    const char* line = nullptr;
    library.check(library.XGBoosterEvalOneIter(booster.get(), index, handles.data(), names.data(),
                                               matrices.size(), &line),
                  what());
    const std::vector<double> values = parse_evaluation(line);
    if (values.size() != 2 * matrices.size()) {
      raise("NativeLibraryError", "XGBoost's evaluation '", line, "' lacks values.");
    }
    const StepRecord record{round,
                            values[0],
                            has_validation ? values[2] : kNaN,
                            1.0 - values[1],
                            has_validation ? 1.0 - values[3] : kNaN,
                            kNaN,
                            settings.learning_rate};
    history.push_back(record);
    // NaN means "no validation" to the monitor, so that a validation loss that is NaN is shown to it as
    // infinite.
    StepRecord shown = record;
    if (has_validation && std::isnan(record.val_loss))
      shown.val_loss = std::numeric_limits<double>::infinity();
    const bool must_stop = monitor.observe(shown);
    const bool finite =
        std::isfinite(record.train_loss) && (!has_validation || std::isfinite(record.val_loss));
    if (early_stopping) {
      if (finite && record.val_loss < best_loss) {
        best_loss = record.val_loss;
        best_round = round;
      }
    } else if (finite) {
      best_round = round;
    }
    if (progress) progress(round, settings.n_estimators);
    if (must_stop || (early_stopping && round - best_round >= settings.early_stopping_rounds)) break;
  }

  TreeArrays arrays = empty_ensemble(task);
  std::vector<double> gain(static_cast<size_t>(columns), 0.0);
  if (best_round > 0) {
    XGBLength length = 0;
    const char* buffer = nullptr;
    library.check(library.XGBoosterSaveModelToBuffer(booster.get(), "{\"format\":\"ubj\"}", &length, &buffer),
                  "handing out the model");
    ParsedModel model = read_xgboost_model({buffer, length}, columns, task.n_classes, best_round);
    // A leaf can overflow while the loss, which clips probabilities, still looks finite.
    if (const int64_t sound = finite_rounds(model.trees); sound < best_round) {
      StepRecord overflow = history[static_cast<size_t>(sound)];
      overflow.train_loss = std::numeric_limits<double>::infinity();
      if (monitor.stop_reason() != "nan_loss") monitor.observe(overflow);
      best_round = sound;
      model = read_xgboost_model({buffer, length}, columns, task.n_classes, best_round);
    }
    arrays = std::move(model.trees);
    gain = normalised(std::move(model.total_gain));
  }
  return {TreeEnsemble(std::move(arrays), "NativeLibraryError"),
          std::move(gain),
          std::move(history),
          monitor.alarms(),
          monitor.stop_reason(),
          complete,
          best_round};
}

}  // namespace smctrain::models::boosting
