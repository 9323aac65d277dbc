#include "smctrain/models/linear/elastic_net.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "smctrain/base/error.h"
#include "smctrain/models/linear/kernels.h"
#include "smctrain/models/linear/quadratic.h"

namespace smctrain::models::linear {

namespace {

constexpr int64_t kLargestGram = 4096;

// The smooth part without penalties, 1/2 b' Q b - c' b: by gram or by columns.
class Problem {
 public:
  virtual ~Problem() = default;
  // Sweeps until steps change their slope by no more than `least`; returns the sweeps.
  virtual int64_t improve(double l1, double l2, double least, int64_t max_sweeps, const StopToken& stop) = 0;
  // z' share (y - z b)
  virtual std::span<const double> correlations() = 0;
  virtual double mean_square() = 0;

  std::span<const double> b() const { return b_; }
  double square_y() const { return square_y_; }

 protected:
  std::vector<double> b_;
  double square_y_ = 0.0;
};

class GramProblem final : public Problem {
 public:
  GramProblem(const Design& design, const Target& target, const StopToken& stop)
      : stride_(design.stride()), size_(design.d()), gram_(design.gram(target.centred, stop)) {
    b_.assign(static_cast<size_t>(size_), 0.0);
    const double* right = gram_.data() + size_ * stride_;
    right_.assign(right, right + size_);
    slope_ = right_;
    square_y_ = right[size_];
    for (int64_t j = 0; j < size_; ++j) diagonal_.push_back(gram_[static_cast<size_t>(j * stride_ + j)]);
    refresh();
  }

  int64_t improve(double l1, double l2, double least, int64_t max_sweeps, const StopToken& stop) override {
    const std::vector<double> thresholds(static_cast<size_t>(size_), l1);
    // The quadratic penalty is part of the matrix.
    for (int64_t j = 0; j < size_; ++j) {
      const auto i = static_cast<size_t>(j);
      // A column without spread keeps the coefficient 0.
      gram_[static_cast<size_t>(j * stride_ + j)] = diagonal_[i] > 0.0 ? diagonal_[i] + l2 : 0.0;
      slope_[i] = correlations_[i] - l2 * b_[i];
    }
    const int64_t sweeps =
        descend({gram_.data(), stride_, size_}, thresholds, least, max_sweeps, stop, b_, slope_);
    for (int64_t j = 0; j < size_; ++j)
      gram_[static_cast<size_t>(j * stride_ + j)] = diagonal_[static_cast<size_t>(j)];
    refresh();
    return sweeps;
  }

  std::span<const double> correlations() override { return correlations_; }

  double mean_square() override {
    double sum = square_y_;
    for (size_t j = 0; j < b_.size(); ++j) sum -= b_[j] * (right_[j] + correlations_[j]);
    return std::max(sum, 0.0);
  }

 private:
  // From b alone, so that rounding of the updates does not pile up.
  void refresh() {
    correlations_ = right_;
    for (int64_t j = 0; j < size_; ++j) {
      const double entry = b_[static_cast<size_t>(j)];
      if (entry != 0.0) add_scaled(-entry, gram_.data() + j * stride_, correlations_.data(), size_);
    }
  }

  int64_t stride_;
  int64_t size_;
  std::vector<double> gram_, diagonal_, right_, slope_, correlations_;
};

class ColumnProblem final : public Problem {
 public:
  ColumnProblem(const Design& design, const Target& target, const StopToken& stop)
      : n_(design.n()), size_(design.d()), columns_(design.columns(stop)), residual_(target.centred) {
    for (size_t i = 0; i < residual_.size(); ++i) residual_[i] *= std::sqrt(design.share()[i]);
    square_y_ = dot(residual_.data(), residual_.data(), n_);
    b_.assign(static_cast<size_t>(size_), 0.0);
    correlations_.resize(b_.size());
    for (int64_t j = 0; j < size_; ++j) diagonal_.push_back(dot(column(j), column(j), n_));
  }

  int64_t improve(double l1, double l2, double least, int64_t max_sweeps, const StopToken& stop) override {
    std::vector<int64_t> all(static_cast<size_t>(size_));
    for (int64_t j = 0; j < size_; ++j) all[static_cast<size_t>(j)] = j;
    std::vector<int64_t> active;
    int64_t sweeps = 0;
    while (sweeps < max_sweeps) {
      double largest = sweep(all, l1, l2, stop);
      ++sweeps;
      if (largest <= least || stop.stop_requested()) break;
      active.clear();
      for (const int64_t j : all) {
        if (b_[static_cast<size_t>(j)] != 0.0) active.push_back(j);
      }
      while (sweeps < max_sweeps && largest > least && !stop.stop_requested()) {
        largest = sweep(active, l1, l2, stop);
        ++sweeps;
      }
    }
    return sweeps;
  }

  std::span<const double> correlations() override {
    for (int64_t j = 0; j < size_; ++j) {
      correlations_[static_cast<size_t>(j)] = dot(column(j), residual_.data(), n_);
    }
    return correlations_;
  }

  double mean_square() override { return dot(residual_.data(), residual_.data(), n_); }

 private:
  const double* column(int64_t j) const { return columns_.data() + j * n_; }

  double sweep(std::span<const int64_t> which, double l1, double l2, const StopToken& stop) {
    double largest = 0.0;
    for (size_t k = 0; k < which.size(); ++k) {
      if (k % 64 == 0 && stop.stop_requested()) break;
      const int64_t j = which[k];
      const double curvature = diagonal_[static_cast<size_t>(j)];
      if (!(curvature > 0.0)) continue;
      double& entry = b_[static_cast<size_t>(j)];
      const double pull = dot(column(j), residual_.data(), n_) + curvature * entry;
      const double wanted = soft_threshold(pull, l1) / (curvature + l2);
      const double change = wanted - entry;
      if (change == 0.0) continue;
      entry = wanted;
      add_scaled(-change, column(j), residual_.data(), n_);
      largest = std::max(largest, std::abs(change) * (curvature + l2));
    }
    return largest;
  }

  int64_t n_;
  int64_t size_;
  std::vector<double> columns_, residual_, diagonal_, correlations_;
};

struct Quality {
  double objective = 0.0;
  double gap = 0.0;
};

Quality quality(Problem& problem, double l1, double l2) {
  const auto correlations = problem.correlations();
  const auto b = problem.b();
  const double residual = problem.mean_square();
  double norm1 = 0.0;
  double norm2 = 0.0;
  double fitted = 0.0;  // residual . (z b)
  double dual = 0.0;
  for (size_t j = 0; j < b.size(); ++j) {
    norm1 += std::abs(b[j]);
    norm2 += b[j] * b[j];
    fitted += b[j] * correlations[j];
    dual = std::max(dual, std::abs(correlations[j] - l2 * b[j]));
  }
  Quality out;
  out.objective = 0.5 * residual + l1 * norm1 + 0.5 * l2 * norm2;
  const double factor = dual > l1 ? l1 / dual : 1.0;
  const double residual_y = residual + fitted;  // residual . y
  out.gap = 0.5 * residual * (1.0 + factor * factor) + l1 * norm1 - factor * residual_y +
            0.5 * l2 * (1.0 + factor * factor) * norm2;
  out.gap = std::max(out.gap, 0.0);
  return out;
}

std::vector<double> grid(const Problem& problem, std::span<const double> correlations,
                         const ElasticNetSettings& settings) {
  double largest = 0.0;
  for (const double value : correlations) largest = std::max(largest, std::abs(value));
  double top = largest / settings.l1_ratio;
  // Nothing correlates with the target: every penalty gives zeros.
  if (!(top > std::numeric_limits<double>::epsilon() * std::sqrt(problem.square_y()))) top = 1.0;
  std::vector<double> alphas;
  for (int64_t k = 0; k < settings.n_alphas; ++k) {
    const double share =
        settings.n_alphas == 1 ? 0.0 : static_cast<double>(k) / static_cast<double>(settings.n_alphas - 1);
    alphas.push_back(top * std::pow(settings.eps, share));
  }
  return alphas;
}

void check(const ElasticNetSettings& settings) {
  if (!(settings.l1_ratio > 0.0 && settings.l1_ratio <= 1.0)) {
    raise("InputError", "l1_ratio must lie in (0, 1], but is ", settings.l1_ratio, ": for 0 use Ridge.");
  }
  if (!(settings.tol > 0.0)) raise("InputError", "tol must be positive, but is ", settings.tol, ".");
  for (size_t k = 0; k < settings.alphas.size(); ++k) {
    const double alpha = settings.alphas[k];
    if (!(alpha > 0.0) || !std::isfinite(alpha)) {
      raise("InputError", "alpha must be a positive finite number, but is ", alpha,
            ": for 0 use LinearRegression.");
    }
    if (k > 0 && alpha > settings.alphas[k - 1]) raise("InputError", "alphas must be in descending order.");
  }
}

}  // namespace

PathResult fit_elastic_net(const Design& design, std::span<const double> y,
                           const ElasticNetSettings& settings, const StopToken& stop) {
  check(settings);
  PathResult result;
  const Target target = centred_target(design, y);
  const auto d = static_cast<size_t>(design.d());
  const auto append = [&](double alpha, std::span<const double> b, const Quality& found, int64_t sweeps) {
    result.coefs.resize(result.coefs.size() + d);
    double intercept = 0.0;
    design.to_units(b.data(), target.mean, result.coefs.data() + result.coefs.size() - d, &intercept);
    result.alphas.push_back(alpha);
    result.intercepts.push_back(intercept);
    result.objective.push_back(found.objective);
    result.gap.push_back(found.gap);
    result.n_iter.push_back(sweeps);
  };
  std::unique_ptr<Problem> problem;
  try {
    if (design.d() < design.n() && design.d() <= kLargestGram) {
      problem = std::make_unique<GramProblem>(design, target, stop);
    } else {
      problem = std::make_unique<ColumnProblem>(design, target, stop);
    }
  } catch (const Stopped&) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    result.stop_reason = to_string(stop.reason());
    append(settings.alphas.empty() ? nan : settings.alphas[0], std::vector<double>(d, 0.0), {nan, nan}, 0);
    return result;
  }
  const std::vector<double> alphas =
      settings.alphas.empty() ? grid(*problem, problem->correlations(), settings) : settings.alphas;
  const double goal = settings.tol * problem->square_y();
  for (const double alpha : alphas) {
    const double l1 = alpha * settings.l1_ratio;
    const double l2 = alpha * (1.0 - settings.l1_ratio);
    double least = 0.1 * std::sqrt(settings.tol) * l1;
    int64_t sweeps = 0;
    Quality found = quality(*problem, l1, l2);
    while ((sweeps == 0 || found.gap > goal) && sweeps < settings.max_iter && !stop.stop_requested()) {
      sweeps += problem->improve(l1, l2, least, settings.max_iter - sweeps, stop);
      found = quality(*problem, l1, l2);
      if (found.gap > goal && least < 1e-15 * l1) break;  // as exact as doubles allow
      least *= 0.03;
    }
    append(alpha, problem->b(), found, sweeps);
    if (settings.progress) {
      settings.progress(static_cast<int64_t>(result.alphas.size()), static_cast<int64_t>(alphas.size()));
    }
    if (stop.stop_requested()) {
      result.stop_reason = to_string(stop.reason());
      break;
    }
  }
  return result;
}

}  // namespace smctrain::models::linear
