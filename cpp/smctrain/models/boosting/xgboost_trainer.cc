#include "smctrain/models/boosting/xgboost_trainer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "smctrain/base/error.h"
#include "smctrain/models/boosting/handles.h"
#include "smctrain/models/boosting/round_metrics.h"
#include "smctrain/models/boosting/xgboost_model.h"

namespace smctrain::models::boosting {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

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

DMatrix make_matrix(const XGBoostLibrary& library, const Sample& sample, int64_t columns, int64_t width,
                    int threads) {
  XGBHandle handle = nullptr;
  const std::string data = array_json(sample.X.data(), "<f4", {sample.rows(), columns});
  const std::string config = format("{\"missing\":NaN,\"nthread\":", threads, "}");
  library.check(library.XGDMatrixCreateFromDense(data.c_str(), config.c_str(), &handle),
                "taking in the rows");
  DMatrix matrix(library, handle);
  const auto set = [&](const char* field, const std::string& json) {
    library.check(library.XGDMatrixSetInfoFromInterface(matrix.get(), field, json.c_str()),
                  std::string("taking in the ") + field + "s");
  };
  set("label", array_json(sample.y.data(), "<f4", {sample.rows()}));
  if (sample.is_weighted()) set("weight", array_json(sample.weight.data(), "<f4", {sample.rows()}));
  if (!sample.margin.empty()) {
    const std::vector<float> margin(sample.margin.begin(), sample.margin.end());
    set("base_margin", array_json(margin.data(), "<f4", {sample.rows(), width}));
  }
  return matrix;
}

struct Objective {
  const char* objective;
  std::vector<const char*> metrics;
};

Objective objective_of(const XGBoostSettings& settings, const BoostingTask& task) {
  switch (settings.loss) {
    case Loss::kSquared:
      return {"reg:squarederror", {"rmse"}};
    case Loss::kAbsolute:
      return {"reg:absoluteerror", {"mae"}};
    case Loss::kPseudoHuber:
      return {"reg:pseudohubererror", {"mphe"}};
    case Loss::kQuantile:
      return {"reg:quantileerror", {"quantile"}};
    case Loss::kClasses:
      if (task.n_classes == 2) return {"binary:logistic", {"logloss", "error"}};
      return {"multi:softprob", {"mlogloss", "merror"}};
    default:
      raise("InputError", "XGBoost has no such loss.");
  }
}

void set_parameters(const XGBoostLibrary& library, const Booster& booster, const XGBoostSettings& s,
                    const BoostingTask& task) {
  const auto set = [&](const char* key, const std::string& value) {
    library.check(library.XGBoosterSetParam(booster.get(), key, value.c_str()),
                  std::string("setting ") + key);
  };
  const Objective objective = objective_of(s, task);
  set("objective", objective.objective);
  for (const char* metric : objective.metrics) set("eval_metric", metric);
  if (task.n_classes > 2) set("num_class", std::to_string(task.n_classes));
  if (s.loss == Loss::kPseudoHuber) set("huber_slope", number(s.slope));
  if (s.loss == Loss::kQuantile) {
    std::string text = "[";
    for (const double quantile : s.quantiles) text += (text.size() == 1 ? "" : ",") + number(quantile);
    set("quantile_alpha", text + "]");
  }
  set("booster", "gbtree");
  set("tree_method", "hist");
  set("device", "cpu");
  set("nthread", std::to_string(task.threads));
  set("seed", std::to_string(seed_of(task)));
  set("max_depth", std::to_string(s.max_depth));
  set("max_leaves", std::to_string(s.max_leaves));
  set("grow_policy", s.grow_policy);
  set("learning_rate", number(s.learning_rate));
  set("subsample", number(s.subsample));
  set("colsample_bytree", number(s.colsample_bytree));
  set("colsample_bynode", number(s.colsample_bynode));
  set("min_child_weight", number(s.min_child_weight));
  set("gamma", number(s.gamma));
  set("reg_alpha", number(s.reg_alpha));
  set("reg_lambda", number(s.reg_lambda));
  set("max_bin", std::to_string(s.max_bin));
}

class XGBoostEngine final : public RoundEngine {
 public:
  XGBoostEngine(const XGBoostLibrary& library, const XGBoostSettings& settings, const BoostingTask& task)
      : library_(library), settings_(settings), task_(task), width_(width_of(settings, task)) {
    const std::vector<double> class_weight = class_weights(settings, task);
    library.quiet();
    add(gather(task, task.rows, class_weight), &train_);
    if (!task.stop_rows.empty()) {
      Sample held_out = gather(task, task.stop_rows, class_weight);
      if (held_out.rows() > 0) add(std::move(held_out), &valid_);
    }
    // Both matrices are announced: the booster then keeps their margins and evaluation costs no prediction.
    for (size_t k = 0; k < matrices_.size(); ++k) handles_[k] = matrices_[k].get();
    XGBHandle raw = nullptr;
    library.check(library.XGBoosterCreate(handles_.data(), matrices_.size(), &raw), "making a booster");
    booster_.emplace(library, raw);
    set_parameters(library, *booster_, settings, task);
  }

  bool has_validation() const { return matrices_.size() == 2; }

  bool update(int64_t round) override {
    const auto index = static_cast<int>(round - 1);
    if (!task_.gradient) {
      library_.check(library_.XGBoosterUpdateOneIter(booster_->get(), index, handles_[0]), what(round));
      return true;
    }
    weighted_gradient(task_, train_, predict(0, 1, true), width_, gradient_, curvature_);
    const std::string g = array_json(gradient_.data(), "<f4", {train_.rows(), width_});
    const std::string h = array_json(curvature_.data(), "<f4", {train_.rows(), width_});
    library_.check(library_.XGBoosterTrainOneIter(booster_->get(), handles_[0], index, g.c_str(), h.c_str()),
                   what(round));
    return true;
  }

  RoundScores scores(int64_t round) override {
    std::array<const char*, 2> names{"train", "valid"};
    const char* line = nullptr;
    library_.check(library_.XGBoosterEvalOneIter(booster_->get(), static_cast<int>(round - 1),
                                                 handles_.data(), names.data(), matrices_.size(), &line),
                   what(round));
    const std::vector<double> values = parse_evaluation(line);
    const size_t each = settings_.loss == Loss::kClasses ? 2 : 1;
    if (values.size() != each * matrices_.size()) {
      raise("NativeLibraryError", "XGBoost's evaluation '", line, "' lacks values.");
    }
    // XGBoost hands out the root of the squared error.
    const auto loss = [&](size_t k) {
      return settings_.loss == Loss::kSquared ? values[k] * values[k] : values[k];
    };
    RoundScores result{loss(0), kNaN, each == 2 ? 1.0 - values[1] : kNaN, kNaN, kNaN};
    if (!has_validation()) return result;
    result.val_loss = loss(each);
    if (each == 2) result.val_accuracy = 1.0 - values[3];
    const Metric metric = metric_of(settings_.eval_metric);
    if (metric == Metric::kLoss || (metric == Metric::kMse && settings_.loss == Loss::kSquared)) {
      result.val_metric = result.val_loss;
    } else if (metric == Metric::kAccuracy) {
      result.val_metric = result.val_accuracy;
    } else {
      const auto predictions = predict(1, 0, false);
      const std::vector<double> wide(predictions.begin(), predictions.end());
      result.val_metric = metric_value(metric, settings_, valid_, wide, width_);
    }
    return result;
  }

  TreeArrays read(int64_t rounds) {
    XGBLength length = 0;
    const char* buffer = nullptr;
    library_.check(
        library_.XGBoosterSaveModelToBuffer(booster_->get(), "{\"format\":\"ubj\"}", &length, &buffer),
        "handing out the model");
    return read_xgboost_model({buffer, length}, task_.X.cols, task_.n_classes, width_, rounds);
  }

 private:
  static std::string what(int64_t round) { return format("training round ", round); }

  // The library keeps its own copy of X; ours goes as soon as it has one.
  void add(Sample sample, Sample* kept) {
    matrices_.push_back(make_matrix(library_, sample, task_.X.cols, width_, task_.threads));
    sample.X = {};
    *kept = std::move(sample);
  }

  // type 0: after the link, 1: margins. Valid until the next call.
  std::span<const float> predict(size_t matrix, int type, bool training) {
    const std::string config = format("{\"type\":", type, ",\"training\":", training ? "true" : "false",
                                      ",\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":true}");
    const XGBLength* shape = nullptr;
    XGBLength rank = 0;
    const float* values = nullptr;
    library_.check(library_.XGBoosterPredictFromDMatrix(booster_->get(), handles_[matrix], config.c_str(),
                                                        &shape, &rank, &values),
                   "predicting");
    const Sample& sample = matrix == 0 ? train_ : valid_;
    size_t n = 1;
    for (XGBLength k = 0; k < rank; ++k) n *= shape[k];
    if (n != static_cast<size_t>(sample.rows() * width_)) {
      raise("NativeLibraryError", "XGBoost predicted ", n, " values instead of ", sample.rows() * width_,
            ".");
    }
    return {values, n};
  }

  const XGBoostLibrary& library_;
  const XGBoostSettings& settings_;
  const BoostingTask& task_;
  const int64_t width_;
  Sample train_;  // X is with the library
  Sample valid_;
  std::vector<DMatrix> matrices_;
  std::array<XGBHandle, 2> handles_{};
  std::optional<Booster> booster_;
  std::vector<float> gradient_;
  std::vector<float> curvature_;
};

}  // namespace

std::vector<std::string> XGBoostSettings::problems() const {
  std::vector<std::string> found;
  add_problems(found);
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
  if (max_depth < 0 || max_depth > 30 || (max_depth == 0 && max_leaves == 0)) {
    found.push_back(format("max_depth must lie in 1..30, or be 0 where max_leaves limits the tree, but is ",
                           max_depth, "."));
  }
  if (max_leaves < 0 || max_leaves == 1) {
    found.push_back(format("max_leaves must be at least 2, or 0 for no limit, but is ", max_leaves, "."));
  }
  if (grow_policy != "depthwise" && grow_policy != "lossguide") {
    found.push_back(format("grow_policy must be 'depthwise' or 'lossguide', but is '", grow_policy, "'."));
  }
  share("subsample", subsample);
  share("colsample_bytree", colsample_bytree);
  share("colsample_bynode", colsample_bynode);
  at_least("min_child_weight", min_child_weight, 0.0);
  at_least("gamma", gamma, 0.0);
  at_least("reg_alpha", reg_alpha, 0.0);
  at_least("reg_lambda", reg_lambda, 0.0);
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
                        const BoostingTask& task, const StopToken& stop, const Progress& progress) {
  settings.validate();
  check_task(settings, task);
  XGBoostEngine engine(library, settings, task);
  Rounds rounds = run_rounds(engine, settings, engine.has_validation(), stop, progress);
  return finished_fit(
      settings, task, std::move(rounds), [&](int64_t kept) { return engine.read(kept); }, false);
}

}  // namespace smctrain::models::boosting
