#include "smctrain/models/boosting/lightgbm_trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/models/boosting/lightgbm_model.h"
#include "smctrain/models/boosting/matrix_cache.h"
#include "smctrain/models/boosting/round_metrics.h"

namespace smctrain::models::boosting {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kFloat32 = 0;  // of LightGBM's C_API_DTYPE
constexpr int kFloat64 = 1;

template <int (*LightGBMLibrary::*Free)(LGBMHandle)>
class Owner {
 public:
  Owner(const LightGBMLibrary& library, LGBMHandle handle) : library_(&library), handle_(handle) {}
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  Owner(Owner&& other) noexcept : library_(other.library_), handle_(other.handle_) {
    other.handle_ = nullptr;
  }
  Owner& operator=(Owner&&) = delete;
  ~Owner() {
    if (handle_ != nullptr) (library_->*Free)(handle_);
  }
  LGBMHandle get() const { return handle_; }

 private:
  const LightGBMLibrary* library_;
  LGBMHandle handle_;
};

using LGBMDataset = Owner<&LightGBMLibrary::LGBM_DatasetFree>;
using LGBMBooster = Owner<&LightGBMLibrary::LGBM_BoosterFree>;

std::string objective_text(const LightGBMSettings& s, const BoostingTask& task, size_t booster) {
  const std::string classes = task.n_classes > 2 ? " num_class=" + std::to_string(task.n_classes) : "";
  if (task.gradient) return "objective=custom" + classes;
  switch (s.loss) {
    case Loss::kClasses:
      return task.n_classes == 2 ? "objective=binary" : "objective=multiclass" + classes;
    case Loss::kSquared:
      return "objective=regression";
    case Loss::kAbsolute:
      return "objective=regression_l1";
    case Loss::kHuber:
      return "objective=huber alpha=" + number(s.slope);
    case Loss::kQuantile:
      return "objective=quantile alpha=" + number(s.quantiles[booster]);
    default:
      raise("InputError", "LightGBM has no such loss.");
  }
}

std::string parameters(const LightGBMSettings& s, const BoostingTask& task, int64_t rows, size_t booster) {
  std::string text = objective_text(s, task, booster) +
                     " metric=none boosting=gbdt device_type=cpu verbosity=-1 num_threads=1 "
                     "deterministic=true force_row_wise=true";
  const auto set = [&](const char* key, const std::string& value) {
    text += std::string(" ") + key + "=" + value;
  };
  set("seed", std::to_string(seed_of(task)));
  set("learning_rate", number(s.learning_rate));
  set("num_leaves", std::to_string(s.num_leaves));
  set("max_depth", std::to_string(s.max_depth));
  set("min_sum_hessian_in_leaf", number(s.min_child_weight));
  set("min_data_in_leaf", std::to_string(s.min_child_samples));
  set("min_gain_to_split", number(s.min_split_gain));
  // A share of the rows that is less than one row would be no row, which LightGBM does not survive.
  const bool none_drawn = s.subsample * static_cast<double>(rows) < 1.0;
  set("bagging_fraction", number(none_drawn ? 1.0 : s.subsample));
  set("bagging_freq", std::to_string(s.subsample_freq));
  set("feature_fraction", number(s.colsample_bytree));
  set("feature_fraction_bynode", number(s.colsample_bynode));
  set("lambda_l1", number(s.reg_alpha));
  set("lambda_l2", number(s.reg_lambda));
  set("max_bin", std::to_string(s.max_bin));
  set("bin_construct_sample_cnt", std::to_string(s.subsample_for_bin));
  set("zero_as_missing", s.zero_as_missing ? "true" : "false");
  return text;
}

struct LightGBMMatrices final : TrainingMatrices {
  std::vector<LGBMDataset> sets;  // training rows, then stop rows where there are some
};

class LightGBMEngine final : public RoundEngine {
 public:
  LightGBMEngine(const LightGBMLibrary& library, LightGBMSettings settings, FitJob& job)
      : library_(library),
        settings_(std::move(settings)),
        job_(job),
        task_(job.task),
        width_(width_of(settings_, job.task)) {
    poll(job.stop);
    library.LGBM_GetLastError();  // takes its thread-local memory now: it could not report a failure later
    // An own objective sees all margins at once; quantiles of LightGBM's have a booster each.
    const bool each_own = settings_.loss == Loss::kQuantile && width_ > 1;
    if (each_own && task_.gradient)
      raise("InputError", "an own objective cannot stand for several quantiles.");
    const std::vector<double> class_weight = class_weights(settings_, task_);
    Sample train = gather_labels(task_, task_.rows, class_weight);
    Sample valid = gather_labels(task_, task_.stop_rows, class_weight);
    if (task_.matrices != nullptr && task_.init == nullptr) {
      const auto build = [&](Sample a, Sample b) { return make_matrices(std::move(a), std::move(b)); };
      matrices_ = std::static_pointer_cast<const LightGBMMatrices>(
          task_.matrices->get(shared_key(train.rows()), train, valid, job.stop, build));
    } else {
      gather_margins(task_, train, job.stop);
      gather_margins(task_, valid, job.stop);
      matrices_ = make_matrices(std::move(train), std::move(valid));
      if (!each_own) set_start(0, width_);
    }
    const size_t boosters = each_own ? static_cast<size_t>(width_) : 1;
    each_ = width_ / static_cast<int64_t>(boosters);
    for (size_t k = 0; k < boosters; ++k) {
      // Boosters of several quantiles share the data sets and read their start values when they are made.
      if (each_own) set_start(static_cast<int64_t>(k), 1);
      LGBMHandle raw = nullptr;
      const std::string text = parameters(settings_, task_, matrices_->train.rows(), k);
      foreign("making a booster",
              [&] { return library_.LGBM_BoosterCreate(matrices_->sets[0].get(), text.c_str(), &raw); });
      boosters_.emplace_back(library, raw);
      if (has_validation()) {
        foreign("taking in the stop rows",
                [&] { return library_.LGBM_BoosterAddValidData(raw, matrices_->sets[1].get()); });
      }
    }
  }

  bool has_validation() const override { return matrices_->has_validation(); }

  bool update(int64_t round) override {
    bool any = false;
    const std::string what = format("training round ", round);
    for (const LGBMBooster& booster : boosters_) {
      int finished = 0;
      if (!task_.gradient) {
        foreign(what, [&] { return library_.LGBM_BoosterUpdateOneIter(booster.get(), &finished); });
      } else {
        own_gradient();
        foreign(what, [&] {
          return library_.LGBM_BoosterUpdateOneIterCustom(booster.get(), gradient_.data(), curvature_.data(),
                                                          &finished);
        });
      }
      any |= rounds_of(booster) >= round;
    }
    return any;
  }

  RoundScores scores(int64_t, bool with_training) override {
    RoundScores result{kNaN, kNaN, kNaN, kNaN, kNaN};
    const bool is_classes = settings_.loss == Loss::kClasses;
    if (with_training) {
      predict(0);
      result.train_loss = metric_value(Metric::kLoss, settings_, matrices_->train, values_, width_);
      if (is_classes) result.train_accuracy = accuracy(matrices_->train, values_, width_);
    }
    if (!has_validation()) return result;
    predict(1);
    result.val_loss = metric_value(Metric::kLoss, settings_, matrices_->valid, values_, width_);
    if (is_classes) result.val_accuracy = accuracy(matrices_->valid, values_, width_);
    const Metric metric = metric_of(settings_.eval_metric);
    result.val_metric = task_.metric              ? task_.metric(matrices_->valid.y, values_, width_)
                        : metric == Metric::kLoss ? result.val_loss
                        : metric == Metric::kAccuracy
                            ? result.val_accuracy
                            : metric_value(metric, settings_, matrices_->valid, values_, width_);
    return result;
  }

  TreeArrays read(int64_t first, int64_t last) override {
    std::vector<TreeArrays> parts;
    for (const LGBMBooster& booster : boosters_) {
      // A booster that found no split any more has fewer rounds; a count of 0 would mean all of them.
      const int64_t count = std::min<int64_t>(rounds_of(booster), last) - first;
      parts.push_back(count > 0 ? read_booster(booster, first, count) : no_trees());
    }
    return parts.size() == 1 ? std::move(parts.front()) : interleaved(parts, last - first);
  }

 private:
  template <class Call>
  void foreign(const std::string& what, Call&& call) {
    int code = 0;
    job_.worker->foreign([&] { code = call(); });
    library_.check(code, what);
  }

  int64_t rounds_of(const LGBMBooster& booster) const {
    int rounds = 0;
    library_.check(library_.LGBM_BoosterGetCurrentIteration(booster.get(), &rounds), "counting rounds");
    return rounds;
  }

  TreeArrays no_trees() const {
    TreeArrays none;
    none.n_features = task_.X.cols;
    none.n_classes = task_.n_classes;
    none.wide = true;
    none.base_margin.assign(static_cast<size_t>(each_), 0.0);
    return none;
  }

  TreeArrays read_booster(const LGBMBooster& booster, int64_t first, int64_t count) {
    int64_t length = 0;
    std::string text(1 << 16, '\0');
    for (int attempt = 0; attempt < 2; ++attempt) {
      foreign("handing out the model", [&] {
        return library_.LGBM_BoosterSaveModelToString(
            booster.get(), static_cast<int>(first), static_cast<int>(count), 0,
            static_cast<int64_t>(text.size()), &length, text.data());
      });
      if (length <= static_cast<int64_t>(text.size())) break;
      text.resize(static_cast<size_t>(length));
    }
    if (length < 1 || length > static_cast<int64_t>(text.size())) {
      raise("NativeLibraryError", "LightGBM's model has a length of ", length, ".");
    }
    text.resize(static_cast<size_t>(length - 1));  // it counts the closing zero
    return read_lightgbm_model(text, task_.X.cols, task_.n_classes, each_, count);
  }

  // What is baked into a data set: bins, and the columns that no leaf of min_child_samples rows can split.
  // The seed counts where bins are made from a draw of the rows.
  std::string shared_key(int64_t rows) const {
    std::string key =
        format("LightGBM ", reinterpret_cast<uintptr_t>(&library_), " ", settings_.max_bin, " ",
               settings_.subsample_for_bin, " ", settings_.zero_as_missing, " ", settings_.min_child_samples);
    if (rows > settings_.subsample_for_bin) key += format(" ", seed_of(task_));
    return key;
  }

  std::shared_ptr<const LightGBMMatrices> make_matrices(Sample train, Sample valid) {
    auto made = std::make_shared<LightGBMMatrices>();
    const std::string text = parameters(settings_, task_, train.rows(), 0);
    add(*made, text, train);
    if (valid.rows() > 0) add(*made, text, valid);
    made->train = std::move(train);
    made->valid = std::move(valid);
    return made;
  }

  void add(LightGBMMatrices& made, const std::string& text, Sample& sample) {
    if (sample.rows() > INT32_MAX) raise("InputError", "LightGBM takes at most 2147483647 rows.");
    gather_all_values(task_, sample, job_.stop);
    LGBMHandle handle = nullptr;
    const LGBMHandle bins = made.sets.empty() ? nullptr : made.sets[0].get();
    foreign("taking in the rows", [&] {
      return library_.LGBM_DatasetCreateFromMat(
          sample.X.data(), kFloat32, static_cast<int32_t>(sample.rows()), static_cast<int32_t>(task_.X.cols),
          1, text.c_str(), bins, &handle);
    });
    made.sets.emplace_back(library_, handle);
    sample.X = {};
    const auto n = static_cast<int>(sample.rows());
    library_.check(library_.LGBM_DatasetSetField(handle, "label", sample.y.data(), n, kFloat32),
                   "taking in the labels");
    if (sample.is_weighted()) {
      library_.check(library_.LGBM_DatasetSetField(handle, "weight", sample.weight.data(), n, kFloat32),
                     "taking in the weights");
    }
  }

  // Margins of the continued model as start values, class after class.
  void set_start(int64_t first, int64_t count) {
    for (size_t k = 0; k < matrices_->sets.size(); ++k) {
      const Sample& sample = k == 0 ? matrices_->train : matrices_->valid;
      if (sample.margin.empty()) return;
      std::vector<double> start;
      for (int64_t margin = first; margin < first + count; ++margin) {
        for (int64_t i = 0; i < sample.rows(); ++i) {
          start.push_back(sample.margin[static_cast<size_t>(i * width_ + margin)]);
        }
      }
      library_.check(library_.LGBM_DatasetSetField(matrices_->sets[k].get(), "init_score", start.data(),
                                                   static_cast<int>(start.size()), kFloat64),
                     "taking in the start values");
    }
  }

  // Predictions of a set after the link, (rows, width).
  void predict(int set) {
    raw(set);
    if (task_.gradient && settings_.loss == Loss::kClasses) to_probabilities(values_, width_);
  }

  // What LightGBM keeps: after the link, except that an own objective has none.
  void raw(int set) {
    const Sample& sample = set == 0 ? matrices_->train : matrices_->valid;
    const auto n = static_cast<size_t>(sample.rows());
    const auto w = static_cast<size_t>(width_);
    values_.resize(n * w);
    std::vector<double>& turned = w == 1 ? values_ : scratch_;
    turned.resize(n * w);
    for (size_t k = 0; k < boosters_.size(); ++k) {
      int64_t length = 0;
      library_.check(library_.LGBM_BoosterGetNumPredict(boosters_[k].get(), set, &length), "predicting");
      const size_t expected = n * static_cast<size_t>(each_);
      if (length != static_cast<int64_t>(expected)) {
        raise("NativeLibraryError", "LightGBM predicts ", length, " values instead of ", expected, ".");
      }
      foreign("predicting", [&] {
        return library_.LGBM_BoosterGetPredict(boosters_[k].get(), set, &length,
                                               turned.data() + k * expected);
      });
    }
    if (w == 1) return;
    for (size_t k = 0; k < w; ++k) {  // LightGBM's order is class after class
      for (size_t i = 0; i < n; ++i) values_[i * w + k] = turned[k * n + i];
    }
  }

  void own_gradient() {
    raw(0);
    const std::vector<float> margins(values_.begin(), values_.end());
    std::vector<float> g;
    std::vector<float> h;
    weighted_gradient(task_, matrices_->train, margins, width_, g, h);
    const auto n = static_cast<size_t>(matrices_->train.rows());
    const auto w = static_cast<size_t>(width_);
    gradient_.resize(g.size());
    curvature_.resize(h.size());
    for (size_t k = 0; k < w; ++k) {
      for (size_t i = 0; i < n; ++i) {
        gradient_[k * n + i] = g[i * w + k];
        curvature_[k * n + i] = h[i * w + k];
      }
    }
  }

  // Round for round one tree of each booster; a booster that found no split any more adds nothing.
  static TreeArrays interleaved(const std::vector<TreeArrays>& parts, int64_t rounds) {
    TreeArrays result;
    result.n_features = parts.front().n_features;
    result.wide = true;
    result.base_margin.assign(parts.size(), 0.0);
    TreeArrays nothing = result;
    nothing.tree_offset = {0, 1};
    nothing.tree_class = {0};
    nothing.feature = nothing.left = nothing.right = {-1};
    nothing.threshold = nothing.gain = {0.0F};
    nothing.cover = {1.0F};
    nothing.default_left = {0};
    nothing.value = {0.0};
    for (int64_t r = 0; r < rounds; ++r) {
      for (size_t k = 0; k < parts.size(); ++k) {
        const bool has = r < parts[k].n_trees();
        const TreeArrays& from = has ? parts[k] : nothing;
        const size_t t = has ? static_cast<size_t>(r) : 0;
        const auto a = from.tree_offset[t];
        const auto b = from.tree_offset[t + 1];
        const auto append = [&](auto& to, const auto& values) {
          to.insert(to.end(), values.begin() + a, values.begin() + b);
        };
        append(result.feature, from.feature);
        append(result.threshold, from.threshold);
        append(result.left, from.left);
        append(result.right, from.right);
        append(result.default_left, from.default_left);
        append(result.value, from.value);
        append(result.gain, from.gain);
        append(result.cover, from.cover);
        result.zero_is_missing |= from.zero_is_missing;
        result.tree_offset.push_back(static_cast<int64_t>(result.feature.size()));
        result.tree_class.push_back(static_cast<int32_t>(k));
      }
    }
    return result;
  }

  const LightGBMLibrary& library_;
  const LightGBMSettings settings_;
  FitJob& job_;
  const BoostingTask& task_;
  const int64_t width_;
  int64_t each_ = 1;  // margins of one booster
  std::shared_ptr<const LightGBMMatrices> matrices_;
  std::vector<LGBMBooster> boosters_;
  std::vector<double> values_;
  std::vector<double> scratch_;
  std::vector<float> gradient_;
  std::vector<float> curvature_;
};

}  // namespace

std::vector<std::string> LightGBMSettings::problems() const {
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
  if (num_leaves < 2 || num_leaves > 131'072) {
    found.push_back(format("num_leaves must lie in 2..131072, but is ", num_leaves, "."));
  }
  // Our walker takes trees of up to 64 levels; without a limit num_leaves - 1 levels are possible.
  if (max_depth != -1 && (max_depth < 1 || max_depth > 60)) {
    found.push_back(format("max_depth must lie in 1..60 or be -1, but is ", max_depth, "."));
  }
  at_least("min_child_weight", min_child_weight, 0.0);
  at_least("min_child_samples", min_child_samples, int64_t{0});
  at_least("min_split_gain", min_split_gain, 0.0);
  share("subsample", subsample);
  at_least("subsample_freq", subsample_freq, int64_t{0});
  share("colsample_bytree", colsample_bytree);
  share("colsample_bynode", colsample_bynode);
  at_least("reg_alpha", reg_alpha, 0.0);
  at_least("reg_lambda", reg_lambda, 0.0);
  if (max_bin < 2 || max_bin > 65535)
    found.push_back(format("max_bin must lie in 2..65535, but is ", max_bin, "."));
  at_least("subsample_for_bin", subsample_for_bin, int64_t{1});
  return found;
}

void LightGBMSettings::validate() const {
  std::string text;
  for (const std::string& sentence : problems()) text += (text.empty() ? "" : " ") + sentence;
  if (!text.empty()) raise("InputError", text);
}

BoostingFit fit_lightgbm(const LightGBMLibrary& library, const LightGBMSettings& given,
                         const BoostingTask& task, const StopToken& stop, const Progress& progress) {
  LightGBMSettings settings = given;
  settings.validate();
  if (settings.max_depth == -1 && settings.num_leaves > 61) settings.max_depth = 60;
  check_task(settings, task, stop);
  return run_fit("LightGBM", settings, task, stop, progress, true, [&library, settings](FitJob& job) {
    return std::make_unique<LightGBMEngine>(library, settings, job);
  });
}

}  // namespace smctrain::models::boosting
