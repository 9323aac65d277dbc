// Rolling sums over a block of bars, by the rules of rolling.h: the same numbers, several bars at a time.
//
//   RollingSums       sum of the last `width` inputs, for every bar of the block; RollingSumBank: several
//   RollingMoments    mean and deviation of the last `width` inputs
//   blank_gaps        rows whose window holds a non-finite input become NaN
//
// Inputs are a stream of Recent (recent.h): x[-width..n-1] can be read. `row` is the number of the block's
// first input since the start of the stream; the first `skipped` rows of a stream are no inputs at all.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "smctrain/features/machine.h"
#include "smctrain/features/recent.h"
#include "smctrain/features/technical/kernels.h"

namespace smctrain::features {

using BlockValues = double[kColumnStride];  // one column of a block, on the stack

inline void blank_gaps(const double* x, int width, int n, double* out) {
  if (kernels().all_finite(x, width - 1, n)) return;
  int good = 0;
  for (int t = 1 - width; t < n; ++t) {
    good = std::isfinite(x[t]) ? good + 1 : 0;
    if (t >= 0 && good < width) out[t] = kNaN;
  }
}

// Calls equal(t) for every row whose last `width` inputs are all the same.
template <class F>
void for_equal_windows(const double* x, int width, int n, F equal) {
  const int step = width - 1;
  // Such a window is `step` equal pairs in a row, and one of them is at a multiple of `step`.
  for (int p = 0; p < n; p += step) {
    if (x[p] != x[p - 1]) continue;
    int from = p;
    while (from > p - step + 1 && x[from - 1] == x[from - 2]) --from;
    const int end = std::min(n, p + step);
    for (int t = p; t < end && x[t] == x[t - 1]; ++t) {
      if (t >= from + step - 1) equal(t);
    }
  }
}

// K sums side by side, because each by itself mostly waits for its own last addition.
template <int K>
class RollingSumBank {
 public:
  // The first `skipped` rows of a stream are no inputs: NaN.
  explicit RollingSumBank(const std::array<int, K>& widths, int64_t skipped = 0) : widths_(widths) {
    for (size_t k = 0; k < K; ++k) first_[k] = skipped + widths[k] - 1;
  }

  void push(const std::array<const double*, K>& x, int64_t row, int n, const std::array<double*, K>& out) {
    bool finite = true;
    for (size_t k = 0; k < K; ++k) finite = finite && kernels().all_finite(x[k], widths_[k], n);
    if (finite) {
      add(x, row, n, out, [](double value) { return value; });
    } else {
      add(x, row, n, out, [](double value) { return std::isfinite(value) ? value : 0.0; });
      for (size_t k = 0; k < K; ++k) blank_gaps(x[k], widths_[k], n, out[k]);
    }
    for (size_t k = 0; k < K; ++k) {
      const int width = widths_[k];
      for_equal_windows(x[k], width, n, [&](int t) { out[k][t] = width * x[k][t]; });
    }
  }
  void reset() { sums_.fill(0.0); }

 private:
  template <class F>
  void add(const std::array<const double*, K>& x, int64_t row, int n, const std::array<double*, K>& out,
           F part) {
    std::array<double, K> sum = sums_;
    std::array<int, K> rebuild;  // the next row of the block on which sum k is taken anew
    for (size_t k = 0; k < K; ++k) {
      const int64_t since = row - first_[k];
      const int64_t past = since % widths_[k];
      rebuild[k] = static_cast<int>(since <= 0 ? -since : (past == 0 ? 0 : widths_[k] - past));
    }
    int t = 0;
    const auto step = [&](size_t k) {
      sum[k] += part(x[k][t]);
      sum[k] -= part(x[k][t - widths_[k]]);
      out[k][t] = sum[k];
    };
    while (t < n) {
      int end = *std::min_element(rebuild.begin(), rebuild.end());
      if (end == t) {
        for (size_t k = 0; k < K; ++k) {
          if (rebuild[k] != t) {
            step(k);
            continue;
          }
          rebuild[k] += widths_[k];
          sum[k] = 0.0;
          for (int i = 1 - widths_[k]; i <= 0; ++i) sum[k] += part(x[k][t + i]);
          out[k][t] = sum[k];
        }
        ++t;
        continue;
      }
      end = std::min(end, n);
      for (; t < end; ++t) {
        for (size_t k = 0; k < K; ++k) step(k);
      }
    }
    sums_ = sum;
  }

  std::array<int, K> widths_;
  std::array<int64_t, K> first_;
  std::array<double, K> sums_{};
};

class RollingSums {
 public:
  explicit RollingSums(int width, int64_t skipped = 0) : bank_({width}, skipped) {}
  void push(const double* x, int64_t row, int n, double* out) { bank_.push({x}, row, n, {out}); }
  void reset() { bank_.reset(); }

 private:
  RollingSumBank<1> bank_;
};

class RollingMoments {
 public:
  explicit RollingMoments(int width, int64_t skipped = 0) : width_(width), first_(skipped + width - 1) {}

  // Deviation with divisor width - ddof.
  void push(const double* x, int64_t row, int n, int ddof, double* mean, double* deviation) {
    BlockValues pivot;
    BlockValues s1;
    BlockValues s2;
    const bool finite = kernels().all_finite(x, width_, n);
    if (finite) {
      add(x, row, n, pivot, s1, s2, [](double) { return true; });
    } else {
      add(x, row, n, pivot, s1, s2, [](double value) { return std::isfinite(value); });
    }
    kernels().moments(pivot, s1, s2, width_, ddof, n, mean, deviation);
    for_equal_windows(x, width_, n, [&](int t) {
      mean[t] = x[t];
      deviation[t] = 0.0;
    });
    if (finite) return;
    blank_gaps(x, width_, n, mean);
    blank_gaps(x, width_, n, deviation);
  }
  void reset() { pivot_ = s1_ = s2_ = 0.0; }

 private:
  template <class F>
  void add(const double* x, int64_t row, int n, double* pivots, double* s1s, double* s2s, F counts) {
    int t = static_cast<int>(std::clamp<int64_t>(first_ - row, 0, n));
    for (double* out : {pivots, s1s, s2s}) std::fill_n(out, t, kNaN);
    int step = t < n ? static_cast<int>((row + t - first_) % width_) : 0;
    double pivot = pivot_;
    double s1 = s1_;
    double s2 = s2_;
    while (t < n) {
      if (step == 0) {
        const double* oldest = x + t - width_ + 1;
        pivot = 0.0;
        for (int i = 0; i < width_; ++i) {
          if (counts(oldest[i])) {
            pivot = oldest[i];
            break;
          }
        }
        s1 = s2 = 0.0;
        for (int i = 0; i < width_; ++i) {
          if (!counts(oldest[i])) continue;
          const double difference = oldest[i] - pivot;
          s1 += difference;
          s2 += difference * difference;
        }
        pivots[t] = pivot;
        s1s[t] = s1;
        s2s[t] = s2;
        ++t;
        ++step;
      }
      const int end = std::min(n, t + width_ - step);
      step = step + end - t == width_ ? 0 : step + end - t;
      for (; t < end; ++t) {
        if (counts(x[t])) {
          const double difference = x[t] - pivot;
          s1 += difference;
          s2 += difference * difference;
        }
        if (counts(x[t - width_])) {
          const double difference = x[t - width_] - pivot;
          s1 -= difference;
          s2 -= difference * difference;
        }
        pivots[t] = pivot;
        s1s[t] = s1;
        s2s[t] = s2;
      }
    }
    pivot_ = pivot;
    s1_ = s1;
    s2_ = s2;
  }

  int width_;
  int64_t first_;
  double pivot_ = 0.0;
  double s1_ = 0.0;
  double s2_ = 0.0;
};

}  // namespace smctrain::features
