// A stream of numbers seen in blocks: the values of the block and, right before them in memory, the newest
// kPast values of earlier blocks. NaN stands where the stream had not begun.
//
// A window that ends on any value of the block is then one stretch of memory, whatever the size of the block.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "smctrain/features/machine.h"

namespace smctrain::features {

class Recent {
 public:
  explicit Recent(double before_start = kNaN)
      : values_(Block::kPast + column_stride(kFew), before_start), before_start_(before_start) {}

  // Room for the next n <= kBlockBars values; index -1 of it is the newest value so far. Invalidates what an
  // earlier call returned.
  double* extend(int n) {
    if (static_cast<size_t>(end_) + column_stride(n) > values_.size()) {
      if (n > kFew) values_.resize(std::max(values_.size(), Block::kPast + column_stride(n)));
      std::copy_n(values_.data() + end_ - Block::kPast, Block::kPast, values_.data());
      end_ = Block::kPast;
    }
    double* block = values_.data() + end_;
    end_ += n;
    return block;
  }
  void reset() {
    std::fill_n(values_.data(), Block::kPast, before_start_);
    end_ = Block::kPast;
  }

 private:
  // A stream, which takes its bars one by one, moves the past this often; for longer blocks the room grows.
  static constexpr int kFew = 64;

  std::vector<double> values_;
  double before_start_;
  int end_ = Block::kPast;
};

}  // namespace smctrain::features
