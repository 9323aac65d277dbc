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
      : values_(Block::kPast + kColumnStride, before_start), before_start_(before_start) {}

  // Room for the next n <= kBlockBars values; index -1 of it is the newest value so far. Invalidates what an
  // earlier call returned.
  double* extend(int n) {
    if (end_ + n > Block::kPast + kBlockBars) {
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
  std::vector<double> values_;
  double before_start_;
  int end_ = Block::kPast;
};

}  // namespace smctrain::features
