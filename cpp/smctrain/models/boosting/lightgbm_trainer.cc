#include "smctrain/models/boosting/lightgbm_trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/models/boosting/lightgbm_model.h"
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

class LightGBMEngine final : public RoundEngine {
 public:
  LightGBMEngine(const LightGBMLibrary& library, const LightGBMSettings& settings, const BoostingTask& task)
      : library_(library), settings_(settings), task_(task), width_(width_of(settings, task)) {
    const std::vector<double> class_weight = class_weights(settings, task);
    add(gather(task, task.rows, class_weight), &train_);
    if (!task.stop_rows.empty()) {
      Sample held_out = gather(task, task.stop_rows, class_weight);
      if (held_out.rows() > 0) add(std::move(held_out), &valid_);
    }
    // An own objective sees all margins at once; quantiles of LightGBM's have a booster each.
    const bool each_own = settings.loss == Loss::kQuantile && width_ > 1;
    if (each_own && task.gradient)
      raise("InputError", "an own objective cannot stand for several quantiles.");
    const size_t boosters = each_own ? static_cast<size_t>(width_) : 1;
    each_ = width_ / static_cast<int64_t>(boosters);
    for (size_t k = 0; k < boosters; ++k) {
      if (each_own) set_start(k);
      LGBMHandle raw = nullptr;
      const std::string text = parameters(settings, task, train_.rows(), k);
      library.check(library.LGBM_BoosterCreate(datasets_[0].get(), text.c_str(), &raw), "making a booster");
      boosters_.emplace_back(library, raw);
      if (has_validation()) {
        library.check(library.LGBM_BoosterAddValidData(raw, datasets_[1].get()), "taking in the stop rows");
      }
    }
  }

  bool has_validation() const { return datasets_.size() == 2; }

  bool update(int64_t round) override {
    bool any = false;
    for (const LGBMBooster& booster : boosters_) {
      int finished = 0;
      if (!task_.gradient) {
        library_.check(library_.LGBM_BoosterUpdateOneIter(booster.get(), &finished), what(round));
      } else {
        own_gradient();
        library_.check(library_.LGBM_BoosterUpdateOneIterCustom(booster.get(), gradient_.data(),
                                                                curvature_.data(), &finished),
                       what(round));
      }
      int rounds = 0;
      library_.check(library_.LGBM_BoosterGetCurrentIteration(booster.get(), &rounds), what(round));
      any |= rounds >= round;
    }
    return any;
  }

  RoundScores scores(int64_t) override {
    RoundScores result{kNaN, kNaN, kNaN, kNaN, kNaN};
    const bool is_classes = settings_.loss == Loss::kClasses;
    predict(0);
    result.train_loss = metric_value(Metric::kLoss, settings_, train_, values_, width_);
    if (is_classes) result.train_accuracy = accuracy(train_, values_, width_);
    if (!has_validation()) return result;
    predict(1);
    result.val_loss = metric_value(Metric::kLoss, settings_, valid_, values_, width_);
    if (is_classes) result.val_accuracy = accuracy(valid_, values_, width_);
    const Metric metric = metric_of(settings_.eval_metric);
    result.val_metric = metric == Metric::kLoss ? result.val_loss
                        : metric == Metric::kAccuracy
                            ? result.val_accuracy
                            : metric_value(metric, settings_, valid_, values_, width_);
    return result;
  }

  TreeArrays read(int64_t rounds) {
    std::vector<TreeArrays> parts;
    for (const LGBMBooster& booster : boosters_) {
      int64_t length = 0;
      std::string text(1 << 16, '\0');
      for (int attempt = 0; attempt < 2; ++attempt) {
        library_.check(
            library_.LGBM_BoosterSaveModelToString(booster.get(), 0, static_cast<int>(rounds), 0,
                                                   static_cast<int64_t>(text.size()), &length, text.data()),
            "handing out the model");
        if (length <= static_cast<int64_t>(text.size())) break;
        text.resize(static_cast<size_t>(length));
      }
      if (length < 1 || length > static_cast<int64_t>(text.size())) {
        raise("NativeLibraryError", "LightGBM's model has a length of ", length, ".");
      }
      text.resize(static_cast<size_t>(length - 1));  // it counts the closing zero
      // num_iteration 0 would mean all rounds.
      parts.push_back(read_lightgbm_model(text, task_.X.cols, task_.n_classes, each_, rounds));
    }
    return parts.size() == 1 ? std::move(parts.front()) : interleaved(parts, rounds);
  }

 private:
  static std::string what(int64_t round) { return format("training round ", round); }

  void add(Sample sample, Sample* kept) {
    const std::string text =
        parameters(settings_, task_, datasets_.empty() ? sample.rows() : train_.rows(), 0);
    if (sample.rows() > INT32_MAX) raise("InputError", "LightGBM takes at most 2147483647 rows.");
    LGBMHandle handle = nullptr;
    library_.check(
        library_.LGBM_DatasetCreateFromMat(sample.X.data(), kFloat32, static_cast<int32_t>(sample.rows()),
                                           static_cast<int32_t>(task_.X.cols), 1, text.c_str(),
                                           datasets_.empty() ? nullptr : datasets_[0].get(), &handle),
        "taking in the rows");
    datasets_.emplace_back(library_, handle);
    const auto n = static_cast<int>(sample.rows());
    library_.check(library_.LGBM_DatasetSetField(handle, "label", sample.y.data(), n, kFloat32),
                   "taking in the labels");
    if (sample.is_weighted()) {
      library_.check(library_.LGBM_DatasetSetField(handle, "weight", sample.weight.data(), n, kFloat32),
                     "taking in the weights");
    }
    sample.X = {};
    *kept = std::move(sample);
    if (!kept->margin.empty() && !(settings_.loss == Loss::kQuantile && width_ > 1)) {
      set_margins(handle, *kept, 0, width_);
    }
  }

  // Margins of the continued model as start values, class after class.
  void set_margins(LGBMHandle handle, const Sample& sample, int64_t first, int64_t count) {
    std::vector<double> start;
    for (int64_t k = first; k < first + count; ++k) {
      for (int64_t i = 0; i < sample.rows(); ++i) {
        start.push_back(sample.margin[static_cast<size_t>(i * width_ + k)]);
      }
    }
    library_.check(library_.LGBM_DatasetSetField(handle, "init_score", start.data(),
                                                 static_cast<int>(start.size()), kFloat64),
                   "taking in the start values");
  }

  // Boosters of several quantiles share the data sets and read their start values when they are made.
  void set_start(size_t quantile) {
    if (train_.margin.empty()) return;
    set_margins(datasets_[0].get(), train_, static_cast<int64_t>(quantile), 1);
    if (has_validation()) set_margins(datasets_[1].get(), valid_, static_cast<int64_t>(quantile), 1);
  }

  // Predictions of a set after the link, (rows, width).
  void predict(int set) {
    raw(set);
    if (task_.gradient && settings_.loss == Loss::kClasses) to_probabilities(values_, width_);
  }

  // What LightGBM keeps: after the link, except that an own objective has none.
  void raw(int set) {
    const Sample& sample = set == 0 ? train_ : valid_;
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
      library_.check(
          library_.LGBM_BoosterGetPredict(boosters_[k].get(), set, &length, turned.data() + k * expected),
          "predicting");
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
    weighted_gradient(task_, train_, margins, width_, g, h);
    const auto n = static_cast<size_t>(train_.rows());
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
  const LightGBMSettings& settings_;
  const BoostingTask& task_;
  const int64_t width_;
  int64_t each_ = 1;  // margins of one booster
  Sample train_;      // X is with the library
  Sample valid_;
  std::vector<LGBMDataset> datasets_;
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
  check_task(settings, task);
  LightGBMEngine engine(library, settings, task);
  Rounds rounds = run_rounds(engine, settings, engine.has_validation(), stop, progress);
  const auto read = [&](int64_t kept) {
    TreeArrays arrays = engine.read(std::max<int64_t>(kept, 1));
    if (kept > 0) return arrays;
    TreeArrays none;  // a first round that overflowed
    none.n_features = arrays.n_features;
    none.n_classes = arrays.n_classes;
    none.wide = true;
    none.base_margin = arrays.base_margin;
    return none;
  };
  return finished_fit(settings, task, std::move(rounds), read, true);
}

}  // namespace smctrain::models::boosting
