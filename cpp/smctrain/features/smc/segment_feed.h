// A bar array for the engine: blocks of bars with finite prices, each without a hole and of one segment, with
// their indicators.
//
//   while (feed.next()) { if (feed.starts_segment()) ...; engine.begin(feed.columns()); ... }
//
// Prices are handed over where they lie; a bar with a missing price ends a block and is left out.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "smctrain/bars/bar.h"
#include "smctrain/features/smc/context_feed.h"
#include "smctrain/features/smc/engine.h"

namespace smctrain::features::smc {

// Indicators that somebody looks at.
struct FeedNeeds {
  bool atr = true;
  bool atr_is_sma = false;
  bool mean_and_rsi = true;
};

// Rows of a segment's accepted bars, which are counted from 0.
class RowsOfBars {
 public:
  // Bar t and those after it lie on `row` and the rows after it.
  void add(int64_t t, int64_t row) {
    if (stretches_.empty() || (*this)[t] != row) stretches_.push_back({t, row});
  }
  int64_t operator[](int64_t t) const {
    auto stretch = stretches_.end() - 1;
    if (t < stretch->first) {
      stretch = std::upper_bound(stretches_.begin(), stretches_.end(), t,
                                 [](int64_t at, const Stretch& one) { return at < one.first; }) -
                1;
    }
    return stretch->row + (t - stretch->first);
  }
  void clear() { stretches_.clear(); }

 private:
  struct Stretch {
    int64_t first = 0;
    int64_t row = 0;
  };
  std::vector<Stretch> stretches_;
};

class SegmentFeed {
 public:
  SegmentFeed(const BarsView& bars, const FeedNeeds& needs)
      : bars_(bars), needs_(needs), context_(needs.atr_is_sma) {}

  // The next block of accepted bars; false after the last.
  bool next();
  bool starts_segment() const { return starts_segment_; }  // whose first accepted bar is that of the block
  const BarColumns& columns() const { return columns_; }
  int64_t first_row() const { return first_row_; }  // of the block
  // Of the running segment; of the one before it, with the first row of the running one behind its end.
  const RowsOfBars& rows() const { return rows_; }
  const RowsOfBars& ended_rows() const { return ended_rows_; }

 private:
  bool is_usable(int64_t t) const {
    const auto i = static_cast<size_t>(t);
    return std::isfinite(bars_.open[i]) && std::isfinite(bars_.high[i]) && std::isfinite(bars_.low[i]) &&
           std::isfinite(bars_.close[i]);
  }
  bool is_border(int64_t t) const {
    return t == 0 || bars_.segment[static_cast<size_t>(t)] != bars_.segment[static_cast<size_t>(t - 1)];
  }
  void measure();

  BarsView bars_;
  FeedNeeds needs_;
  ContextFeed context_;
  int64_t t_ = 0;         // next row
  int64_t accepted_ = 0;  // bars of the segment
  bool starts_segment_ = false;
  int64_t first_row_ = 0;
  BarColumns columns_;
  RowsOfBars rows_;
  RowsOfBars ended_rows_;
  std::array<double, History::kBlock> atr_{};
  std::array<double, History::kBlock> mean_{};
  std::array<double, History::kBlock> rsi_{};
};

}  // namespace smctrain::features::smc
