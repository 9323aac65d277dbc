// The last accepted bars, and prices seen from one side.
//
// Every rule is written once, for the long side. The short side reads the mirrored candle, (O, H, L, C) ->
// (-O, -L, -H, -C); negation is exact, so both sides compare the very same numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "smctrain/features/machine.h"

namespace smctrain::features::smc {

struct Candle {
  double open = 0.0;
  double high = 0.0;
  double low = 0.0;
  double close = 0.0;

  Candle seen_from(int side) const { return side > 0 ? *this : Candle{-open, -low, -high, -close}; }
};

struct PastBar {
  Candle candle;
  double atr = 0.0;
  int64_t ts_open = 0;
};

// Bars as columns, entry i of each being the i-th of n. What nobody asks for may be null.
struct BarColumns {
  int n = 0;
  const int64_t* ts_open = nullptr;
  const double* open = nullptr;
  const double* high = nullptr;
  const double* low = nullptr;
  const double* close = nullptr;
  const double* atr = nullptr;
  const double* ema_first_50 = nullptr;
  const double* rsi_wilder_14 = nullptr;
};

// Bars come in blocks, which the history takes in as a whole, and are then looked at one after the other:
// the newest bar is the one of the last step(). At least `bars` older ones stay.
class History {
 public:
  static constexpr int kBlock = kBlockBars;  // bars of a block at most

  explicit History(int64_t bars) : past_(static_cast<size_t>(bars)), end_(past_), now_(end_ - 1) {
    const size_t room = end_ + 2 * kBlock;
    for (auto* column : {&open_, &high_, &low_, &close_, &atr_}) column->resize(room);
    ts_open_.resize(room);
  }
  // The next n <= kBlock bars, after a step() for each of those before.
  void extend(const BarColumns& bars) {
    const auto n = static_cast<size_t>(bars.n);
    if (end_ + n > open_.size()) {
      const auto move = [&](auto& column) {
        std::copy_n(column.data() + end_ - past_, past_, column.data());
      };
      for (auto* column : {&open_, &high_, &low_, &close_, &atr_}) move(*column);
      move(ts_open_);
      end_ = past_;
      now_ = end_ - 1;
    }
    std::copy_n(bars.open, n, open_.data() + end_);
    std::copy_n(bars.high, n, high_.data() + end_);
    std::copy_n(bars.low, n, low_.data() + end_);
    std::copy_n(bars.close, n, close_.data() + end_);
    if (bars.atr != nullptr) {
      std::copy_n(bars.atr, n, atr_.data() + end_);
    } else {
      std::fill_n(atr_.data() + end_, n, std::numeric_limits<double>::quiet_NaN());
    }
    if (bars.ts_open != nullptr) std::copy_n(bars.ts_open, n, ts_open_.data() + end_);
    end_ += n;
  }
  void step() {
    ++now_;
    ++count_;
  }
  // `ago` bars before the newest; the caller has checked that size() > ago.
  Candle candle(int64_t ago) const {
    const size_t i = now_ - static_cast<size_t>(ago);
    return {open_[i], high_[i], low_[i], close_[i]};
  }
  PastBar back(int64_t ago) const {
    const size_t i = now_ - static_cast<size_t>(ago);
    return {candle(ago), atr_[i], ts_open_[i]};
  }
  double high(int64_t ago) const { return high_[now_ - static_cast<size_t>(ago)]; }
  double low(int64_t ago) const { return low_[now_ - static_cast<size_t>(ago)]; }
  double atr() const { return atr_[now_]; }
  // The bar of the next step(), and those that follow it in the block and stand before it.
  const double* next_high() const { return high_.data() + now_ + 1; }
  const double* next_low() const { return low_.data() + now_ + 1; }
  int64_t size() const { return count_; }
  void reset() {
    end_ = past_;
    now_ = end_ - 1;
    count_ = 0;
  }

 private:
  size_t past_;
  size_t end_;  // behind the last bar taken in
  size_t now_;  // of the newest bar
  int64_t count_ = 0;
  std::vector<double> open_;
  std::vector<double> high_;
  std::vector<double> low_;
  std::vector<double> close_;
  std::vector<double> atr_;
  std::vector<int64_t> ts_open_;
};

}  // namespace smctrain::features::smc
