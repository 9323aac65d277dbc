// One random split of a column: extremely randomised trees. No histogram: two passes over the node's rows.
#include <algorithm>
#include <bit>

#include "smctrain/models/forest/tree_grower.h"

namespace smctrain::models::growing {

template <class Code>
bool TreeGrower<Code>::search_random(int64_t begin, int64_t end, int64_t column, Split& best) {
  // The node's codes side by side, for both passes. A missing code turns into 0 when 1 is added to a byte.
  const Code* codes = matrix_.column<Code>(column);
  const int32_t* rows = rows_.data();  // a byte written through `here` may not alias it
  Code* here = codes_here_.data();
  Code lowest_code = kNone;
  Code above_highest = 0;
  Code largest = 0;
  for (int64_t i = begin; i < end; ++i) {
    const Code code = codes[rows[i]];
    here[i] = code;
    lowest_code = std::min(lowest_code, code);
    above_highest = std::max(above_highest, static_cast<Code>(code + 1));
    largest = std::max(largest, code);
  }
  if (above_highest == 0) return false;
  const int lowest = lowest_code;
  const int highest = above_highest - 1;
  const bool has_missing = largest == kNone;
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

template <class Code>
double TreeGrower<Code>::random_score(int64_t begin, int64_t end, Split& split, int64_t& n_left,
                                      double& left_mass) {
  const Code* here = codes_here_.data();
  const auto code = static_cast<Code>(split.code);  // below kNone
  const auto missing_left = static_cast<unsigned>(split.missing_left);
  // 1 or 0, without a branch: which side a row takes cannot be foreseen.
  const auto goes_left = [&](int64_t i) {
    return static_cast<unsigned>(here[i] <= code) | (static_cast<unsigned>(here[i] == kNone) & missing_left);
  };
  const uint64_t* additions = additions_.data();
  left_mass = 0.0;
  n_left = 0;
  if (form_ == Form::kMoments) {
    double sum = 0.0;
    for (int64_t i = begin; i < end; ++i) {
      const unsigned left = goes_left(i);
      const uint64_t mask = ~(uint64_t{left} - 1);
      sum += std::bit_cast<double>(additions[2 * i] & mask);
      left_mass += std::bit_cast<double>(additions[2 * i + 1] & mask);
      n_left += left;
    }
    const double right_mass = mass_ - left_mass;
    if (!(left_mass >= least_mass_ && right_mass >= least_mass_)) return -1.0;
    const double right_sum = total_[0] - sum;
    return (sum * sum * right_mass + right_sum * right_sum * left_mass) / (left_mass * right_mass);
  }
  if (counts_fit_lanes()) {
    std::array<uint64_t, 2> left{};
    if (words_ == 1 && missing_left == 0) {
      for (int64_t i = begin; i < end; ++i) left[0] += additions[i] & (uint64_t{here[i] > code} - 1);
    } else if (words_ == 1) {
      for (int64_t i = begin; i < end; ++i) left[0] += additions[i] & ~(uint64_t{goes_left(i)} - 1);
    } else {
      for (int64_t i = begin; i < end; ++i) {
        const uint64_t mask = ~(uint64_t{goes_left(i)} - 1);
        left[0] += additions[2 * i] & mask;
        left[1] += additions[2 * i + 1] & mask;
      }
    }
    for (int c = 0; c < n_classes_; ++c) {
      left_[static_cast<size_t>(c)] = data_.factors[static_cast<size_t>(c)] *
                                      static_cast<double>(static_cast<int64_t>(lane(left.data(), c)));
    }
    n_left = counts_rows_ ? static_cast<int64_t>(lane(left.data(), n_classes_)) : 1;  // masses say the rest
    split.left_words = left;
  } else {
    std::fill(left_.begin(), left_.end(), 0.0);
    for (int64_t i = begin; i < end; ++i) {
      if (goes_left(i) == 0) continue;
      if (form_ == Form::kMasses) {
        left_[static_cast<size_t>(additions[2 * i + 1])] += std::bit_cast<double>(additions[2 * i]);
      } else {
        const int label = data_.labels[static_cast<size_t>(rows_[static_cast<size_t>(i)])];
        left_[static_cast<size_t>(label)] += static_cast<double>(lane(additions + i * words_, label));
      }
      ++n_left;
    }
    for (int c = 0; c < n_classes_; ++c)
      left_[static_cast<size_t>(c)] *= data_.factors[static_cast<size_t>(c)];
  }
  for (const double mass : left_) left_mass += mass;
  return split_score(left_.data(), total_.data(), n_classes_, least_mass_);
}

template bool TreeGrower<uint8_t>::search_random(int64_t, int64_t, int64_t, Split&);
template bool TreeGrower<uint16_t>::search_random(int64_t, int64_t, int64_t, Split&);

}  // namespace smctrain::models::growing
