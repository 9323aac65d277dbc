// Rows drawn with chances as their weights (the bootstrap of a forest).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "smctrain/base/rng.h"

namespace smctrain::models {

// Draws rows with probabilities as their weights: one number and two look-ups a draw (Vose, "A linear
// algorithm for generating random numbers with a given distribution", IEEE Transactions on Software
// Engineering 17, 1991).
class RowDraw {
 public:
  RowDraw() = default;
  explicit RowDraw(std::vector<double> weights) {
    const auto n = static_cast<int64_t>(weights.size());
    if (std::all_of(weights.begin(), weights.end(), [&](double w) { return w == weights[0]; })) return;
    const double largest = *std::max_element(weights.begin(), weights.end());
    double sum = 0.0;
    for (double& weight : weights) sum += weight /= largest;  // so that no sum overflows
    slots_.resize(weights.size());
    std::vector<int32_t> light;
    std::vector<int32_t> heavy;
    for (int64_t i = 0; i < n; ++i) {
      double& weight = weights[static_cast<size_t>(i)];
      weight *= static_cast<double>(n) / sum;
      (weight < 1.0 ? light : heavy).push_back(static_cast<int32_t>(i));
    }
    while (!light.empty() && !heavy.empty()) {
      const int32_t small = light.back();
      const int32_t large = heavy.back();
      light.pop_back();
      slots_[static_cast<size_t>(small)] = {weights[static_cast<size_t>(small)], large};
      double& left = weights[static_cast<size_t>(large)];
      left -= 1.0 - weights[static_cast<size_t>(small)];
      if (left < 1.0) {
        heavy.pop_back();
        light.push_back(large);
      }
    }
    for (const auto& rest : {light, heavy}) {
      for (const int32_t i : rest) slots_[static_cast<size_t>(i)] = {1.0, i};
    }
  }

  int64_t draw(int64_t n, Philox& stream) const {
    if (slots_.empty()) return stream.below(n);
    const double place = stream.uniform() * static_cast<double>(n);
    const auto i = static_cast<int64_t>(place);
    const Slot& slot = slots_[static_cast<size_t>(i)];
    return place - static_cast<double>(i) < slot.share ? i : slot.other;
  }

 private:
  struct Slot {
    double share = 1.0;  // of the slot's own row; the rest is the other's
    int32_t other = 0;
  };
  std::vector<Slot> slots_;  // empty: all rows weigh the same
};

}  // namespace smctrain::models
