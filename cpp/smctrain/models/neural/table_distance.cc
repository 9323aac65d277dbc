#include "smctrain/models/neural/table_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace smctrain::models::neural {

namespace {

const float* row_of(MatrixView<const float> x, int64_t i) { return x.data + i * x.cols; }

// Squared distance in four lanes, so that it is a vector loop of a fixed order.
double squared(const float* a, const float* b, int64_t n) {
  float lanes[4] = {0.0F, 0.0F, 0.0F, 0.0F};
  int64_t j = 0;
  for (; j + 4 <= n; j += 4) {
    for (int64_t l = 0; l < 4; ++l) {
      const float d = a[j + l] - b[j + l];
      lanes[l] += d * d;
    }
  }
  double sum = static_cast<double>(lanes[0] + lanes[1]) + static_cast<double>(lanes[2] + lanes[3]);
  for (; j < n; ++j) {
    const double d = static_cast<double>(a[j]) - b[j];
    sum += d * d;
  }
  return sum;
}

}  // namespace

double mean_distance(MatrixView<const float> a, MatrixView<const float> b) {
  double sum = 0.0;
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t k = 0; k < b.rows; ++k) sum += std::sqrt(squared(row_of(a, i), row_of(b, k), a.cols));
  }
  return sum / (static_cast<double>(a.rows) * static_cast<double>(b.rows));
}

double mean_distance_of_others(MatrixView<const float> a) {
  if (a.rows < 2) return 0.0;
  const auto n = static_cast<double>(a.rows);
  return mean_distance(a, a) * n / (n - 1.0);
}

double energy_distance(MatrixView<const float> a, MatrixView<const float> b) {
  const double between = 2.0 * mean_distance(a, b);
  if (!(between > 0.0)) return std::isnan(between) ? between : 0.0;
  return (between - mean_distance(a, a) - mean_distance(b, b)) / between;
}

double coverage(MatrixView<const float> a, MatrixView<const float> b, int64_t k) {
  int64_t covered = 0;
  std::vector<double> own;
  for (int64_t i = 0; i < a.rows; ++i) {
    own.clear();
    for (int64_t other = 0; other < a.rows; ++other) {
      if (other != i) own.push_back(squared(row_of(a, i), row_of(a, other), a.cols));
    }
    const int64_t place = std::min<int64_t>(k, static_cast<int64_t>(own.size())) - 1;
    if (place < 0) continue;
    std::nth_element(own.begin(), own.begin() + place, own.end());
    const double reach = own[place];
    for (int64_t other = 0; other < b.rows; ++other) {
      if (squared(row_of(a, i), row_of(b, other), a.cols) <= reach) {
        ++covered;
        break;
      }
    }
  }
  return static_cast<double>(covered) / static_cast<double>(a.rows);
}

std::vector<double> nearest_distances(MatrixView<const float> a, MatrixView<const float> b,
                                      std::span<const int64_t> own) {
  std::vector<double> result(static_cast<size_t>(a.rows));
  for (int64_t i = 0; i < a.rows; ++i) {
    double least = std::numeric_limits<double>::infinity();
    for (int64_t k = 0; k < b.rows; ++k) {
      if (!own.empty() && own[i] == k) continue;
      least = std::min(least, squared(row_of(a, i), row_of(b, k), a.cols));
    }
    result[i] = std::sqrt(least);
  }
  return result;
}

}  // namespace smctrain::models::neural
