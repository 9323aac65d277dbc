// Largest of the last w values in O(1) per value, without a data-dependent branch.
//
// Values come in blocks of w. The newest w values are the end of the block before and the beginning of the
// running one: when a block is full it turns into the maxima of its own ends (one pass from behind), and the
// running block keeps one maximum. The two overwrite each other in one buffer: place p of the running block
// is needed as an end no longer once it is written. Source: van Herk (1992), Gil and Werman (1993).
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace smctrain::features::smc {

class SlidingMax {
 public:
  explicit SlidingMax(int width) : width_(static_cast<size_t>(width)), values_(width_ + 1, kLowest) {}
  // Largest of the last w values, this one included; of all so far while there are fewer.
  double push(double value) {
    if (next_ == width_) start_block();
    values_[next_++] = value;
    running_ = std::max(running_, value);
    return std::max(running_, values_[next_]);
  }
  void reset() {
    std::fill(values_.begin(), values_.end(), kLowest);
    next_ = 0;
    running_ = kLowest;
  }

 private:
  static constexpr double kLowest = -std::numeric_limits<double>::infinity();

  void start_block() {
    for (size_t i = width_ - 1; i > 0; --i) values_[i - 1] = std::max(values_[i - 1], values_[i]);
    next_ = 0;
    running_ = kLowest;
  }

  size_t width_;
  std::vector<double> values_;  // and one that stays lowest, the end of a full block
  size_t next_ = 0;
  double running_ = kLowest;
};

}  // namespace smctrain::features::smc
