// Rolling sums over a block of bars, by the rules of rolling.h: the same numbers, several bars at a time.
//
//   RollingSums       sum of the last `width` inputs, for every bar of the block
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

// The sum is taken anew on every kWidth-th row. The rows from there to the next such row, a stretch, owe
// nothing to the rows before; several stretches go side by side, because each by itself mostly waits for its
// own last addition.
template <int kWidth>
class RollingSums {
 public:
  explicit RollingSums(int64_t skipped = 0) : first_(skipped + kWidth - 1) {}

  void push(const double* x, int64_t row, int n, double* out) {
    if (row >= first_ && kernels().all_finite(x, kWidth, n)) {
      add(x, row, n, out);
    } else {
      add_finite(x, row, n, out);
      blank_gaps(x, kWidth, n, out);
    }
    for_equal_windows(x, kWidth, n, [&](int t) { out[t] = kWidth * x[t]; });
  }
  void reset() { sum_ = 0.0; }

 private:
  static constexpr int kStretches = kWidth < 7 ? 8 : 4;

  void add(const double* x, int64_t row, int n, double* out) {
    const auto past = static_cast<int>((row - first_) % kWidth);
    int t = past == 0 ? 0 : std::min(n, kWidth - past);
    double sum = sum_;
    for (int i = 0; i < t; ++i) {
      sum += x[i];
      sum -= x[i - kWidth];
      out[i] = sum;
    }
    for (; t + kStretches * kWidth <= n; t += kStretches * kWidth) {
      sum = stretches<kStretches>(x + t, out + t);
    }
    for (; t + kWidth <= n; t += kWidth) sum = stretches<1>(x + t, out + t);
    if (t < n) {
      sum = 0.0;
      for (int i = t - kWidth + 1; i <= t; ++i) sum += x[i];
      out[t] = sum;
      for (++t; t < n; ++t) {
        sum += x[t];
        sum -= x[t - kWidth];
        out[t] = sum;
      }
    }
    sum_ = sum;
  }

  template <int kSide>
  static double stretches(const double* x, double* out) {
    double sum[kSide] = {};
    for (int i = 1 - kWidth; i <= 0; ++i) {
#pragma GCC unroll 8
      for (int j = 0; j < kSide; ++j) sum[j] += x[j * kWidth + i];
    }
    for (int j = 0; j < kSide; ++j) out[j * kWidth] = sum[j];
    for (int i = 1; i < kWidth; ++i) {
#pragma GCC unroll 8
      for (int j = 0; j < kSide; ++j) {
        sum[j] += x[j * kWidth + i];
        sum[j] -= x[j * kWidth + i - kWidth];
        out[j * kWidth + i] = sum[j];
      }
    }
    return sum[kSide - 1];
  }

  // The same where some inputs are missing: they count as nothing.
  void add_finite(const double* x, int64_t row, int n, double* out) {
    const auto part = [](double value) { return std::isfinite(value) ? value : 0.0; };
    for (int t = 0; t < n; ++t) {
      const int64_t since = row + t - first_;
      if (since < 0) {
        out[t] = kNaN;
        continue;
      }
      if (since % kWidth == 0) {
        sum_ = 0.0;
        for (int i = t - kWidth + 1; i <= t; ++i) sum_ += part(x[i]);
      } else {
        sum_ += part(x[t]);
        sum_ -= part(x[t - kWidth]);
      }
      out[t] = sum_;
    }
  }

  int64_t first_;  // row of the first sum
  double sum_ = 0.0;
};

template <int kWidth>
class RollingMoments {
 public:
  explicit RollingMoments(int64_t skipped = 0) : first_(skipped + kWidth - 1) {}

  // Deviation with divisor kWidth - ddof.
  void push(const double* x, int64_t row, int n, int ddof, double* mean, double* deviation) {
    BlockValues pivot;
    BlockValues s1;
    BlockValues s2;
    const bool finite = row >= first_ && kernels().all_finite(x, kWidth, n);
    if (finite) {
      add(x, row, n, {pivot, s1, s2});
    } else {
      add_finite(x, row, n, {pivot, s1, s2});
    }
    kernels().moments(pivot, s1, s2, kWidth, ddof, n, mean, deviation);
    for_equal_windows(x, kWidth, n, [&](int t) {
      mean[t] = x[t];
      deviation[t] = 0.0;
    });
    if (finite) return;
    blank_gaps(x, kWidth, n, mean);
    blank_gaps(x, kWidth, n, deviation);
  }
  void reset() { sums_ = {}; }

 private:
  static constexpr int kStretches = 2;

  struct Sums {
    double pivot = 0.0;
    double s1 = 0.0;
    double s2 = 0.0;

    void add(double value) {
      const double difference = value - pivot;
      s1 += difference;
      s2 += difference * difference;
    }
    void subtract(double value) {
      const double difference = value - pivot;
      s1 -= difference;
      s2 -= difference * difference;
    }
  };
  struct Out {
    double* pivot;
    double* s1;
    double* s2;

    void put(int t, const Sums& sums) const {
      pivot[t] = sums.pivot;
      s1[t] = sums.s1;
      s2[t] = sums.s2;
    }
    Out operator+(int t) const { return {pivot + t, s1 + t, s2 + t}; }
  };

  void add(const double* x, int64_t row, int n, const Out& out) {
    const auto past = static_cast<int>((row - first_) % kWidth);
    int t = past == 0 ? 0 : std::min(n, kWidth - past);
    Sums sums = sums_;
    for (int i = 0; i < t; ++i) {
      sums.add(x[i]);
      sums.subtract(x[i - kWidth]);
      out.put(i, sums);
    }
    for (; t + kStretches * kWidth <= n; t += kStretches * kWidth) {
      sums = stretches<kStretches>(x + t, kWidth, out + t);
    }
    for (; t < n; t += kWidth) sums = stretches<1>(x + t, std::min(kWidth, n - t), out + t);
    sums_ = sums;
  }

  // The first `rows` rows of kSide stretches.
  template <int kSide>
  static Sums stretches(const double* x, int rows, const Out& out) {
    Sums sums[kSide];
    for (int j = 0; j < kSide; ++j) sums[j] = {x[j * kWidth + 1 - kWidth], 0.0, 0.0};
    for (int i = 1 - kWidth; i <= 0; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < kSide; ++j) sums[j].add(x[j * kWidth + i]);
    }
    for (int j = 0; j < kSide; ++j) out.put(j * kWidth, sums[j]);
    for (int i = 1; i < rows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < kSide; ++j) {
        sums[j].add(x[j * kWidth + i]);
        sums[j].subtract(x[j * kWidth + i - kWidth]);
        out.put(j * kWidth + i, sums[j]);
      }
    }
    return sums[kSide - 1];
  }

  // The same where some inputs are missing: they count as nothing.
  void add_finite(const double* x, int64_t row, int n, const Out& out) {
    for (int t = 0; t < n; ++t) {
      const int64_t since = row + t - first_;
      if (since >= 0 && since % kWidth == 0) {
        const double* oldest = x + t - kWidth + 1;
        const double* pivot =
            std::find_if(oldest, oldest + kWidth, [](double v) { return std::isfinite(v); });
        sums_ = {pivot < oldest + kWidth ? *pivot : 0.0, 0.0, 0.0};
        for (int i = 0; i < kWidth; ++i) {
          if (std::isfinite(oldest[i])) sums_.add(oldest[i]);
        }
      } else if (since > 0) {
        if (std::isfinite(x[t])) sums_.add(x[t]);
        if (std::isfinite(x[t - kWidth])) sums_.subtract(x[t - kWidth]);
      }
      out.put(t, sums_);
    }
  }

  int64_t first_;  // row of the first result
  Sums sums_;
};

}  // namespace smctrain::features
