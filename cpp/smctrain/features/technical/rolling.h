// Rolling kernels: one implementation that batch and stream share.
//
//   Window            the last w inputs; knows how many of them are non-finite and whether all are equal
//   RollingSum        add the new value, subtract the leaving one; every w-th value rebuilds oldest to
//   newest, which
//                     bounds drift at amortised O(1)
//   RollingVariance   the same for S1 = sum(x-K) and S2 = sum((x-K)^2), K = oldest value at the last rebuild
//   RollingExtreme    minimum or maximum and its age by a monotonic deque; among ties the newest counts
//   rolling_*         statistics read from a full Window in O(w) (quantile: O(w log w))
//
// The first result comes with the w-th input. A non-finite input makes the result NaN while it is in the
// window and no longer. A window of equal values gives the exact result (variance 0), whatever passed through
// the sums before.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

namespace smctrain::features {

class Window {
 public:
  explicit Window(int width) : values_(static_cast<size_t>(width)) {}

  // Returns the value that leaves; meaningful only if the window was full before.
  double push(double value) {
    double& slot = values_[static_cast<size_t>(next_)];
    const double leaving = slot;
    if (full() && !std::isfinite(leaving)) --bad_;
    if (!std::isfinite(value)) ++bad_;
    run_ = count_ > 0 && value == newest_ ? run_ + 1 : 1;
    slot = value;
    newest_ = value;
    next_ = next_ + 1 == width() ? 0 : next_ + 1;
    if (!full()) ++count_;
    return leaving;
  }
  void reset() {
    next_ = 0;
    count_ = 0;
    bad_ = 0;
    run_ = 0;
  }

  int width() const { return static_cast<int>(values_.size()); }
  bool full() const { return count_ == width(); }
  bool usable() const { return full() && bad_ == 0; }
  bool all_equal() const { return run_ >= width(); }
  // oldest(0) is the oldest value of a full window, oldest(width - 1) the newest.
  double oldest(int i) const {
    const int at = next_ + i;
    return values_[static_cast<size_t>(at < width() ? at : at - width())];
  }
  double newest() const { return newest_; }
  // The value `bars` inputs ago (0 is the newest); needs bars < number of inputs so far.
  double ago(int bars) const {
    const int at = next_ - 1 - bars;
    return values_[static_cast<size_t>(at < 0 ? at + width() : at)];
  }

 private:
  std::vector<double> values_;
  int next_ = 0;
  int count_ = 0;
  int bad_ = 0;
  int64_t run_ = 0;
  double newest_ = 0.0;
};

class RollingSum {
 public:
  explicit RollingSum(int width) : window_(width) {}

  double push(double value) {
    const bool was_full = window_.full();
    const double leaving = window_.push(value);
    if (!window_.full()) return std::numeric_limits<double>::quiet_NaN();
    if (!was_full || ++since_rebuild_ >= window_.width()) {
      rebuild();
    } else {
      if (std::isfinite(value)) sum_ += value;
      if (std::isfinite(leaving)) sum_ -= leaving;
    }
    if (!window_.usable()) return std::numeric_limits<double>::quiet_NaN();
    return window_.all_equal() ? window_.width() * value : sum_;
  }
  double push_mean(double value) { return push(value) / window_.width(); }
  void reset() { window_.reset(); }

 private:
  void rebuild() {
    sum_ = 0.0;
    for (int i = 0; i < window_.width(); ++i) {
      if (std::isfinite(window_.oldest(i))) sum_ += window_.oldest(i);
    }
    since_rebuild_ = 0;
  }

  Window window_;
  int since_rebuild_ = 0;
  double sum_ = 0.0;
};

class RollingVariance {
 public:
  explicit RollingVariance(int width) : window_(width) {}

  void push(double value) {
    const bool was_full = window_.full();
    const double leaving = window_.push(value);
    if (!window_.full()) return;
    if (!was_full || ++since_rebuild_ >= window_.width()) {
      rebuild();
    } else {
      if (std::isfinite(value)) add(value - pivot_, 1.0);
      if (std::isfinite(leaving)) add(leaving - pivot_, -1.0);
    }
  }
  void reset() { window_.reset(); }

  double mean() const {
    if (!window_.usable()) return kNone;
    return window_.all_equal() ? window_.newest() : pivot_ + s1_ / window_.width();
  }
  // Variance with divisor w - ddof.
  double variance(int ddof) const {
    if (!window_.usable()) return kNone;
    if (window_.all_equal()) return 0.0;
    const double w = window_.width();
    return std::max(0.0, (s2_ - s1_ * s1_ / w) / (w - ddof));
  }
  double deviation(int ddof) const { return std::sqrt(variance(ddof)); }
  // (newest - mean) / sd1; NaN where the deviation is 0.
  double z() const {
    const double sd = deviation(1);
    return sd > 0.0 ? (window_.newest() - mean()) / sd : kNone;
  }

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  void add(double difference, double sign) {
    s1_ += sign * difference;
    s2_ += sign * difference * difference;
  }
  void rebuild() {
    pivot_ = 0.0;
    for (int i = 0; i < window_.width(); ++i) {
      if (std::isfinite(window_.oldest(i))) {
        pivot_ = window_.oldest(i);
        break;
      }
    }
    s1_ = 0.0;
    s2_ = 0.0;
    for (int i = 0; i < window_.width(); ++i) {
      if (std::isfinite(window_.oldest(i))) add(window_.oldest(i) - pivot_, 1.0);
    }
    since_rebuild_ = 0;
  }

  Window window_;
  int since_rebuild_ = 0;
  double pivot_ = 0.0;
  double s1_ = 0.0;
  double s2_ = 0.0;
};

// Before(a, b): a is strictly more extreme than b. std::greater for the maximum, std::less for the minimum.
template <class Before>
class RollingExtreme {
 public:
  explicit RollingExtreme(int width) : entries_(static_cast<size_t>(width)), width_(width) {}

  double push(double value) {
    const int64_t row = row_++;
    if (size_ > 0 && entries_[static_cast<size_t>(front_)].row <= row - width_) {
      front_ = wrap(front_ + 1);
      --size_;
    }
    if (!std::isfinite(value)) {
      last_bad_ = row;
    } else {
      while (size_ > 0 && !Before{}(back().value, value)) --size_;
      entries_[static_cast<size_t>(wrap(front_ + size_))] = {row, value};
      ++size_;
    }
    return usable() ? entries_[static_cast<size_t>(front_)].value : std::numeric_limits<double>::quiet_NaN();
  }
  // Bars since the extreme of the current window: 0 is the newest bar. Meaningful only while usable().
  int64_t age() const { return row_ - 1 - entries_[static_cast<size_t>(front_)].row; }
  bool usable() const { return row_ >= width_ && row_ - 1 - last_bad_ >= width_; }
  void reset() {
    front_ = 0;
    size_ = 0;
    row_ = 0;
    last_bad_ = kLongAgo;
  }

 private:
  struct Entry {
    int64_t row = 0;
    double value = 0.0;
  };
  static constexpr int64_t kLongAgo = std::numeric_limits<int64_t>::min() / 2;

  int wrap(int i) const { return i >= width_ ? i - width_ : i; }
  const Entry& back() const { return entries_[static_cast<size_t>(wrap(front_ + size_ - 1))]; }

  std::vector<Entry> entries_;
  int width_;
  int front_ = 0;
  int size_ = 0;
  int64_t row_ = 0;
  int64_t last_bad_ = kLongAgo;
};

using RollingMax = RollingExtreme<std::greater<>>;
using RollingMin = RollingExtreme<std::less<>>;

// OLS slope per bar on x = 0..w-1.
inline double rolling_slope(const Window& window) {
  if (!window.usable()) return std::numeric_limits<double>::quiet_NaN();
  const double w = window.width();
  const double middle = (w - 1.0) / 2.0;
  const double pivot = window.oldest(0);
  double xy = 0.0;
  for (int i = 0; i < window.width(); ++i) xy += (i - middle) * (window.oldest(i) - pivot);
  return xy / (w * (w * w - 1.0) / 12.0);
}

inline double rolling_mean(const Window& window) {
  if (!window.usable()) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0.0;
  for (int i = 0; i < window.width(); ++i) sum += window.oldest(i) - window.oldest(0);
  return window.oldest(0) + sum / window.width();
}

// Share of the other values below the newest one, ties counting half: 0..1.
inline double rolling_rank(const Window& window) {
  if (!window.usable()) return std::numeric_limits<double>::quiet_NaN();
  double below = 0.0;
  for (int i = 0; i + 1 < window.width(); ++i) {
    if (window.oldest(i) < window.newest()) below += 1.0;
    if (window.oldest(i) == window.newest()) below += 0.5;
  }
  return below / (window.width() - 1);
}

// Quantile with linear interpolation (type 7). `scratch` keeps the steady path free of allocation.
inline double rolling_quantile(const Window& window, double share, std::vector<double>& scratch) {
  if (!window.usable()) return std::numeric_limits<double>::quiet_NaN();
  scratch.resize(static_cast<size_t>(window.width()));
  for (int i = 0; i < window.width(); ++i) scratch[static_cast<size_t>(i)] = window.oldest(i);
  std::sort(scratch.begin(), scratch.end());
  const double position = share * (window.width() - 1);
  const auto low = static_cast<size_t>(position);
  const size_t high = std::min(low + 1, scratch.size() - 1);
  return scratch[low] + (position - static_cast<double>(low)) * (scratch[high] - scratch[low]);
}

// sum (x_i - m)(x_{i-lag} - m) / sum (x_i - m)^2; NaN for equal values.
inline double rolling_autocorrelation(const Window& window, int lag) {
  if (!window.usable() || window.all_equal()) return std::numeric_limits<double>::quiet_NaN();
  const double mean = rolling_mean(window);
  double above = 0.0;
  double below = 0.0;
  for (int i = 0; i < window.width(); ++i) {
    const double difference = window.oldest(i) - mean;
    below += difference * difference;
    if (i >= lag) above += difference * (window.oldest(i - lag) - mean);
  }
  return above / below;
}

// Adjusted Fisher-Pearson skewness; NaN for equal values or w < 3.
inline double rolling_skew(const Window& window) {
  if (!window.usable() || window.all_equal() || window.width() < 3)
    return std::numeric_limits<double>::quiet_NaN();
  const double n = window.width();
  const double mean = rolling_mean(window);
  double m2 = 0.0;
  double m3 = 0.0;
  for (int i = 0; i < window.width(); ++i) {
    const double difference = window.oldest(i) - mean;
    m2 += difference * difference;
    m3 += difference * difference * difference;
  }
  m2 /= n;
  m3 /= n;
  return std::sqrt(n * (n - 1.0)) / (n - 2.0) * m3 / std::pow(m2, 1.5);
}

}  // namespace smctrain::features
