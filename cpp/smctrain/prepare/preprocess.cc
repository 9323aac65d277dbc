#include "smctrain/prepare/preprocess.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "smctrain/base/error.h"
#include "smctrain/prepare/gather.h"

namespace smctrain::prepare {

namespace {

struct ColumnFit {
  Drop drop = Drop::kKept;
  bool indicator = false;
  double fill = 0.0, low = 0.0, high = 0.0, center = 0.0, scale = 1.0;
};

// The imputed column in ascending order, without building it: sorted finite values with `missing` fills
// between.
class Imputed {
 public:
  Imputed(const std::vector<float>& sorted, int64_t missing, double fill)
      : sorted_(sorted),
        missing_(missing),
        fill_(fill),
        first_(std::lower_bound(sorted.begin(), sorted.end(), fill,
                                [](float a, double b) { return static_cast<double>(a) < b; }) -
               sorted.begin()) {}
  double operator[](int64_t i) const {
    if (i < first_) return sorted_[static_cast<size_t>(i)];
    if (i < first_ + missing_) return fill_;
    return sorted_[static_cast<size_t>(i - missing_)];
  }
  int64_t size() const { return static_cast<int64_t>(sorted_.size()) + missing_; }
  double quantile(double share) const {
    const double position = share * static_cast<double>(size() - 1);
    const auto below = static_cast<int64_t>(std::floor(position));
    const int64_t above = std::min(below + 1, size() - 1);
    const double a = (*this)[below];
    return a + ((*this)[above] - a) * (position - static_cast<double>(below));
  }

 private:
  const std::vector<float>& sorted_;
  int64_t missing_;
  double fill_;
  int64_t first_;
};

double middle(const std::vector<float>& sorted) {
  const size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1
             ? static_cast<double>(sorted[half])
             : (static_cast<double>(sorted[half - 1]) + static_cast<double>(sorted[half])) / 2.0;
}

double fill_of(const std::vector<float>& sorted, const PreprocessSettings& settings) {
  switch (settings.impute) {
    case Impute::kMedian:
      return middle(sorted);
    case Impute::kConstant:
      return settings.fill;
    case Impute::kMean: {
      double sum = 0.0;
      for (const float x : sorted) sum += static_cast<double>(x);
      return sum / static_cast<double>(sorted.size());
    }
    case Impute::kNone:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

// Clipping is monotone, so the clipped column's order is the imputed one's.
double clipped_quantile(const Imputed& imputed, const ColumnFit& fit, double share) {
  const double position = share * static_cast<double>(imputed.size() - 1);
  const auto below = static_cast<int64_t>(std::floor(position));
  const double a = std::clamp(imputed[below], fit.low, fit.high);
  const double b = std::clamp(imputed[std::min(below + 1, imputed.size() - 1)], fit.low, fit.high);
  return a + (b - a) * (position - static_cast<double>(below));
}

// Center and scale of a column that varies within [low, high].
void fit_scale(const Imputed& imputed, Scale scale, ColumnFit& fit) {
  const int64_t n = imputed.size();
  switch (scale) {
    case Scale::kStandard: {
      double sum = 0.0;
      for (int64_t i = 0; i < n; ++i) sum += std::clamp(imputed[i], fit.low, fit.high);
      fit.center = sum / static_cast<double>(n);
      double squares = 0.0;
      for (int64_t i = 0; i < n; ++i) {
        const double deviation = std::clamp(imputed[i], fit.low, fit.high) - fit.center;
        squares += deviation * deviation;
      }
      fit.scale = std::sqrt(squares / static_cast<double>(n - 1));
      break;
    }
    case Scale::kRobust:
      fit.center = clipped_quantile(imputed, fit, 0.5);
      fit.scale = clipped_quantile(imputed, fit, 0.75) - clipped_quantile(imputed, fit, 0.25);
      break;
    case Scale::kMinMax:
      fit.center = clipped_quantile(imputed, fit, 0.0);
      fit.scale = clipped_quantile(imputed, fit, 1.0) - fit.center;
      break;
    case Scale::kNone:
      break;
  }
}

ColumnFit fit_column(std::span<const float> values, const PreprocessSettings& settings) {
  ColumnFit fit;
  std::vector<float> finite;
  finite.reserve(values.size());
  for (const float x : values) {
    if (std::isfinite(x)) finite.push_back(x);
  }
  const auto missing = static_cast<int64_t>(values.size() - finite.size());
  fit.indicator =
      missing > 0 && static_cast<double>(missing) >= settings.indicator * static_cast<double>(values.size());
  std::sort(finite.begin(), finite.end());
  fit.fill = fill_of(finite, settings);
  const Imputed imputed(finite, settings.impute == Impute::kNone ? 0 : missing, fit.fill);
  if (settings.clips) {
    fit.low = imputed.quantile(settings.clip_low);
    fit.high = imputed.quantile(settings.clip_high);
  } else {
    fit.low = std::numeric_limits<float>::lowest();
    fit.high = std::numeric_limits<float>::max();
  }
  fit_scale(imputed, settings.scale, fit);
  const double first = std::clamp(imputed[0], fit.low, fit.high);
  const double last = std::clamp(imputed[imputed.size() - 1], fit.low, fit.high);
  if (!(first < last)) {
    fit.drop = Drop::kConstantAfterClip;
  } else if (!(fit.scale > 0.0)) {
    fit.drop = settings.scale == Scale::kStandard ? Drop::kConstantAfterClip : Drop::kZeroScale;
  }
  return fit;
}

}  // namespace

Preprocessing fit_preprocessing(MatrixView<const float> X, std::span<const int64_t> fit_rows,
                                const PreprocessSettings& settings, int threads) {
  if (fit_rows.size() < 2) {
    raise("TooFewRows", "a preprocessor needs at least 2 training rows, but got ", fit_rows.size(),
          " (n_samples=", fit_rows.size(), ").");
  }
  const Filtered filtered = filter_columns(X, fit_rows, {settings.max_missing, true, false}, threads);
  std::vector<ColumnFit> fits(static_cast<size_t>(X.cols));
  for_columns(X, fit_rows, threads, [&](int64_t j, std::span<const float> values) {
    ColumnFit& fit = fits[static_cast<size_t>(j)];
    const Drop drop = filtered.drop[static_cast<size_t>(j)];
    if (drop == Drop::kKept) {
      fit = fit_column(values, settings);
    } else {
      fit.drop = drop;
    }
  });
  Filtered kept = filtered;
  for (size_t j = 0; j < fits.size(); ++j) kept.drop[j] = fits[j].drop;
  mark_duplicates(X, fit_rows, threads, kept);

  Preprocessing result;
  auto& columns = result.columns;
  for (size_t j = 0; j < fits.size(); ++j) {
    if (kept.drop[j] != Drop::kKept) continue;
    const ColumnFit& fit = fits[j];
    columns.kept.push_back(static_cast<int64_t>(j));
    columns.fill.push_back(fit.fill);
    columns.low.push_back(fit.low);
    columns.high.push_back(fit.high);
    columns.center.push_back(fit.center);
    columns.scale.push_back(fit.scale);
    if (fit.indicator) columns.indicators.push_back(static_cast<int64_t>(j));
  }
  if (columns.kept.empty()) {
    raise("TooFewColumns", "none of the ", X.cols,
          " columns is usable: all are constant, missing or duplicates on the training rows.");
  }
  columns.indicators = distinct_patterns(X, fit_rows, columns.indicators);
  result.drop = std::move(kept.drop);
  result.duplicate_of = std::move(kept.duplicate_of);
  return result;
}

void select(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const int64_t> kept,
            int threads, float* out) {
  const size_t k = kept.size();
  ColumnProgram program;
  program.kept.assign(kept.begin(), kept.end());
  program.fill.assign(k, std::numeric_limits<double>::quiet_NaN());
  program.low.assign(k, std::numeric_limits<double>::lowest());
  program.high.assign(k, std::numeric_limits<double>::max());
  program.center.assign(k, 0.0);
  program.scale.assign(k, 1.0);
  apply(X, rows, program, threads, out);
}

}  // namespace smctrain::prepare
