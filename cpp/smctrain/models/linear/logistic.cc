#include "smctrain/models/linear/logistic.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/models/linear/kernels.h"
#include "smctrain/models/linear/quadratic.h"
#include "smctrain/models/linear/quasi_newton.h"
#include "smctrain/models/linear/scores.h"
#include "smctrain/models/linear/wide.h"

namespace smctrain::models::linear {

namespace {

constexpr int64_t kLargestHessian = 1200;
constexpr int kMostHalvings = 30;
constexpr double kSlowReduction = 0.3;
constexpr int kPatience = 3;
constexpr int kPatienceWithBound = 25;  // a new bound is hardly better than the old one

struct Evaluation {
  double objective = 0.0;
  std::vector<double> gradient;  // of the smooth part, scores x stride
};

class Solver {
 public:
  Solver(const Design& design, std::span<const int32_t> y, const LogisticSettings& settings,
         const StopToken& stop)
      : design_(design),
        y_(y),
        settings_(settings),
        stop_(stop),
        d_(design.d()),
        stride_(design.stride()),
        width_(d_ + (design.has_intercept() ? 1 : 0)),
        scores_(settings.n_classes == 2 ? 1 : settings.n_classes),
        full_hessian_(scores_ == 1 || scores_ * width_ <= kLargestHessian),
        is_wide_(width_ > kLargestHessian && width_ > design.n()) {
    const int64_t n = design.n();
    sample_ = std::clamp<int64_t>(std::max({20 * width_, 8 * n / (width_ * scores_), int64_t{1000}}), 1, n);
    if (is_wide_) sample_ = n;
  }

  LogisticFit run();

 private:
  struct State {
    std::vector<double> beta;
    Evaluation at;
    double error = 0.0;
  };

  std::vector<double> start() const;
  Evaluation evaluate(const std::vector<double>& beta) const;
  std::vector<double> hessian(const std::vector<double>& beta) const;
  std::vector<double> direction(const std::vector<double>& beta, const Evaluation& at,
                                double violation) const;
  std::vector<double> wide_direction(const std::vector<double>& beta, const Evaluation& at, double error);
  QuasiNewton::Solve curvature(const std::vector<double>& beta) const;
  double violation(const std::vector<double>& beta, const Evaluation& at) const;
  bool advance(State& state, const std::vector<double>& change, double* length) const;
  void smooth_steps(State& state, const std::function<void(double)>& record);
  void newton_steps(State& state, const std::function<void(double)>& record);
  double norm1(const std::vector<double>& beta) const;

  const Design& design_;
  std::span<const int32_t> y_;
  LogisticSettings settings_;
  const StopToken& stop_;
  int64_t d_, stride_, width_, scores_, sample_ = 0;
  bool full_hessian_;
  bool is_wide_;  // more columns than rows: no Hessian is built
  std::optional<WideRows> wide_;
};

std::vector<double> Solver::start() const {
  std::vector<double> beta(static_cast<size_t>(scores_ * stride_), 0.0);
  if (!design_.has_intercept()) return beta;
  std::vector<double> prior(static_cast<size_t>(settings_.n_classes), 0.0);
  for (int64_t i = 0; i < design_.n(); ++i) {
    prior[static_cast<size_t>(y_[static_cast<size_t>(design_.row(i))])] +=
        design_.share()[static_cast<size_t>(i)];
  }
  if (scores_ == 1) {
    beta[static_cast<size_t>(d_)] = std::log(prior[1] / prior[0]);
    return beta;
  }
  double mean = 0.0;
  for (double& entry : prior) {
    entry = std::log(std::max(entry, 1e-10));  // a class without rows: as good as impossible
    mean += entry / static_cast<double>(scores_);
  }
  for (int64_t k = 0; k < scores_; ++k) {
    beta[static_cast<size_t>(k * stride_ + d_)] = prior[static_cast<size_t>(k)] - mean;
  }
  return beta;
}

double Solver::norm1(const std::vector<double>& beta) const {
  double sum = 0.0;
  for (int64_t k = 0; k < scores_; ++k) {
    for (int64_t j = 0; j < d_; ++j) sum += std::abs(beta[static_cast<size_t>(k * stride_ + j)]);
  }
  return sum;
}

Evaluation Solver::evaluate(const std::vector<double>& beta) const {
  const auto size = static_cast<size_t>(scores_ * stride_);
  const int64_t chunks = design_.n_chunks();
  std::vector<std::vector<double>> gradients(static_cast<size_t>(chunks));
  std::vector<double> losses(static_cast<size_t>(chunks), 0.0);
  const double ones = design_.has_intercept() ? 1.0 : 0.0;
  parallel_for(chunks, design_.threads(), [&](int64_t chunk) {
    const int64_t rows = design_.block_rows();
    std::vector<double> gradient(size, 0.0);
    std::vector<double> block(static_cast<size_t>(rows * stride_));
    std::vector<double> by_score(static_cast<size_t>(rows * scores_));
    std::vector<double> by_row(static_cast<size_t>(scores_));
    double loss = 0.0;
    const int64_t end = design_.chunk_start(chunk + 1);
    for (int64_t first = design_.chunk_start(chunk); first < end; first += rows) {
      poll(stop_);
      const int64_t count = std::min(rows, end - first);
      for (int64_t r = 0; r < count; ++r) design_.load(first + r, ones, block.data() + r * stride_);
      for (int64_t k = 0; k < scores_; ++k) {
        block_times(block.data(), count, stride_, beta.data() + k * stride_, by_score.data() + k * rows);
      }
      for (int64_t r = 0; r < count; ++r) {
        const double share = design_.share()[static_cast<size_t>(first + r)];
        const int32_t code = y_[static_cast<size_t>(design_.row(first + r))];
        for (int64_t k = 0; k < scores_; ++k)
          by_row[static_cast<size_t>(k)] = by_score[static_cast<size_t>(k * rows + r)];
        loss += share * row_loss(by_row.data(), scores_, code);
        for (int64_t k = 0; k < scores_; ++k) {
          const bool own = scores_ == 1 ? code == 1 : code == k;
          by_score[static_cast<size_t>(k * rows + r)] =
              share * (by_row[static_cast<size_t>(k)] - (own ? 1.0 : 0.0));
        }
      }
      for (int64_t k = 0; k < scores_; ++k) {
        add_transposed_times(block.data(), count, stride_, by_score.data() + k * rows,
                             gradient.data() + k * stride_);
      }
    }
    losses[static_cast<size_t>(chunk)] = loss;
    gradients[static_cast<size_t>(chunk)] = std::move(gradient);
  });
  Evaluation out;
  out.gradient = std::move(gradients[0]);
  out.objective = losses[0];
  for (size_t chunk = 1; chunk < gradients.size(); ++chunk) {
    add_scaled(1.0, gradients[chunk].data(), out.gradient.data(), static_cast<int64_t>(size));
    out.objective += losses[chunk];
  }
  double square = 0.0;
  for (int64_t k = 0; k < scores_; ++k) {
    for (int64_t j = 0; j < d_; ++j) {
      const auto at = static_cast<size_t>(k * stride_ + j);
      out.gradient[at] += settings_.l2 * beta[at];
      square += beta[at] * beta[at];
    }
  }
  out.objective += 0.5 * settings_.l2 * square + settings_.l1 * norm1(beta);
  return out;
}

// Densely packed: (scores width) squared, or `scores` matrices of width squared where only blocks are kept.
std::vector<double> Solver::hessian(const std::vector<double>& beta) const {
  const int64_t n = design_.n();
  const int64_t m = sample_;
  std::vector<int64_t> chosen(static_cast<size_t>(m));
  double held = 0.0;
  for (int64_t i = 0; i < m; ++i) {
    const int64_t from = n * i / m;
    const int64_t length = n * (i + 1) / m - from;
    // Somewhere in its stretch, so that a period of the data cannot coincide with the sample.
    const uint64_t mixed = (static_cast<uint64_t>(i) + 1) * 0x9E3779B97F4A7C15ULL;
    chosen[static_cast<size_t>(i)] =
        from + static_cast<int64_t>((mixed >> 33U) % static_cast<uint64_t>(length));
    held += design_.share()[static_cast<size_t>(chosen[static_cast<size_t>(i)])];
  }
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t k = 0; k < scores_; ++k) {
    for (int64_t l = k; l < (full_hessian_ ? scores_ : k + 1); ++l) pairs.emplace_back(k, l);
  }
  const auto size = static_cast<size_t>(stride_ * stride_);
  const int64_t chunks = std::clamp<int64_t>(m / 4096, 1, design_.n_chunks());
  std::vector<std::vector<double>> partial(static_cast<size_t>(chunks));
  const double ones = design_.has_intercept() ? 1.0 : 0.0;
  parallel_for(chunks, design_.threads(), [&](int64_t chunk) {
    const int64_t rows = design_.block_rows();
    std::vector<double> sum(size * pairs.size(), 0.0);
    std::vector<double> block(static_cast<size_t>(rows * stride_));
    std::vector<double> work(static_cast<size_t>(rows * 4));
    std::vector<double> weight(static_cast<size_t>(rows));
    std::vector<double> by_score(static_cast<size_t>(rows * scores_));
    std::vector<double> p(static_cast<size_t>(rows * scores_));
    const int64_t end = m * (chunk + 1) / chunks;
    for (int64_t first = m * chunk / chunks; first < end; first += rows) {
      poll(stop_);
      const int64_t count = std::min(rows, end - first);
      for (int64_t r = 0; r < count; ++r) {
        design_.load(chosen[static_cast<size_t>(first + r)], ones, block.data() + r * stride_);
      }
      for (int64_t k = 0; k < scores_; ++k) {
        block_times(block.data(), count, stride_, beta.data() + k * stride_, by_score.data() + k * rows);
      }
      for (int64_t r = 0; r < count; ++r) {
        double* row = p.data() + r * scores_;
        for (int64_t k = 0; k < scores_; ++k) row[k] = by_score[static_cast<size_t>(k * rows + r)];
        row_loss(row, scores_, 0);
      }
      for (size_t pair = 0; pair < pairs.size(); ++pair) {
        const auto [k, l] = pairs[pair];
        for (int64_t r = 0; r < count; ++r) {
          const double pk = p[static_cast<size_t>(r * scores_ + k)];
          const double pl = p[static_cast<size_t>(r * scores_ + l)];
          const double share =
              design_.share()[static_cast<size_t>(chosen[static_cast<size_t>(first + r)])] / held;
          const double curvature = !full_hessian_ ? pk : k == l ? pk * (1.0 - pk) : -pk * pl;
          weight[static_cast<size_t>(r)] = share * curvature;
        }
        add_gram(block.data(), count, stride_, weight.data(), work.data(), sum.data() + pair * size);
      }
    }
    partial[static_cast<size_t>(chunk)] = std::move(sum);
  });
  std::vector<double> grams = std::move(partial[0]);
  for (size_t chunk = 1; chunk < partial.size(); ++chunk) {
    add_scaled(1.0, partial[chunk].data(), grams.data(), static_cast<int64_t>(grams.size()));
  }
  const int64_t side = full_hessian_ ? scores_ * width_ : width_;
  std::vector<double> out(static_cast<size_t>(side * side * (full_hessian_ ? 1 : scores_)), 0.0);
  for (size_t pair = 0; pair < pairs.size(); ++pair) {
    const auto [k, l] = pairs[pair];
    double* gram = grams.data() + pair * size;
    mirror(gram, stride_);
    double* block = full_hessian_ ? out.data() : out.data() + k * side * side;
    const int64_t row0 = full_hessian_ ? k * width_ : 0;
    const int64_t col0 = full_hessian_ ? l * width_ : 0;
    for (int64_t i = 0; i < width_; ++i) {
      for (int64_t j = 0; j < width_; ++j) {
        const double value = gram[i * stride_ + j] + (k == l && i == j && i < d_ ? settings_.l2 : 0.0);
        block[(row0 + i) * side + col0 + j] = value;
        block[(col0 + j) * side + row0 + i] = value;
      }
    }
  }
  return out;
}

// The Hessian's factors; a trace on the diagonal keeps directions without curvature in place.
QuasiNewton::Solve Solver::curvature(const std::vector<double>& beta) const {
  const std::vector<double> matrix = hessian(beta);
  const int64_t each = full_hessian_ ? scores_ : 1;  // scores a matrix
  const int64_t side = each * width_;
  using Factor = Eigen::LLT<Eigen::MatrixXd>;
  const auto factors = std::make_shared<std::vector<Factor>>();
  for (int64_t first = 0; first < scores_; first += each) {
    const Eigen::Map<const Eigen::MatrixXd> hessian(matrix.data() + first / each * side * side, side, side);
    const double typical = std::max(hessian.diagonal().mean(), 1e-300);
    for (double damping = 1e-10;; damping *= 1e3) {
      Eigen::MatrixXd damped = hessian;
      damped.diagonal().array() += damping * typical;
      Factor factor(damped);
      if (factor.info() != Eigen::Success && damping <= 1e3) continue;
      factors->push_back(std::move(factor));
      break;
    }
  }
  return [this, factors, each, side](const std::vector<double>& v) {
    std::vector<double> out(v.size(), 0.0);
    Eigen::VectorXd part(side);
    for (int64_t first = 0; first < scores_; first += each) {
      for (int64_t i = 0; i < side; ++i) {
        part[i] = v[static_cast<size_t>((first + i / width_) * stride_ + i % width_)];
      }
      (*factors)[static_cast<size_t>(first / each)].solveInPlace(part);
      for (int64_t i = 0; i < side; ++i) {
        out[static_cast<size_t>((first + i / width_) * stride_ + i % width_)] = part[i];
      }
    }
    return out;
  };
}

std::vector<double> Solver::direction(const std::vector<double>& beta, const Evaluation& at,
                                      double error) const {
  const std::vector<double> matrix = hessian(beta);
  const int64_t side = full_hessian_ ? scores_ * width_ : width_;
  std::vector<double> out(beta.size(), 0.0);
  for (int64_t first = 0; first < scores_; first += full_hessian_ ? scores_ : 1) {
    const int64_t last = full_hessian_ ? scores_ : first + 1;
    std::vector<double> b(static_cast<size_t>(side));
    std::vector<double> gradient(static_cast<size_t>(side));
    std::vector<double> l1(static_cast<size_t>(side), 0.0);
    for (int64_t k = first; k < last; ++k) {
      for (int64_t j = 0; j < width_; ++j) {
        const auto to = static_cast<size_t>((k - first) * width_ + j);
        b[to] = beta[static_cast<size_t>(k * stride_ + j)];
        gradient[to] = at.gradient[static_cast<size_t>(k * stride_ + j)];
        if (j < d_) l1[to] = settings_.l1;
      }
    }
    std::vector<double> block;
    if (full_hessian_) {
      block = matrix;
    } else {
      block.assign(matrix.begin() + first * side * side, matrix.begin() + (first + 1) * side * side);
    }
    const double typical = std::accumulate(block.begin(), block.end(), 0.0,
                                           [](double most, double x) { return std::max(most, std::abs(x)); });
    for (int64_t i = 0; i < side; ++i) block[static_cast<size_t>(i * side + i)] += 1e-10 * typical;
    std::vector<double> slope(gradient.size());
    std::transform(gradient.begin(), gradient.end(), slope.begin(), [](double g) { return -g; });
    std::vector<double> change = b;
    descend({block.data(), side, side}, l1, 0.03 * error, 1000, stop_, change, slope);
    for (size_t i = 0; i < b.size(); ++i) change[i] -= b[i];
    for (int64_t k = first; k < last; ++k) {
      for (int64_t j = 0; j < width_; ++j) {
        out[static_cast<size_t>(k * stride_ + j)] = change[static_cast<size_t>((k - first) * width_ + j)];
      }
    }
  }
  return out;
}

std::vector<double> Solver::wide_direction(const std::vector<double>& beta, const Evaluation& at,
                                           double error) {
  if (!wide_) wide_.emplace(design_, stop_);
  const int64_t n = design_.n();
  std::vector<double> p;
  for (int64_t k = 0; k < scores_; ++k) {
    const auto of_rows = wide_->scores(beta.data() + k * stride_);
    p.insert(p.end(), of_rows.begin(), of_rows.end());
  }
  std::vector<double> row(static_cast<size_t>(scores_));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < scores_; ++k) row[static_cast<size_t>(k)] = p[static_cast<size_t>(k * n + i)];
    row_loss(row.data(), scores_, 0);
    for (int64_t k = 0; k < scores_; ++k) p[static_cast<size_t>(k * n + i)] = row[static_cast<size_t>(k)];
  }
  if (settings_.l1 > 0.0) {
    return wide_->descend(p, at.gradient, beta, settings_.l1, settings_.l2, 0.03 * error, 1000);
  }
  return scores_ == 1 ? wide_->newton(p, at.gradient, settings_.l2)
                      : wide_->conjugate_gradients(p, at.gradient, settings_.l2);
}

double Solver::violation(const std::vector<double>& beta, const Evaluation& at) const {
  double worst = 0.0;
  for (int64_t k = 0; k < scores_; ++k) {
    for (int64_t j = 0; j < width_; ++j) {
      const auto i = static_cast<size_t>(k * stride_ + j);
      double error = std::abs(at.gradient[i]);
      if (j < d_ && settings_.l1 > 0.0) {
        error = beta[i] == 0.0 ? std::max(error - settings_.l1, 0.0)
                               : std::abs(at.gradient[i] + std::copysign(settings_.l1, beta[i]));
      }
      worst = std::max(worst, error);
    }
  }
  return worst;
}

// Goes along `change` until the objective falls as promised; false, and nothing moved, where it does not.
bool Solver::advance(State& state, const std::vector<double>& change, double* length) const {
  const double rounding = 1e-14 * (1.0 + std::abs(state.at.objective));
  std::vector<double> trial(state.beta.size());
  double promised = 0.0;
  *length = 1.0;
  for (int halvings = 0; halvings <= kMostHalvings; ++halvings, *length *= 0.5) {
    for (size_t i = 0; i < trial.size(); ++i) trial[i] = state.beta[i] + *length * change[i];
    if (halvings == 0) {
      for (size_t i = 0; i < trial.size(); ++i) promised += state.at.gradient[i] * change[i];
      if (settings_.l1 > 0.0) promised += settings_.l1 * (norm1(trial) - norm1(state.beta));
    }
    Evaluation next = evaluate(trial);
    if (!(next.objective <= state.at.objective + 1e-4 * *length * promised + rounding)) continue;
    state.error = violation(trial, next);
    state.beta = std::move(trial);
    state.at = std::move(next);
    return true;
  }
  return false;
}

void Solver::smooth_steps(State& state, const std::function<void(double)>& record) {
  QuasiNewton metric;
  metric.restart(curvature(state.beta));
  int64_t known = 0;  // steps since the Hessian was made
  int slow = 0;       // of them in a row
  int patience = full_hessian_ ? kPatience : kPatienceWithBound;
  for (int64_t iteration = 0; iteration < settings_.max_iter && state.error > settings_.tol; ++iteration) {
    const State before = state;
    double length = 0.0;
    const bool moved = advance(state, metric.step(state.at.gradient), &length);
    if (moved) {
      record(length);
      ++known;
      slow = state.error > kSlowReduction * before.error ? slow + 1 : 0;
      if (slow < patience) {
        std::vector<double> s(state.beta.size());
        std::vector<double> y(state.beta.size());
        for (size_t i = 0; i < s.size(); ++i) {
          s[i] = state.beta[i] - before.beta[i];
          y[i] = state.at.gradient[i] - before.at.gradient[i];
        }
        metric.learn(std::move(s), std::move(y));
        continue;
      }
    } else if (known == 0 && sample_ == design_.n()) {
      break;  // as exact as doubles allow
    }
    if (state.error <= settings_.tol) break;
    if (known <= patience) {  // slow from the start: the Hessian, not its age, is to blame
      if (sample_ == design_.n() && full_hessian_) patience = 1;
      sample_ = std::min(4 * sample_, design_.n());
    }
    metric.restart(curvature(state.beta));
    known = slow = 0;
  }
}

void Solver::newton_steps(State& state, const std::function<void(double)>& record) {
  for (int64_t iteration = 0; iteration < settings_.max_iter && state.error > settings_.tol; ++iteration) {
    const double before = state.error;
    double length = 0.0;
    const std::vector<double> change = is_wide_ ? wide_direction(state.beta, state.at, state.error)
                                                : direction(state.beta, state.at, state.error);
    const bool moved = advance(state, change, &length);
    if (!moved && sample_ == design_.n()) break;  // as exact as doubles allow
    if (!moved || state.error > kSlowReduction * before) sample_ = std::min(4 * sample_, design_.n());
    if (moved) record(length);
  }
}

LogisticFit Solver::run() {
  LogisticFit fit;
  State state{start(), {}, 0.0};
  const auto record = [&](double length) {
    fit.objective.push_back(state.at.objective);
    fit.violation.push_back(state.error);
    fit.step.push_back(length);
    const auto steps = static_cast<int64_t>(fit.step.size()) - 1;
    if (settings_.progress && steps > 0) settings_.progress(steps, settings_.max_iter);
  };
  try {
    state.at = evaluate(state.beta);
    state.error = violation(state.beta, state.at);
    record(0.0);
    if (settings_.l1 > 0.0 || is_wide_) {
      newton_steps(state, record);
    } else if (state.error > settings_.tol) {
      smooth_steps(state, record);
    }
    fit.converged = state.error <= settings_.tol;
  } catch (const Stopped&) {
    fit.stop_reason = to_string(stop_.reason());
  }
  const std::vector<double>& beta = state.beta;
  double common = 0.0;  // softmax does not see what all intercepts have in common: they sum to 0
  for (int64_t k = 0; k < scores_ && scores_ > 1; ++k) common += beta[static_cast<size_t>(k * stride_ + d_)];
  common /= static_cast<double>(scores_);
  fit.coefs.resize(static_cast<size_t>(scores_ * d_));
  fit.intercepts.resize(static_cast<size_t>(scores_));
  for (int64_t k = 0; k < scores_; ++k) {
    const double* own = beta.data() + k * stride_;
    fit.beta.insert(fit.beta.end(), own, own + d_);
    design_.to_units(own, own[d_] - common, fit.coefs.data() + k * d_,
                     &fit.intercepts[static_cast<size_t>(k)]);
  }
  return fit;
}

}  // namespace

LogisticFit fit_logistic(const Design& design, std::span<const int32_t> y, const LogisticSettings& settings,
                         const StopToken& stop) {
  const int64_t k = settings.n_classes;
  if (k < 2) raise("OneClass", "a logistic regression needs at least 2 classes, but has ", k, ".");
  if (!(settings.l1 >= 0.0) || !(settings.l2 >= 0.0) || !(settings.tol > 0.0) || settings.max_iter < 1) {
    raise("InputError", "l1 and l2 must not be negative, tol and max_iter must be positive.");
  }
  std::vector<bool> seen(static_cast<size_t>(k), false);
  for (int64_t i = 0; i < design.n(); ++i) {
    const int32_t code = y[static_cast<size_t>(design.row(i))];
    if (code < 0 || code >= k) {
      raise("InputError", "class codes must lie in 0..", k - 1, ", but row ", design.row(i), " has ", code,
            ".");
    }
    seen[static_cast<size_t>(code)] = true;
  }
  if (std::count(seen.begin(), seen.end(), true) < 2) {
    raise("OneClass", "all ", design.n(),
          " training rows belong to one class, so there is nothing to learn.");
  }
  return Solver(design, y, settings, stop).run();
}

}  // namespace smctrain::models::linear
