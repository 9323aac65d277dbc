#include "smctrain/audit/row_twins.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "smctrain/base/error.h"
#include "smctrain/base/parallel.h"
#include "smctrain/base/rng.h"

namespace smctrain::audit {

namespace {

constexpr int64_t kChunk = 256;
constexpr int kLowest = -60;  // powers of ten of float32 values, with room for the digits
constexpr int kHighest = 60;

uint64_t mixed(uint64_t hash, uint64_t value) {
  // splitmix64 of the running hash and the value
  uint64_t z = hash + 0x9e3779b97f4a7c15ULL + value * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::array<double, kHighest - kLowest + 1> powers_of_ten() {
  std::array<double, kHighest - kLowest + 1> out{};
  for (int e = kLowest; e <= kHighest; ++e) out[static_cast<size_t>(e - kLowest)] = std::pow(10.0, e);
  return out;
}

void check_rows(std::span<const int64_t> rows, int64_t n, const char* name) {
  for (const int64_t row : rows) {
    if (row < 0 || row >= n) raise("InputError", name, ": there is no row ", row, " in X (", n, " rows).");
  }
}

void check(const Space& space) {
  const auto d = static_cast<size_t>(space.X.cols);
  if (space.center.size() != d || space.weight.size() != d)
    raise("InputError", "center and weight must have one entry for each of the ", d, " columns of X.");
}

double standing(const Space& space, int64_t row, int64_t j) {
  const double v = static_cast<double>(space.X(row, j));
  return std::isfinite(v) ? (v - space.center[static_cast<size_t>(j)]) * space.weight[static_cast<size_t>(j)]
                          : 0.0;
}

// Squared distance, or infinity as soon as it is known to exceed `limit`.
double squared_distance(const Space& space, int64_t a, int64_t b, double limit) {
  double sum = 0.0;
  for (int64_t j = 0; j < space.X.cols; ++j) {
    const double step = standing(space, a, j) - standing(space, b, j);
    sum += step * step;
    if (sum > limit) return std::numeric_limits<double>::infinity();
  }
  return sum;
}

void in_chunks(int64_t n, int threads, const std::function<void(int64_t)>& body) {
  parallel_for((n + kChunk - 1) / kChunk, threads, [&](int64_t chunk) {
    for (int64_t i = chunk * kChunk; i < std::min(n, (chunk + 1) * kChunk); ++i) body(i);
  });
}

}  // namespace

std::vector<uint64_t> row_fingerprints(MatrixView<const float> X, std::span<const int64_t> rows, int digits,
                                       int threads) {
  if (digits < 1 || digits > 9) raise("InputError", "digits must lie in 1..9, but is ", digits, ".");
  check_rows(rows, X.rows, "rows");
  const auto power = powers_of_ten();
  std::vector<uint64_t> out(rows.size());
  in_chunks(static_cast<int64_t>(rows.size()), threads, [&](int64_t i) {
    uint64_t hash = 0;
    for (const float value : X.row(rows[static_cast<size_t>(i)])) {
      uint64_t word = 0;
      if (!std::isfinite(value)) {
        word = 1;
      } else if (value != 0.0F) {
        const double v = std::fabs(static_cast<double>(value));
        int e = static_cast<int>(std::floor(std::log10(v)));
        auto q = std::llround(v * power[static_cast<size_t>(digits - 1 - e - kLowest)]);
        const auto full = static_cast<int64_t>(power[static_cast<size_t>(digits - kLowest)]);
        if (q >= full) {  // 9.999999 becomes 10
          q /= 10;
          ++e;
        }
        const auto sign = static_cast<uint64_t>(value < 0.0F);
        word = (static_cast<uint64_t>(q) << 9) | (static_cast<uint64_t>(e + 100) << 1) | sign | (1ULL << 62);
      }
      hash = mixed(hash, word);
    }
    out[static_cast<size_t>(i)] = hash;
  });
  return out;
}

std::vector<int64_t> near_twins(const Space& space, std::span<const int64_t> queries,
                                std::span<const int64_t> base, double radius, int threads) {
  check(space);
  check_rows(queries, space.X.rows, "queries");
  check_rows(base, space.X.rows, "base");
  if (!(radius >= 0.0)) raise("InputError", "radius must not be negative, but is ", radius, ".");
  const auto d = static_cast<size_t>(space.X.cols);
  Philox random(0, "audit/direction");
  std::vector<double> direction(d);
  double length = 0.0;
  for (double& part : direction) {
    part = random.normal();
    length += part * part;
  }
  for (double& part : direction) part /= std::sqrt(length);
  const auto project = [&](int64_t row) {
    double sum = 0.0;
    for (size_t j = 0; j < d; ++j) sum += direction[j] * standing(space, row, static_cast<int64_t>(j));
    return sum;
  };
  std::vector<std::pair<double, int64_t>> line(base.size());
  in_chunks(static_cast<int64_t>(base.size()), threads, [&](int64_t i) {
    const int64_t row = base[static_cast<size_t>(i)];
    line[static_cast<size_t>(i)] = {project(row), row};
  });
  std::sort(line.begin(), line.end());
  std::vector<int64_t> out(queries.size(), -1);
  const double limit = radius * radius;
  in_chunks(static_cast<int64_t>(queries.size()), threads, [&](int64_t i) {
    const int64_t row = queries[static_cast<size_t>(i)];
    const double place = project(row);
    const double reach = radius + 1e-12 * (1.0 + std::fabs(place));  // rounding of the projection
    auto it =
        std::lower_bound(line.begin(), line.end(),
                         std::pair<double, int64_t>{place - reach, std::numeric_limits<int64_t>::min()});
    for (; it != line.end() && it->first <= place + reach; ++it) {
      if (it->second != row && squared_distance(space, row, it->second, limit) <= limit) {
        out[static_cast<size_t>(i)] = it->second;
        return;
      }
    }
  });
  return out;
}

std::pair<std::vector<double>, std::vector<int64_t>> nearest_rows(const Space& space,
                                                                  std::span<const int64_t> queries,
                                                                  std::span<const int64_t> base,
                                                                  int threads) {
  check(space);
  check_rows(queries, space.X.rows, "queries");
  check_rows(base, space.X.rows, "base");
  std::pair<std::vector<double>, std::vector<int64_t>> out;
  out.first.assign(queries.size(), std::numeric_limits<double>::infinity());
  out.second.assign(queries.size(), -1);
  parallel_for(static_cast<int64_t>(queries.size()), threads, [&](int64_t i) {
    const int64_t row = queries[static_cast<size_t>(i)];
    double best = std::numeric_limits<double>::infinity();
    int64_t which = -1;
    for (const int64_t other : base) {
      if (other == row) continue;
      const double distance = squared_distance(space, row, other, best);
      if (distance < best) {
        best = distance;
        which = other;
      }
    }
    out.first[static_cast<size_t>(i)] = std::sqrt(best);
    out.second[static_cast<size_t>(i)] = which;
  });
  return out;
}

}  // namespace smctrain::audit
