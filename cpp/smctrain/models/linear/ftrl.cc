#include "smctrain/models/linear/ftrl.h"

#include <algorithm>
#include <cmath>

#include "smctrain/base/error.h"

namespace smctrain::models::linear {

namespace {

constexpr int64_t kStretches = 20;

double weight_of(double z, double n, double l1, double l2, const FtrlSettings& settings) {
  if (std::abs(z) <= l1) return 0.0;
  return -(z - std::copysign(l1, z)) / ((settings.beta + std::sqrt(n)) / settings.alpha + l2);
}

}  // namespace

FtrlPass ftrl_pass(MatrixView<const float> X, std::span<const int64_t> rows, std::span<const int32_t> y,
                   std::span<const double> weight, int64_t n_models, const FtrlSettings& settings,
                   const StopToken& stop, FtrlState& state) {
  const int64_t d = X.cols;
  const int64_t width = d + 1;
  const auto n_rows = static_cast<int64_t>(rows.size());
  std::vector<double> w(static_cast<size_t>(width));
  std::vector<double> p(static_cast<size_t>(n_models));
  FtrlPass pass;
  const int64_t stretch = std::max<int64_t>(1, (n_rows + kStretches - 1) / kStretches);
  double loss = 0.0;
  double right = 0.0;
  double total = 0.0;
  for (int64_t t = 0; t < n_rows; ++t) {
    if (t % 64 == 0 && stop.stop_requested()) {
      pass.stop_reason = to_string(stop.reason());
      break;
    }
    const int64_t row = rows[static_cast<size_t>(t)];
    if (row < 0 || row >= X.rows)
      raise("InputError", "rows must lie in 0..", X.rows - 1, ", but holds ", row, ".");
    const float* x = &X(row, 0);
    const int32_t code = y[static_cast<size_t>(row)];
    const double mass = weight.empty() ? 1.0 : weight[static_cast<size_t>(row)];
    for (int64_t k = 0; k < n_models; ++k) {
      double* z = state.z.data() + k * width;
      double* n = state.n.data() + k * width;
      double score = 0.0;
      for (int64_t i = 0; i < d; ++i) {
        const auto value = static_cast<double>(x[i]);
        if (!std::isfinite(value)) {
          raise("InputError", "X: column ", i, ", row ", row, ", is ", value,
                ", and linear models take no missing or infinite values: impute them first.");
        }
        if (value == 0.0) continue;
        w[static_cast<size_t>(i)] = weight_of(z[i], n[i], settings.l1, settings.l2, settings);
        score += value * w[static_cast<size_t>(i)];
      }
      if (settings.fit_intercept) {
        w[static_cast<size_t>(d)] = weight_of(z[d], n[d], 0.0, 0.0, settings);
        score += w[static_cast<size_t>(d)];
      }
      const double up = 1.0 / (1.0 + std::exp(-score));
      p[static_cast<size_t>(k)] = up;
      const bool own = n_models == 1 ? code == 1 : code == k;
      const double slope = mass * (up - (own ? 1.0 : 0.0));
      const auto learn = [&](int64_t i, double value) {
        const double g = slope * value;
        const double sigma = (std::sqrt(n[i] + g * g) - std::sqrt(n[i])) / settings.alpha;
        z[i] += g - sigma * w[static_cast<size_t>(i)];
        n[i] += g * g;
      };
      for (int64_t i = 0; i < d; ++i) {
        if (x[i] != 0.0F) learn(i, static_cast<double>(x[i]));
      }
      if (settings.fit_intercept) learn(d, 1.0);
    }
    ++pass.rows_seen;
    double own = 0.0;
    if (n_models == 1) {
      own = code == 1 ? p[0] : 1.0 - p[0];
      right += (p[0] > 0.5) == (code == 1) ? mass : 0.0;
    } else {
      double sum = 0.0;
      for (const double entry : p) sum += entry;
      own = p[static_cast<size_t>(code)] / std::max(sum, 1e-300);
      right += std::max_element(p.begin(), p.end()) - p.begin() == code ? mass : 0.0;
    }
    loss -= mass * std::log(std::max(own, 1e-300));
    total += mass;
    if (pass.rows_seen % stretch == 0 || t + 1 == n_rows) {
      pass.step.push_back(static_cast<double>(pass.rows_seen));
      pass.loss.push_back(loss / total);
      pass.accuracy.push_back(right / total);
      loss = right = total = 0.0;
      if (settings.progress) settings.progress(pass.rows_seen, n_rows);
    }
  }
  return pass;
}

std::vector<double> ftrl_weights(const FtrlState& state, int64_t n_models, const FtrlSettings& settings) {
  std::vector<double> weights(state.z.size(), 0.0);
  const size_t width = state.z.size() / static_cast<size_t>(n_models);
  for (size_t i = 0; i < weights.size(); ++i) {
    const bool intercept = i % width == width - 1;
    if (intercept && !settings.fit_intercept) continue;
    weights[i] = weight_of(state.z[i], state.n[i], intercept ? 0.0 : settings.l1,
                           intercept ? 0.0 : settings.l2, settings);
  }
  return weights;
}

}  // namespace smctrain::models::linear
