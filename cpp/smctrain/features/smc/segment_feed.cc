#include "smctrain/features/smc/segment_feed.h"

#include <algorithm>
#include <utility>

namespace smctrain::features::smc {

bool SegmentFeed::next() {
  const int64_t end = bars_.size();
  bool is_new = false;
  for (; t_ < end; ++t_) {
    is_new = is_new || is_border(t_);
    if (is_usable(t_)) break;
  }
  if (t_ >= end) return false;
  first_row_ = t_++;
  starts_segment_ = is_new;
  if (is_new) {
    context_.reset();
    rows_.add(accepted_, first_row_);
    std::swap(rows_, ended_rows_);
    rows_.clear();
    accepted_ = 0;
  }
  const int64_t stop = std::min(end, first_row_ + History::kBlock);
  while (t_ < stop && !is_border(t_) && is_usable(t_)) ++t_;

  rows_.add(accepted_, first_row_);
  const auto first = static_cast<size_t>(first_row_);
  columns_.n = static_cast<int>(t_ - first_row_);
  columns_.ts_open = bars_.ts_open.data() + first;
  columns_.open = bars_.open.data() + first;
  columns_.high = bars_.high.data() + first;
  columns_.low = bars_.low.data() + first;
  columns_.close = bars_.close.data() + first;
  if (needs_.atr || needs_.mean_and_rsi) measure();
  accepted_ += columns_.n;
  return true;
}

void SegmentFeed::measure() {
  columns_.atr = atr_.data();
  columns_.ema_first_50 = mean_.data();
  columns_.rsi_wilder_14 = rsi_.data();
  for (int i = 0; i < columns_.n; ++i) {
    const auto k = static_cast<size_t>(i);
    const Bar bar = bars_[first_row_ + i];
    if (needs_.mean_and_rsi) {
      const Context context = context_.push(bar);
      atr_[k] = context.atr;
      mean_[k] = context.ema_first_50;
      rsi_[k] = context.rsi_wilder_14;
    } else {
      atr_[k] = context_.push_atr(bar);
    }
  }
}

}  // namespace smctrain::features::smc
