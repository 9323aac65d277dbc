#include "smctrain/models/boosting/xgboost_trainer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "smctrain/base/error.h"
#include "smctrain/models/boosting/handles.h"
#include "smctrain/models/boosting/matrix_cache.h"
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

struct XGBoostMatrices final : TrainingMatrices {
  std::vector<DMatrix> handles;  // training rows, then stop rows where there are some
};

// Hands the training rows to the library block by block, as often as it asks, so that no copy of all of them
// is made. Between blocks the stop token is looked at.
class RowFeed {
 public:
  RowFeed(const XGBoostLibrary& library, FitJob& job, const Sample& sample)
      : library_(library), job_(job), sample_(sample), proxy_(library, make_proxy(library)) {
    constexpr int64_t kValues = 1 << 20;
    block_ = std::max<int64_t>(256, kValues / job.task.X.cols);
  }

  XGBHandle proxy() const { return proxy_.get(); }
  // Raises what went wrong while the library asked for rows.
  void check() const {
    if (error_) std::rethrow_exception(error_);
  }

  static int next(XGBHandle self) { return static_cast<RowFeed*>(self)->give() ? 1 : 0; }
  static void reset(XGBHandle self) { static_cast<RowFeed*>(self)->first_ = 0; }

 private:
  static XGBHandle make_proxy(const XGBoostLibrary& library) {
    XGBHandle handle = nullptr;
    library.check(library.XGProxyDMatrixCreate(&handle), "taking in the rows");
    return handle;
  }

  // False at the end, and after a failure: the library then gives up by itself. No exception may pass it.
  bool give() {
    const int64_t n = std::min(block_, sample_.rows() - first_);
    if (n <= 0 || error_) return false;
    const bool is_home = job_.worker->home([&] {
      try {
        poll(job_.stop);
        if (first_ != in_values_ || values_.empty()) {
          gather_values(job_.task, sample_, first_, first_ + n, values_);
          in_values_ = first_;
        }
      } catch (...) {
        error_ = std::current_exception();
      }
    });
    if (!is_home || error_) return false;
    try {
      library_.check(library_.XGProxyDMatrixSetDataDense(
                         proxy_.get(), array_json(values_.data(), "<f4", {n, job_.task.X.cols}).c_str()),
                     "taking in the rows");
      set("label", sample_.y, n);
      if (is_weighted_) set("weight", sample_.weight, n);
    } catch (...) {
      error_ = std::current_exception();
      return false;
    }
    first_ += n;
    return true;
  }

  void set(const char* field, const std::vector<float>& values, int64_t n) {
    library_.check(library_.XGDMatrixSetInfoFromInterface(
                       proxy_.get(), field, array_json(values.data() + first_, "<f4", {n}).c_str()),
                   std::string("taking in the ") + field + "s");
  }

  const XGBoostLibrary& library_;
  FitJob& job_;
  const Sample& sample_;
  const bool is_weighted_ = sample_.is_weighted();
  DMatrix proxy_;
  int64_t block_;
  int64_t first_ = 0;
  std::vector<float> values_;
  int64_t in_values_ = -1;  // first row of the block that values_ holds
  std::exception_ptr error_;
};

void set_info(const XGBoostLibrary& library, const DMatrix& matrix, const char* field,
              const std::string& json) {
  library.check(library.XGDMatrixSetInfoFromInterface(matrix.get(), field, json.c_str()),
                std::string("taking in the ") + field + "s");
}

void set_margin(const XGBoostLibrary& library, const DMatrix& matrix, const Sample& sample, int64_t width) {
  if (sample.margin.empty()) return;
  const std::vector<float> margin(sample.margin.begin(), sample.margin.end());
  set_info(library, matrix, "base_margin", array_json(margin.data(), "<f4", {sample.rows(), width}));
}

// The training rows as quantile bins: the same cuts, hence the same trees, as the library makes from a matrix
// of plain values, at 2 bytes a value instead of 14.
DMatrix make_training_matrix(const XGBoostLibrary& library, FitJob& job, const Sample& sample,
                             int64_t max_bin) {
  RowFeed feed(library, job, sample);
  const std::string config =
      format("{\"missing\":NaN,\"nthread\":", job.task.threads, ",\"max_bin\":", max_bin, "}");
  XGBHandle handle = nullptr;
  int code = 0;
  job.worker->foreign([&] {
    code = library.XGQuantileDMatrixCreateFromCallback(&feed, feed.proxy(), nullptr, &RowFeed::reset,
                                                       &RowFeed::next, config.c_str(), &handle);
  });
  if (code != 0) feed.check();
  library.check(code, "taking in the rows");
  DMatrix matrix(library, handle);
  feed.check();
  return matrix;
}

// The stop rows as plain values.
DMatrix make_plain_matrix(const XGBoostLibrary& library, FitJob& job, Sample& sample) {
  gather_all_values(job.task, sample, job.stop);
  const std::string data = array_json(sample.X.data(), "<f4", {sample.rows(), job.task.X.cols});
  const std::string config = format("{\"missing\":NaN,\"nthread\":", job.task.threads, "}");
  XGBHandle handle = nullptr;
  int code = 0;
  job.worker->foreign(
      [&] { code = library.XGDMatrixCreateFromDense(data.c_str(), config.c_str(), &handle); });
  library.check(code, "taking in the stop rows");
  DMatrix matrix(library, handle);
  sample.X = {};
  set_info(library, matrix, "label", array_json(sample.y.data(), "<f4", {sample.rows()}));
  if (sample.is_weighted())
    set_info(library, matrix, "weight", array_json(sample.weight.data(), "<f4", {sample.rows()}));
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
  XGBoostEngine(const XGBoostLibrary& library, XGBoostSettings settings, FitJob& job)
      : library_(library),
        settings_(std::move(settings)),
        job_(job),
        task_(job.task),
        width_(width_of(settings_, job.task)) {
    library.XGBGetLastError();  // takes its thread-local memory now: it could not report a failure later
    library.quiet();
    poll(job.stop);
    const std::vector<double> class_weight = class_weights(settings_, task_);
    Sample train = gather_labels(task_, task_.rows, class_weight);
    Sample valid = gather_labels(task_, task_.stop_rows, class_weight);
    const auto build = [&](Sample with_train, Sample with_valid) {
      auto made = std::make_shared<XGBoostMatrices>();
      made->handles.push_back(make_training_matrix(library, job, with_train, settings_.max_bin));
      if (with_valid.rows() > 0) made->handles.push_back(make_plain_matrix(library, job, with_valid));
      made->train = std::move(with_train);
      made->valid = std::move(with_valid);
      return made;
    };
    if (task_.matrices != nullptr && task_.init == nullptr) {
      const std::string key =
          format("XGBoost ", reinterpret_cast<uintptr_t>(&library), " ", settings_.max_bin);
      matrices_ = std::static_pointer_cast<const XGBoostMatrices>(
          task_.matrices->get(key, train, valid, job.stop, build));
    } else {
      gather_margins(task_, train, job.stop);
      gather_margins(task_, valid, job.stop);
      const auto made = build(std::move(train), std::move(valid));
      set_margin(library, made->handles[0], made->train, width_);
      if (made->has_validation()) set_margin(library, made->handles[1], made->valid, width_);
      matrices_ = made;
    }
    // Both matrices are announced: the booster then keeps their margins and evaluation costs no prediction.
    for (size_t k = 0; k < matrices_->handles.size(); ++k) handles_[k] = matrices_->handles[k].get();
    XGBHandle raw = nullptr;
    library.check(library.XGBoosterCreate(handles_.data(), matrices_->handles.size(), &raw),
                  "making a booster");
    booster_.emplace(library, raw);
    set_parameters(library, *booster_, settings_, task_);
  }

  bool has_validation() const override { return matrices_->has_validation(); }

  bool update(int64_t round) override {
    const auto index = static_cast<int>(round - 1);
    if (!task_.gradient) {
      foreign(round, [&] { return library_.XGBoosterUpdateOneIter(booster_->get(), index, handles_[0]); });
      return true;
    }
    weighted_gradient(task_, matrices_->train, predict(0, 1, true), width_, gradient_, curvature_);
    const int64_t rows = matrices_->train.rows();
    const std::string g = array_json(gradient_.data(), "<f4", {rows, width_});
    const std::string h = array_json(curvature_.data(), "<f4", {rows, width_});
    foreign(round, [&] {
      return library_.XGBoosterTrainOneIter(booster_->get(), handles_[0], index, g.c_str(), h.c_str());
    });
    return true;
  }

  RoundScores scores(int64_t round, bool with_training) override {
    RoundScores result{kNaN, kNaN, kNaN, kNaN, kNaN};
    if (!with_training && !has_validation()) return result;
    std::array<const char*, 2> names{"train", "valid"};
    const char* line = nullptr;
    const size_t from = with_training ? 0 : 1;
    const size_t sets = matrices_->handles.size() - from;
    foreign(round, [&] {
      return library_.XGBoosterEvalOneIter(booster_->get(), static_cast<int>(round - 1),
                                           handles_.data() + from, names.data() + from, sets, &line);
    });
    const std::vector<double> values = parse_evaluation(line);
    const size_t each = settings_.loss == Loss::kClasses ? 2 : 1;
    if (values.size() != each * sets) {
      raise("NativeLibraryError", "XGBoost's evaluation '", line, "' lacks values.");
    }
    // XGBoost hands out the root of the squared error.
    const auto loss = [&](size_t k) {
      return settings_.loss == Loss::kSquared ? values[k] * values[k] : values[k];
    };
    if (with_training) {
      result.train_loss = loss(0);
      if (each == 2) result.train_accuracy = 1.0 - values[1];
    }
    if (!has_validation()) return result;
    const size_t at = values.size() - each;
    result.val_loss = loss(at);
    if (each == 2) result.val_accuracy = 1.0 - values[at + 1];
    const Metric metric = metric_of(settings_.eval_metric);
    if (task_.metric) {
      const auto predictions = predict(1, 0, false);
      const std::vector<double> wide(predictions.begin(), predictions.end());
      result.val_metric = task_.metric(matrices_->valid.y, wide, width_);
    } else if (metric == Metric::kLoss || (metric == Metric::kMse && settings_.loss == Loss::kSquared)) {
      result.val_metric = result.val_loss;
    } else if (metric == Metric::kAccuracy) {
      result.val_metric = result.val_accuracy;
    } else {
      const auto predictions = predict(1, 0, false);
      const std::vector<double> wide(predictions.begin(), predictions.end());
      result.val_metric = metric_value(metric, settings_, matrices_->valid, wide, width_);
    }
    return result;
  }

  TreeArrays read(int64_t first, int64_t last) override {
    XGBLength length = 0;
    const char* buffer = nullptr;
    std::optional<Booster> slice;
    job_.worker->foreign([&] {
      XGBHandle handle = booster_->get();
      if (first > 0) {
        XGBHandle part = nullptr;
        library_.check(
            library_.XGBoosterSlice(handle, static_cast<int>(first), static_cast<int>(last), 1, &part),
            "handing out rounds");
        slice.emplace(library_, part);
        handle = part;
      }
      library_.check(library_.XGBoosterSaveModelToBuffer(handle, "{\"format\":\"ubj\"}", &length, &buffer),
                     "handing out the model");
    });
    return read_xgboost_model({buffer, length}, task_.X.cols, task_.n_classes, width_, last - first);
  }

 private:
  template <class Call>
  void foreign(int64_t round, Call&& call) {
    int code = 0;
    job_.worker->foreign([&] { code = call(); });
    if (code != 0) library_.check(code, format("training round ", round));
  }

  // type 0: after the link, 1: margins. Valid until the next call.
  std::span<const float> predict(size_t matrix, int type, bool training) {
    const std::string config = format("{\"type\":", type, ",\"training\":", training ? "true" : "false",
                                      ",\"iteration_begin\":0,\"iteration_end\":0,\"strict_shape\":true}");
    const XGBLength* shape = nullptr;
    XGBLength rank = 0;
    const float* values = nullptr;
    int code = 0;
    job_.worker->foreign([&] {
      code = library_.XGBoosterPredictFromDMatrix(booster_->get(), handles_[matrix], config.c_str(), &shape,
                                                  &rank, &values);
    });
    library_.check(code, "predicting");
    const Sample& sample = matrix == 0 ? matrices_->train : matrices_->valid;
    size_t n = 1;
    for (XGBLength k = 0; k < rank; ++k) n *= shape[k];
    if (n != static_cast<size_t>(sample.rows() * width_)) {
      raise("NativeLibraryError", "XGBoost predicted ", n, " values instead of ", sample.rows() * width_,
            ".");
    }
    return {values, n};
  }

  const XGBoostLibrary& library_;
  const XGBoostSettings settings_;
  FitJob& job_;
  const BoostingTask& task_;
  const int64_t width_;
  std::shared_ptr<const XGBoostMatrices> matrices_;
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
  check_task(settings, task, stop);
  return run_fit("XGBoost", settings, task, stop, progress, false, [&library, settings](FitJob& job) {
    return std::make_unique<XGBoostEngine>(library, settings, job);
  });
}

}  // namespace smctrain::models::boosting
