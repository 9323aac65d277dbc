#include "smctrain/models/linear/wide.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <utility>

#include "smctrain/models/linear/kernels.h"
#include "smctrain/models/linear/quadratic.h"

namespace smctrain::models::linear {

namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Map = Eigen::Map<Matrix>;

constexpr int64_t kBlock = 128;

}  // namespace

bool factor(std::vector<double>& matrix, int64_t side, const StopToken& stop) {
  Map a(matrix.data(), side, side);
  for (int64_t k = 0; k < side; k += kBlock) {
    const int64_t width = std::min(kBlock, side - k);
    const int64_t below = side - k - width;
    const Eigen::LLT<Matrix> own(a.block(k, k, width, width));
    if (own.info() != Eigen::Success) return false;
    a.block(k, k, width, width) = own.matrixL();
    if (below == 0) break;
    const auto diagonal = a.block(k, k, width, width).triangularView<Eigen::Lower>();
    diagonal.transpose().solveInPlace<Eigen::OnTheRight>(a.block(k + width, k, below, width));
    for (int64_t j = k + width; j < side; j += kBlock) {
      poll(stop);
      const int64_t columns = std::min(kBlock, side - j);
      a.block(j, j, side - j, columns).noalias() -=
          a.block(j, k, side - j, width) * a.block(j, k, columns, width).transpose();
    }
  }
  return true;
}

WideRows::WideRows(const Design& design, const StopToken& stop)
    : design_(design),
      stop_(stop),
      n_(design.n()),
      d_(design.d()),
      width_(d_ + (design.has_intercept() ? 1 : 0)),
      stride_(design.stride()),
      columns_(static_cast<size_t>(n_ * width_)) {
  std::vector<double> row(static_cast<size_t>(design.stride()));
  for (int64_t i = 0; i < n_; ++i) {
    poll(stop_);
    design.load(i, design.has_intercept() ? 1.0 : 0.0, row.data());
    for (int64_t j = 0; j < width_; ++j)
      columns_[static_cast<size_t>(j * n_ + i)] = row[static_cast<size_t>(j)];
  }
}

void WideRows::make_products() {
  if (!products_.empty()) return;
  std::vector<double> sum(static_cast<size_t>(n_ * n_), 0.0);
  Map products(sum.data(), n_, n_);
  const Eigen::Map<const Matrix> rows(columns_.data(), n_, d_);
  for (int64_t j = 0; j < d_; j += kBlock) {
    const int64_t count = std::min(kBlock, d_ - j);
    for (int64_t i = 0; i < n_; i += kBlock) {
      poll(stop_);
      const int64_t strip = std::min(kBlock, n_ - i);
      products.block(i, i, n_ - i, strip).noalias() +=
          rows.block(i, j, n_ - i, count) * rows.block(i, j, strip, count).transpose();
    }
  }
  for (int64_t i = 0; i < n_; ++i) {
    for (int64_t k = i + 1; k < n_; ++k) products(i, k) = products(k, i);
  }
  products_ = std::move(sum);
}

std::vector<double> WideRows::newton(std::span<const double> p, std::span<const double> gradient, double l2) {
  make_products();
  const Eigen::Map<const Matrix> rows(columns_.data(), n_, d_);
  const Eigen::Map<const Matrix> products(products_.data(), n_, n_);
  const Eigen::Map<const Vector> slope(gradient.data(), d_);
  Vector s(n_);
  for (int64_t i = 0; i < n_; ++i) {
    const double up = p[static_cast<size_t>(i)];
    s[i] = std::sqrt(design_.share()[static_cast<size_t>(i)] * up * (1.0 - up));
  }
  const double typical =
      std::max(s.cwiseAbs2().dot(products.diagonal()) / static_cast<double>(d_) + l2, 1e-300);
  std::vector<double> lower;
  double ridge = 0.0;
  for (double damping = 1e-10;; damping *= 1e3) {
    ridge = l2 + damping * typical;
    lower.resize(static_cast<size_t>(n_ * n_));
    Map system(lower.data(), n_, n_);
    system = s.asDiagonal() * products * s.asDiagonal();
    system.diagonal().array() += ridge;
    if (factor(lower, n_, stop_) || damping > 1e3) break;
  }
  const Map triangle(lower.data(), n_, n_);
  const auto solve = [&](Vector v) {
    triangle.triangularView<Eigen::Lower>().solveInPlace(v);
    triangle.triangularView<Eigen::Lower>().transpose().solveInPlace(v);
    return v;
  };
  const Vector seen = solve(s.cwiseProduct(rows * slope));
  Vector change = (rows.transpose() * s.cwiseProduct(seen) - slope) / ridge;
  std::vector<double> out(static_cast<size_t>(stride_), 0.0);
  if (width_ > d_) {
    // c = F'w couples columns and intercept; t = (F'WF + ridge)^-1 c and its complement need no division by
    // ridge.
    const Vector through = solve(s);
    const Vector t = rows.transpose() * s.cwiseProduct(through);
    const double complement = ridge * s.dot(through);
    const double coupled = s.cwiseAbs2().dot(rows * change);
    const double shift = (-gradient[static_cast<size_t>(d_)] - coupled) / std::max(complement, 1e-300);
    change -= t * shift;
    out[static_cast<size_t>(d_)] = shift;
  }
  std::copy(change.data(), change.data() + d_, out.begin());
  return out;
}

std::vector<double> WideRows::conjugate_gradients(std::span<const double> p, std::span<const double> gradient,
                                                  double l2) const {
  constexpr int kMostProducts = 1000;
  const auto n_scores = static_cast<int64_t>(p.size()) / n_;
  const auto size = static_cast<size_t>(n_scores * stride_);
  const auto times = [&](const std::vector<double>& x) {
    std::vector<double> u;
    for (int64_t k = 0; k < n_scores; ++k) {
      const auto v = scores(x.data() + k * stride_);
      u.insert(u.end(), v.begin(), v.end());
    }
    for (int64_t i = 0; i < n_; ++i) {
      double mean = 0.0;
      for (int64_t k = 0; k < n_scores; ++k) {
        mean += p[static_cast<size_t>(k * n_ + i)] * u[static_cast<size_t>(k * n_ + i)];
      }
      for (int64_t k = 0; k < n_scores; ++k) {
        const auto at = static_cast<size_t>(k * n_ + i);
        u[at] = design_.share()[static_cast<size_t>(i)] * p[at] * (u[at] - mean);
      }
    }
    std::vector<double> out(size, 0.0);
    for (int64_t k = 0; k < n_scores; ++k) {
      for (int64_t j = 0; j < width_; ++j) {
        if (j % 1024 == 0) poll(stop_);
        const auto at = static_cast<size_t>(k * stride_ + j);
        out[at] = dot(column(j), u.data() + k * n_, n_) + (j < d_ ? l2 * x[at] : 0.0);
      }
    }
    return out;
  };
  const auto inner = [&](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0.0;
    for (size_t i = 0; i < size; ++i) sum += a[i] * b[i];
    return sum;
  };
  std::vector<double> x(size, 0.0);
  std::vector<double> residual(size, 0.0);
  for (int64_t k = 0; k < n_scores; ++k) {
    for (int64_t j = 0; j < width_; ++j) {
      const auto at = static_cast<size_t>(k * stride_ + j);
      residual[at] = -gradient[at];
    }
  }
  std::vector<double> way = residual;
  double square = inner(residual, residual);
  const double enough = 1e-6 * square;
  for (int product = 0; product < kMostProducts && square > enough; ++product) {
    const auto bent = times(way);
    const double curvature = inner(way, bent);
    if (!(curvature > 0.0)) break;
    const double length = square / curvature;
    add_scaled(length, way.data(), x.data(), static_cast<int64_t>(size));
    add_scaled(-length, bent.data(), residual.data(), static_cast<int64_t>(size));
    const double next = inner(residual, residual);
    for (size_t i = 0; i < size; ++i) way[i] = residual[i] + next / square * way[i];
    square = next;
  }
  return x;
}

std::vector<double> WideRows::descend(std::span<const double> p, std::span<const double> gradient,
                                      std::span<const double> b, double l1, double l2, double least,
                                      int64_t max_sweeps) const {
  const auto n = static_cast<size_t>(n_);
  const auto n_scores = static_cast<int64_t>(p.size()) / n_;
  const auto size = static_cast<size_t>(n_scores * stride_);
  const auto share = design_.share();
  std::vector<double> change(size, 0.0);
  std::vector<double> curvature(size, 0.0);
  std::vector<double> moved(p.size(), 0.0);  // F change, scores x n
  std::vector<double> mean(n, 0.0);          // sum over classes of p times moved; 0 for one score
  double typical = 0.0;
  for (int64_t k = 0; k < n_scores; ++k) {
    const double* own = p.data() + k * n_;
    for (int64_t j = 0; j < width_; ++j) {
      if (j % 1024 == 0) poll(stop_);
      double sum = j < d_ ? l2 : 0.0;
      for (size_t i = 0; i < n; ++i) sum += share[i] * own[i] * (1.0 - own[i]) * column(j)[i] * column(j)[i];
      curvature[static_cast<size_t>(k * stride_ + j)] = sum;
      typical = std::max(typical, sum);
    }
  }
  // Largest change of the coordinate's own slope.
  const auto step = [&](int64_t k, int64_t j) {
    const auto at = static_cast<size_t>(k * stride_ + j);
    const double extra = 1e-10 * typical;
    const double bend = curvature[at] + extra;
    if (!(bend > 0.0)) return 0.0;
    const double* x = column(j);
    const double* own = p.data() + k * n_;
    double* v = moved.data() + k * n_;
    double slope = -gradient[at] - (extra + (j < d_ ? l2 : 0.0)) * change[at];
    for (size_t i = 0; i < n; ++i) {
      const double bent = n_scores == 1 ? (1.0 - own[i]) * v[i] : v[i] - mean[i];
      slope -= share[i] * own[i] * bent * x[i];
    }
    const double before = b[at] + change[at];
    const double wanted = soft_threshold(slope + bend * before, j < d_ ? l1 : 0.0) / bend;
    const double move = wanted - before;
    if (move == 0.0) return 0.0;
    change[at] = wanted - b[at];
    for (size_t i = 0; i < n; ++i) {
      v[i] += move * x[i];
      if (n_scores > 1) mean[i] += own[i] * move * x[i];
    }
    return std::abs(move) * bend;
  };
  std::vector<std::pair<int64_t, int64_t>> active;
  int64_t sweeps = 0;
  while (sweeps < max_sweeps) {
    double largest = 0.0;
    active.clear();
    for (int64_t j = 0; j < width_; ++j) {
      if (j % 256 == 0) poll(stop_);
      for (int64_t k = 0; k < n_scores; ++k) {
        const auto at = static_cast<size_t>(k * stride_ + j);
        largest = std::max(largest, step(k, j));
        if (b[at] + change[at] != 0.0) active.emplace_back(k, j);
      }
    }
    ++sweeps;
    if (largest <= least) break;
    while (sweeps < max_sweeps && largest > least) {
      poll(stop_);
      largest = 0.0;
      for (const auto& [k, j] : active) largest = std::max(largest, step(k, j));
      ++sweeps;
    }
  }
  return change;
}

std::vector<double> WideRows::scores(const double* b) const {
  std::vector<double> out(static_cast<size_t>(n_), 0.0);
  for (int64_t j = 0; j < width_; ++j) {
    if (b[j] != 0.0) add_scaled(b[j], column(j), out.data(), n_);
  }
  return out;
}

}  // namespace smctrain::models::linear
