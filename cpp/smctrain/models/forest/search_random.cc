// One random split of a column: extremely randomised trees. No histogram: two passes over the node's rows.
#include <algorithm>
#include <bit>

#include "smctrain/models/forest/tree_grower.h"

namespace smctrain::models::growing {

bool TreeGrower::search_random(int64_t begin, int64_t end, int64_t column, Split& best) {
  const uint8_t* codes = matrix_.column(column);
  int lowest = kMissingCode;
  int highest = -1;
  for (int64_t i = begin; i < end; ++i) {
    const int code = codes[rows_[static_cast<size_t>(i)]];
    lowest = std::min(lowest, code);
    highest = std::max(highest, code == kMissingCode ? -1 : code);
  }
  if (highest < 0) return false;
  bool has_missing = false;
  for (int64_t i = begin; i < end && !has_missing; ++i) {
    has_missing = codes[rows_[static_cast<size_t>(i)]] == kMissingCode;
  }
  Split split;
  split.feature = column;
  if (lowest == highest) {
    if (!has_missing) return false;
    split.code = n_codes(column) - 1;  // all values left, the missing ones right
  } else {
    const std::vector<float>& centres = matrix_.centres[static_cast<size_t>(column)];
    const double low = centres[static_cast<size_t>(lowest)];
    const double point =
        low + stream_.uniform() * (static_cast<double>(centres[static_cast<size_t>(highest)]) - low);
    const auto first = centres.begin() + lowest + 1;
    const auto above = std::upper_bound(first, centres.begin() + highest, point,
                                        [](double value, float centre) { return value < centre; });
    split.code = lowest + static_cast<int>(above - first);
    if (has_missing) split.missing_left = stream_.uniform() < 0.5;
  }
  int64_t n_left = 0;
  double left_mass = 0.0;
  split.score = random_score(begin, end, split, n_left, left_mass);
  const int64_t fewer = std::min(n_left, end - begin - n_left);
  if (fewer >= std::max<int64_t>(1, settings_.min_samples_leaf) && split.score > best.score) {
    if (!has_missing) split.missing_left = 2.0 * left_mass > mass_;
    best = split;
  }
  return true;
}

double TreeGrower::random_score(int64_t begin, int64_t end, const Split& split, int64_t& n_left,
                                double& left_mass) {
  const uint8_t* codes = matrix_.column(split.feature);
  const auto goes_left = [&](int64_t i) {
    const int code = codes[rows_[static_cast<size_t>(i)]];
    return code == kMissingCode ? split.missing_left : code <= split.code;
  };
  left_mass = 0.0;
  n_left = 0;
  if (regression_) {
    double sum = 0.0;
    for (int64_t i = begin; i < end; ++i) {
      if (!goes_left(i)) continue;
      sum += std::bit_cast<double>(additions_[static_cast<size_t>(2 * i)]);
      left_mass += std::bit_cast<double>(additions_[static_cast<size_t>(2 * i + 1)]);
      ++n_left;
    }
    const double right_mass = mass_ - left_mass;
    if (!(left_mass >= least_mass_ && right_mass >= least_mass_)) return -1.0;
    const double right_sum = total_[0] - sum;
    return (sum * sum * right_mass + right_sum * right_sum * left_mass) / (left_mass * right_mass);
  }
  if (counts_fit_lanes()) {
    std::array<uint64_t, 2> left{};
    if (words_ == 1) {
      for (int64_t i = begin; i < end; ++i) {
        left[0] += additions_[static_cast<size_t>(i)] & (goes_left(i) ? ~uint64_t{0} : 0);
      }
    } else {
      for (int64_t i = begin; i < end; ++i) {
        const uint64_t mask = goes_left(i) ? ~uint64_t{0} : 0;
        left[0] += additions_[static_cast<size_t>(2 * i)] & mask;
        left[1] += additions_[static_cast<size_t>(2 * i + 1)] & mask;
      }
    }
    const auto lane = [&](int index) {
      return (left[static_cast<size_t>(index / 4)] >> (16 * (index % 4))) & kLane;
    };
    for (int c = 0; c < n_classes_; ++c) {
      left_[static_cast<size_t>(c)] =
          data_.factors[static_cast<size_t>(c)] * static_cast<double>(static_cast<int64_t>(lane(c)));
    }
    n_left = static_cast<int64_t>(lane(n_classes_));
  } else {
    std::fill(left_.begin(), left_.end(), 0.0);
    for (int64_t i = begin; i < end; ++i) {
      if (!goes_left(i)) continue;
      const auto row = static_cast<size_t>(rows_[static_cast<size_t>(i)]);
      const double count = counts_[static_cast<size_t>(i)];
      left_[static_cast<size_t>(data_.labels[row])] +=
          data_.weights.empty() ? count : count * data_.weights[row];
      ++n_left;
    }
    for (int c = 0; c < n_classes_; ++c)
      left_[static_cast<size_t>(c)] *= data_.factors[static_cast<size_t>(c)];
  }
  for (const double mass : left_) left_mass += mass;
  return split_score(left_.data(), total_.data(), n_classes_, least_mass_);
}

}  // namespace smctrain::models::growing
