// The last accepted bars, and prices seen from one side.
//
// Every rule is written once, for the long side. The short side reads the mirrored candle, (O, H, L, C) ->
// (-O, -L, -H, -C); negation is exact, so both sides compare the very same numbers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

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

class History {
 public:
  explicit History(int bars) : ring_(std::bit_ceil(static_cast<size_t>(bars))), mask_(ring_.size() - 1) {}
  void push(const PastBar& bar) { ring_[static_cast<size_t>(count_++) & mask_] = bar; }
  // `ago` accepted bars before the newest; the caller has checked that size() > ago.
  const PastBar& back(int64_t ago) const { return ring_[static_cast<size_t>(count_ - 1 - ago) & mask_]; }
  int64_t size() const { return count_; }
  void reset() { count_ = 0; }

 private:
  std::vector<PastBar> ring_;
  size_t mask_;
  int64_t count_ = 0;
};

}  // namespace smctrain::features::smc
