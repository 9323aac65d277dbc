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
  if (kernels().count_repeats(x, width, n) < width - 1) return;
  int run = 1;
  for (int t = 2 - width; t < n; ++t) {
    run = x[t] == x[t - 1] ? run + 1 : 1;
    if (t >= 0 && run >= width) equal(t);
  }
}

class RollingSums {
 public:
  explicit RollingSums(int width, int64_t skipped = 0) : width_(width), first_(skipped + width - 1) {}

  void push(const double* x, int64_t row, int n, double* out) {
    if (kernels().all_finite(x, width_, n)) {
      add(x, row, n, out, [](double value) { return value; });
    } else {
      add(x, row, n, out, [](double value) { return std::isfinite(value) ? value : 0.0; });
      blank_gaps(x, width_, n, out);
    }
    for_equal_windows(x, width_, n, [&](int t) { out[t] = width_ * x[t]; });
  }
  void reset() { sum_ = 0.0; }

 private:
  template <class F>
  void add(const double* x, int64_t row, int n, double* out, F part) {
    int t = static_cast<int>(std::clamp<int64_t>(first_ - row, 0, n));
    std::fill_n(out, t, kNaN);
    int step = t < n ? static_cast<int>((row + t - first_) % width_) : 0;
    double sum = sum_;
    while (t < n) {
      if (step == 0) {
        sum = 0.0;
        for (int i = 1 - width_; i <= 0; ++i) sum += part(x[t + i]);
        out[t++] = sum;
        ++step;
      }
      const int end = std::min(n, t + width_ - step);
      step = step + end - t == width_ ? 0 : step + end - t;
      for (; t < end; ++t) {
        sum += part(x[t]);
        sum -= part(x[t - width_]);
        out[t] = sum;
      }
    }
    sum_ = sum;
  }

  int width_;
  int64_t first_;
  double sum_ = 0.0;
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
