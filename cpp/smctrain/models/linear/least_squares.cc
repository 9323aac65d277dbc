#include "smctrain/models/linear/least_squares.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>

#include "smctrain/base/error.h"
#include "smctrain/models/linear/kernels.h"

namespace smctrain::models::linear {

namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Eigen::Index;
using GramMap = Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>, 0,
                           Eigen::OuterStride<>>;

constexpr double kWellConditioned = 1e-6;
// Centring columns far from 0 leaves rounding of this size, relative to their spread; float32 holds nothing
// as fine.
constexpr double kCentring = 1e-12;
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

struct Moments {
  std::vector<double> gram;  // stride x stride; column d belongs to y
  int64_t d = 0;
  int64_t stride = 0;

  GramMap matrix() const { return {gram.data(), d, d, Eigen::OuterStride<>(stride)}; }
  Vector right() const { return Eigen::Map<const Vector>(gram.data() + d * stride, d); }
  double square_y() const { return gram[static_cast<size_t>(d * stride + d)]; }
  // Mean squared residual of beta; not below 0, where rounding would put it.
  double mean_square(const Vector& beta) const {
    const double value = square_y() - 2.0 * beta.dot(right()) + beta.dot(matrix() * beta);
    return std::max(value, 0.0);
  }
};

Moments moments(const Design& design, const Target& target, const StopToken& stop) {
  return {design.gram(target.centred, stop), design.d(), design.stride()};
}

void append(const Design& design, const Target& target, double alpha, const Vector& beta, double objective,
            PathResult& result) {
  const auto d = static_cast<size_t>(design.d());
  result.coefs.resize(result.coefs.size() + d);
  double intercept = 0.0;
  design.to_units(beta.data(), target.mean, result.coefs.data() + result.coefs.size() - d, &intercept);
  result.intercepts.push_back(intercept);
  result.alphas.push_back(alpha);
  result.objective.push_back(objective);
  result.gap.push_back(0.0);
  result.n_iter.push_back(1);
}

// R of the QR decomposition of the rows (z, y) sqrt(share): (d + 1) x (d + 1), or fewer rows.
Matrix triangle_of_rows(const Design& design, const Target& target, const StopToken& stop) {
  const Index width = design.d() + 1;
  const Index block = std::max<Index>(width, 128);
  Matrix stack = Matrix::Zero(width + block, width);
  std::vector<double> z(static_cast<size_t>(design.stride()));
  Index held = 0;
  for (int64_t first = 0; first < design.n(); first += block) {
    poll(stop);
    const Index count = std::min<Index>(block, design.n() - first);
    for (Index r = 0; r < count; ++r) {
      const auto position = static_cast<size_t>(first + r);
      design.load(first + r, target.centred[position], z.data());
      stack.row(held + r) =
          std::sqrt(design.share()[position]) * Eigen::Map<const Vector>(z.data(), width).transpose();
    }
    const Index rows = held + count;
    const Eigen::HouseholderQR<Matrix> qr(stack.topRows(rows));
    held = std::min(rows, width);
    stack.topRows(held) = qr.matrixQR().topRows(held).template triangularView<Eigen::Upper>();
  }
  return stack.topRows(held);
}

// Smaller eigenvalues are rounding.
double negligible(const Vector& values, int64_t size) {
  return static_cast<double>(size) * kEpsilon * std::max(0.0, values.maxCoeff());
}

// beta = V diag(1 / (L + penalty)) V' c; directions that neither data nor penalty fix stay at 0.
Vector shrunk(const Vector& values, const Vector& rotated, double penalty, double least) {
  Vector out(values.size());
  for (Index i = 0; i < values.size(); ++i) {
    const double value = values[i] > least ? values[i] : 0.0;
    out[i] = value + penalty > 0.0 && (value > 0.0 || penalty > least) ? rotated[i] / (value + penalty) : 0.0;
  }
  return out;
}

void ridge_by_columns(const Design& design, const Target& target, std::span<const double> alphas,
                      const StopToken& stop, PathResult& result) {
  const Moments all = moments(design, target, stop);
  const Vector right = all.right();
  const double total = design.total_weight();
  const auto keep = [&](double alpha, const Vector& beta) {
    append(design, target, alpha, beta, total * all.mean_square(beta) + alpha * beta.squaredNorm(), result);
  };
  if (alphas.size() == 1 && alphas[0] > 0.0) {
    Matrix penalised = all.matrix();
    penalised.diagonal().array() += alphas[0] / total;
    const Eigen::LLT<Matrix> cholesky(penalised);
    if (cholesky.info() == Eigen::Success && cholesky.rcond() > 1e-12) {
      keep(alphas[0], cholesky.solve(right));
      return;
    }
  }
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(all.matrix());
  const double least = negligible(eigen.eigenvalues(), design.d());
  const Vector rotated = eigen.eigenvectors().transpose() * right;
  for (const double alpha : alphas) {
    poll(stop);
    keep(alpha, eigen.eigenvectors() * shrunk(eigen.eigenvalues(), rotated, alpha / total, least));
  }
}

void ridge_by_rows(const Design& design, const Target& target, std::span<const double> alphas,
                   const StopToken& stop, PathResult& result) {
  const Index n = design.n();
  const std::vector<double> columns = design.columns(stop);
  const Eigen::Map<const Matrix> z(columns.data(), n, design.d());  // n x d, sqrt(share) inside
  Vector y(n);
  for (Index i = 0; i < n; ++i) {
    y[i] = std::sqrt(design.share()[static_cast<size_t>(i)]) * target.centred[static_cast<size_t>(i)];
  }
  poll(stop);
  const Matrix inner = z * z.transpose();
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(inner);
  const double least = negligible(eigen.eigenvalues(), n);
  const Vector rotated = eigen.eigenvectors().transpose() * y;
  for (const double alpha : alphas) {
    poll(stop);
    const double penalty = alpha / design.total_weight();
    const Vector beta =
        z.transpose() * (eigen.eigenvectors() * shrunk(eigen.eigenvalues(), rotated, penalty, least));
    const double objective =
        design.total_weight() * (y - z * beta).squaredNorm() + alpha * beta.squaredNorm();
    append(design, target, alpha, beta, objective, result);
  }
}

}  // namespace

PathResult fit_least_squares(const Design& design, std::span<const double> y, const StopToken& stop) {
  PathResult result;
  const Target target = centred_target(design, y);
  try {
    if (design.d() < design.n()) {
      const Moments all = moments(design, target, stop);
      // Equilibrated, so that the condition does not depend on the units of columns left as they are.
      Vector root = all.matrix().diagonal().array().sqrt();
      if (root.minCoeff() > 0.0) {
        root = root.cwiseInverse();
        const Matrix unit = root.asDiagonal() * all.matrix() * root.asDiagonal();
        const Eigen::LLT<Matrix> cholesky(unit);
        if (cholesky.info() == Eigen::Success && cholesky.rcond() > kWellConditioned) {
          const Vector beta = root.asDiagonal() * cholesky.solve(root.asDiagonal() * all.right());
          append(design, target, 0.0, beta, design.total_weight() * all.mean_square(beta), result);
          result.rank = design.d();
          return result;
        }
      }
    }
    const Matrix triangle = triangle_of_rows(design, target, stop);
    const Index d = design.d();
    const Index rows = std::min<Index>(triangle.rows(), d);
    Eigen::CompleteOrthogonalDecomposition<Matrix> decomposition;
    decomposition.setThreshold(
        std::max(kCentring, kEpsilon * static_cast<double>(std::max(design.n(), design.d()))));
    decomposition.compute(triangle.topLeftCorner(rows, d));
    const Vector beta = decomposition.solve(triangle.col(d).head(rows));
    const double residual = (triangle.col(d) - triangle.leftCols(d) * beta).squaredNorm();
    append(design, target, 0.0, beta, design.total_weight() * residual, result);
    result.rank = decomposition.rank();
  } catch (const Stopped&) {
    result.stop_reason = to_string(stop.reason());
    append(design, target, 0.0, Vector::Zero(design.d()), std::numeric_limits<double>::quiet_NaN(), result);
  }
  return result;
}

PathResult fit_ridge(const Design& design, std::span<const double> y, std::span<const double> alphas,
                     const StopToken& stop) {
  PathResult result;
  for (const double alpha : alphas) {
    if (!(alpha >= 0.0) || !std::isfinite(alpha)) {
      raise("InputError", "alpha must be a finite number of at least 0, but is ", alpha, ".");
    }
  }
  const Target target = centred_target(design, y);
  try {
    if (design.d() <= design.n()) {
      ridge_by_columns(design, target, alphas, stop, result);
    } else {
      ridge_by_rows(design, target, alphas, stop, result);
    }
  } catch (const Stopped&) {
    result.stop_reason = to_string(stop.reason());
    if (result.alphas.empty() && !alphas.empty()) {
      append(design, target, alphas[0], Vector::Zero(design.d()), std::numeric_limits<double>::quiet_NaN(),
             result);
    }
  }
  return result;
}

}  // namespace smctrain::models::linear
